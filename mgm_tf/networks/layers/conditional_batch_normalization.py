"""Conditional batch normalization, equation (1)."""

from typing import Any

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import Shape
from mgm_tf.networks.layers.batch_normalization import BatchNormalization


def _identity_table(shape: Shape, dtype: Any = None) -> tf.Tensor:
    """Returns a table whose rows are (gamma, beta) = (1, 0)."""
    half = (shape[0], shape[1] // 2)
    return tf.concat([tf.ones(half, dtype), tf.zeros(half, dtype)], axis=1)


class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalization with gamma and beta of the image's class, equation (1).

    The condition is a vector over the classes, not a number: with one-hot vectors
    `condition @ table` is the look-up of a row, with several labels a mixture of rows.

    Args:
      momentum: the share of a moving average that stays in a step.
    """

    def __init__(self, momentum: float = 0.999, name: str | None = None):
        super().__init__(name=name)
        self.normalize = BatchNormalization(momentum, scale=False, center=False)

    def build(self, inputs_shape: Shape, condition_shape: Shape) -> None:
        """Creates the table [classes, 2 C]: gammas, then betas."""
        self.normalize.build(inputs_shape)
        self.table = self.add_weight(
            shape=(condition_shape[-1], 2 * inputs_shape[-1]),
            initializer=_identity_table,
            name="table",
        )

    def call(
        self, inputs: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Normalises [N, H, W, C] under conditions [N, classes]."""
        # gamma_c and beta_c of equation (1): c @ table.
        rows = tf.matmul(tf.cast(condition, self.compute_dtype), self.table)
        gamma, beta = tf.split(rows[:, None, None, :], 2, axis=-1)
        # (f - E[f]) / sqrt(Var[f] + epsilon), times gamma_c, plus beta_c.
        return self.normalize(inputs, training=training) * gamma + beta
