"""E_self: features into the space of contrastive learning (section 3.2)."""

import keras

from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.resampling import global_average


class Projector(CompositeModel):
    """The projection head of SimCLR (Chen et al., 2020), on pooled features.

    Args:
      hidden: units of the hidden layer.
      units: of the output; 128 in the paper.
    """

    def __init__(self, hidden: int, units: int = 128, name: str | None = None):
        super().__init__(name=name)
        # Interpretation: the paper gives the output only; the hidden layer is as wide
        # as the features, as in SimCLR.
        self.hidden = keras.layers.Dense(hidden, activation="relu")
        self.output_layer = keras.layers.Dense(units, dtype="float32")

    def call(self, features):
        """Features [N, h, w, C] to [N, units]."""
        return self.output_layer(self.hidden(global_average(features)))
