"""The embedding layer: features into latent vectors of G (section 3.4, figure 3)."""

import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.resampling import global_average
from mgm_tf.networks.layers.spectral_normalization import SpectralDense


class Embedding(CompositeModel):
    """Global average pooling and a dense layer (appendix A).

    Args:
      units: size of the latent vector.
    """

    def __init__(self, units: int = 128, name: str | None = None):
        super().__init__(name=name)
        # Interpretation: spectrally and batch normalised as in the authors' code, so
        # that the features add to the unit noise on its own scale.
        self.dense = SpectralDense(units)
        self.normalize = BatchNormalization()

    def call(self, features, training=False):
        """Features [N, h, w, C] to [N, units]."""
        embedded = self.dense(global_average(features))
        return tf.cast(self.normalize(embedded, training=training), tf.float32)
