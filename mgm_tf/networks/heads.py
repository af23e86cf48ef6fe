"""The heads on E's features: E_self of section 3.2 and the embedding of section 3.4."""

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.precision import full_dtype
from mgm_tf.networks.layers.resampling import global_average
from mgm_tf.networks.layers.spectral_normalization import SpectralDense


class Projector(CompositeModel):
    """E_self: the projection head of SimCLR (Chen et al., 2020), on pooled features.

    Args:
      hidden: the number of units of the hidden layer.
      units: the number of units of the output; 128 in the paper (appendix A).
    """

    def __init__(self, hidden: int, units: int = 128, name: str | None = None):
        super().__init__(name=name)
        # Interpretation: the paper gives the output only; the hidden layer is as wide
        # as the features, as in SimCLR.
        full = full_dtype()
        self.hidden = keras.layers.Dense(hidden, activation="relu", dtype=full)
        self.output_layer = keras.layers.Dense(units, dtype=full)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Maps features [N, h, w, C] to [N, units]."""
        return self.output_layer(self.hidden(global_average(features)))


class Embedding(CompositeModel):
    """The embedding layer: global average pooling and a dense layer (appendix A).

    It makes latent vectors of G from features (section 3.4, figure 3).

    Args:
      units: the number of entries of a latent vector.
    """

    def __init__(self, units: int = 128, name: str | None = None):
        super().__init__(name=name)
        # Interpretation: spectrally and batch normalised as in the authors' code, so
        # that the features add to the unit noise on its own scale.
        self.dense = SpectralDense(units, full_dtype())
        self.normalize = BatchNormalization()

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps features [N, h, w, C] to [N, units]."""
        embedded = self.dense(global_average(features))
        return self.normalize(embedded, training=training)
