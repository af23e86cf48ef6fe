"""Conditional batch normalization, equation (1)."""

import keras
import tensorflow as tf

from mgm_tf.networks.layers.batch_normalization import BatchNormalization


def _identity_table(shape, dtype=None):
    """Rows (gamma, beta) = (1, 0)."""
    half = (shape[0], shape[1] // 2)
    return tf.concat([tf.ones(half, dtype), tf.zeros(half, dtype)], axis=1)


class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalization with gamma and beta of the image's class, equation (1).

    The condition is a vector over the classes, not a number: with one-hot vectors
    `condition @ table` is the look-up of a row, with several labels a mixture of rows.

    Args:
      momentum: of the moving averages.
    """

    def __init__(self, momentum: float = 0.999, name: str | None = None):
        super().__init__(name=name)
        self.normalize = BatchNormalization(momentum, scale=False, center=False)

    def build(self, inputs_shape, condition_shape):
        """Creates the table [classes, 2 C]: gammas, then betas."""
        self.normalize.build(inputs_shape)
        self.table = self.add_weight(
            shape=(condition_shape[-1], 2 * inputs_shape[-1]),
            initializer=_identity_table,
            name="table",
        )

    def call(self, inputs, condition, training=False):
        """Normalises [N, H, W, C] under conditions [N, classes]."""
        rows = tf.matmul(tf.cast(condition, self.compute_dtype), self.table)
        gamma, beta = tf.split(rows[:, None, None, :], 2, axis=-1)
        return self.normalize(inputs, training=training) * gamma + beta
