"""Batch normalization whose two effects are decided separately."""

import contextlib
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

from mgm_tf import replicas

# Replicas of a strategy run in threads of their own.
_THREAD = threading.local()


@contextlib.contextmanager
def advancing_statistics(advance: bool) -> Iterator[None]:
    """Within it, layers that normalise by their batch move their averages too, or not.

    It holds for this thread only: a replica function sets it inside itself. Without it
    the averages stay.
    """
    before = _advancing()
    _THREAD.advance = advance
    try:
        yield
    finally:
        _THREAD.advance = before


def _advancing() -> bool:
    return getattr(_THREAD, "advance", False)


class BatchNormalization(keras.layers.Layer):
    """Batch normalization of [N, H, W, C] or [N, C] over all axes but the last.

    With `training` it normalises by the global batch (of all replicas), else by the
    moving averages. These advance only with `training` and within
    `advancing_statistics(True)`: a network that is frozen, or that sees images unlike
    those of test time, normalises by its batch and keeps its averages.

    Args:
      momentum: share of a moving average that stays in a step (1 - PyTorch's momentum).
      epsilon: added to the variance.
      scale: whether to learn a factor gamma, from 1.
      center: whether to learn an offset beta, from 0.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        scale: bool = True,
        center: bool = True,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.momentum = momentum
        self.epsilon = epsilon
        self.scale = scale
        self.center = center

    def build(self, input_shape):
        """Creates gamma, beta and the moving averages, [C] each."""
        if len(input_shape) not in (2, 4):
            raise ValueError(f"Expected [N, C] or [N, H, W, C], got {input_shape}.")

        def vector(name, initializer, trainable):
            return self.add_weight(
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                autocast=False,
                # What is assigned is the same on every replica.
                aggregation="none" if trainable else "only_first_replica",
                name=name,
            )

        self.gamma = vector("gamma", "ones", True) if self.scale else None
        self.beta = vector("beta", "zeros", True) if self.center else None
        self.moving_mean = vector("moving_mean", "zeros", False)
        self.moving_variance = vector("moving_variance", "ones", False)

    def call(self, inputs, training=False):
        """Normalises `inputs`; returns their shape."""
        images = inputs if len(inputs.shape) == 4 else inputs[:, None, None, :]
        normalize = self._by_batch if training else self._by_averages
        outputs = normalize(images, *self._affine())
        return outputs if len(inputs.shape) == 4 else outputs[:, 0, 0, :]

    def _affine(self):
        shape = self.moving_mean.shape
        gamma = tf.ones(shape) if self.gamma is None else self.gamma
        beta = tf.zeros(shape) if self.beta is None else self.beta
        return tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)

    def _by_averages(self, images, gamma, beta):
        return tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=gamma,
            offset=beta,
            mean=tf.convert_to_tensor(self.moving_mean),
            variance=tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=False,
        ).y

    def _by_batch(self, images, gamma, beta):
        several = replicas.count() > 1
        normalize = _synchronized if several else _fused
        outputs, mean, variance = normalize(images, gamma, beta, self.epsilon)
        if _advancing():
            self._advance(self.moving_mean, mean)
            self._advance(self.moving_variance, variance)
        return outputs

    def _advance(self, average, value):
        average.assign(self.momentum * average + (1 - self.momentum) * value)


def _fused(images, gamma, beta, epsilon):
    """The normalised images, their mean and (unbiased) variance; on one replica.

    One operation for it takes less than half the time of separate ones.
    """
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=gamma,
        offset=beta,
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    return outputs.y, outputs.batch_mean, outputs.batch_variance


def _synchronized(images, gamma, beta, epsilon):
    """What `_fused` gives, for the batch of all replicas."""
    values = tf.cast(images, gamma.dtype)
    own_number = tf.size(values) // tf.shape(values)[-1]
    own_sum = tf.reduce_sum(values, axis=(0, 1, 2))
    # Replicas may hold different numbers of examples: the number is summed as well.
    sums = replicas.total(
        tf.concat([own_sum, tf.cast(own_number, values.dtype)[None]], axis=0)
    )
    mean, number = sums[:-1] / sums[-1], sums[-1]
    # Centred first: E[x^2] - E[x]^2 would cancel where the mean is large.
    centred = values - mean
    squares = replicas.total(tf.reduce_sum(tf.square(centred), axis=(0, 1, 2)))
    factor = gamma * tf.math.rsqrt(squares / number + epsilon)
    unbiased = squares / tf.maximum(number - 1.0, 1.0)
    return tf.cast(centred * factor + beta, images.dtype), mean, unbiased
