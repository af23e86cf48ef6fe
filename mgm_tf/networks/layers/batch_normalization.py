"""Batch normalization whose two effects are decided separately."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from mgm_tf.networks.layers import folding
from mgm_tf.networks.layers.base import Shape, state_variable
from mgm_tf.tasks import replicas

# Replicas of a strategy run in threads of their own.
_THREAD = threading.local()


@contextlib.contextmanager
def advancing_statistics(advance: bool) -> Iterator[None]:
    """Sets whether layers that normalise by their batch move their averages, within it.

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


@dataclasses.dataclass(frozen=True)
class Moments:
    """What a layer has normalised by in one pass.

    Attributes:
      number: the number of values of a channel, [].
      mean: their mean, [C].
      variance: their mean squared deviation from it, [C].
    """

    number: tf.Tensor
    mean: tf.Tensor
    variance: tf.Tensor


# A layer has an entry for each time that it is called.
Recorded = dict["BatchNormalization", list[Moments]]


@contextlib.contextmanager
def recording_moments(recorded: Recorded | None) -> Iterator[None]:
    """Has layers normalise by their batch without `training` as well, and record it.

    It holds for this thread only.

    Args:
      recorded: what the moments are added to; None for layers to do as usual.
    """
    before = _recorded()
    _THREAD.recorded = recorded
    try:
        yield
    finally:
        _THREAD.recorded = before


def _recorded() -> Recorded | None:
    return getattr(_THREAD, "recorded", None)


class BatchNormalization(keras.layers.Layer):
    """Batch normalization of [N, H, W, C] or [N, C] over all axes but the last.

    With `training` it normalises by the global batch (of all replicas), else by the
    moving averages; within `recording_moments` always by the batch. The averages
    advance only with `training` and within
    `advancing_statistics(True)`: a network that is frozen, or that sees images unlike
    those of test time, normalises by its batch and keeps its averages.

    Args:
      momentum: the share of a moving average that stays in a step, 1 - PyTorch's
        momentum.
      epsilon: the number that is added to the variance.
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
        # Inputs are normalised in the dtype that they have.
        super().__init__(name=name, autocast=False)
        self.momentum = momentum
        self.epsilon = epsilon
        self.scale = scale
        self.center = center

    def build(self, input_shape: Shape) -> None:
        """Creates gamma, beta and the moving averages, [C] each.

        Raises:
          ValueError: the inputs are neither [N, C] nor [N, H, W, C].
        """
        if len(input_shape) not in (2, 4):
            raise ValueError(f"Expected [N, C] or [N, H, W, C], got {input_shape}.")

        def weight(initializer: str, name: str) -> keras.Variable:
            return self.add_weight(
                shape=shape, initializer=initializer, autocast=False, name=name
            )

        shape = (input_shape[-1],)
        self.gamma = weight("ones", "gamma") if self.scale else None
        self.beta = weight("zeros", "beta") if self.center else None
        self.moving_mean = state_variable(shape, "zeros", "moving_mean")
        self.moving_variance = state_variable(shape, "ones", "moving_variance")

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalises [N, H, W, C] or [N, C]; returns the same shape."""
        folded = folding.current().offsets
        if self in folded:
            offset = folded[self]
            return inputs if offset is None else tf.nn.bias_add(inputs, offset)
        images = inputs if len(inputs.shape) == 4 else inputs[:, None, None, :]
        by_batch = training or _recorded() is not None
        normalize = self._by_batch if by_batch else self._by_averages
        outputs = normalize(images, *self._affine())
        return outputs if len(inputs.shape) == 4 else outputs[:, 0, 0, :]

    def affine_map(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the factor and the offset of each channel at test time, [C] each."""
        gamma, beta = self._affine()
        scale = gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, beta - scale * self.moving_mean

    def _affine(self) -> tuple[tf.Tensor, tf.Tensor]:
        shape = self.moving_mean.shape
        gamma = tf.ones(shape) if self.gamma is None else self.gamma
        beta = tf.zeros(shape) if self.beta is None else self.beta
        return tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)

    def _by_averages(
        self, images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor
    ) -> tf.Tensor:
        return tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=gamma,
            offset=beta,
            mean=tf.convert_to_tensor(self.moving_mean),
            variance=tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=False,
        ).y

    def _by_batch(
        self, images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor
    ) -> tf.Tensor:
        several = replicas.count() > 1
        normalize = _synchronized if several else _fused
        outputs, mean, variance = normalize(images, gamma, beta, self.epsilon)
        if _advancing():
            self._advance(self.moving_mean, mean)
            self._advance(self.moving_variance, variance)
        recorded = _recorded()
        if recorded is not None:
            number = tf.cast(tf.size(images) // images.shape[-1], mean.dtype)
            biased = variance * (number - 1) / number
            recorded.setdefault(self, []).append(Moments(number, mean, biased))
        return outputs

    def _advance(self, average: keras.Variable, value: tf.Tensor) -> None:
        average.assign(self.momentum * average + (1 - self.momentum) * value)


def _fused(
    images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the normalised images, their mean and unbiased variance; one replica.

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


def _synchronized(
    images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns what `_fused` does, for the batch of all replicas."""
    values = tf.cast(images, gamma.dtype)
    mean, squares, number = _joint_moments(tf.stop_gradient(values))
    inverse = tf.math.rsqrt(squares / number + epsilon)
    outputs = _normalize(values, gamma, beta, mean, inverse, number)
    unbiased = squares / tf.maximum(number - 1.0, 1.0)
    return tf.cast(outputs, images.dtype), mean, unbiased


def _joint_moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the mean, sum of squared deviations and number of all replicas' values.

    Their shapes are [C], [C] and []. Every replica centres by its own mean and gives
    its three numbers in a row of its own: one exchange, and no E[x^2] - E[x]^2, which
    cancels where the mean is large. Replicas may hold different numbers of examples.
    """
    channels = values.shape[-1]
    number = tf.cast(tf.size(values) // channels, values.dtype)
    mean = tf.math.divide_no_nan(_channel_sums(values), number)
    squares = _channel_sums(tf.square(values - mean))
    row = tf.one_hot(replicas.index(), replicas.count(), dtype=values.dtype)
    own = tf.concat([mean, squares, number[None]], axis=0)
    table = replicas.total(row[:, None] * own)
    means, squares, numbers = tf.split(table, (channels, channels, 1), axis=1)
    # The parallel algorithm of Chan et al. (1979): sum over replicas r of
    # squares_r + number_r (mean_r - mean)^2.
    number = tf.reduce_sum(numbers)
    mean = tf.reduce_sum(numbers * means, axis=0) / number
    squares += numbers * tf.square(means - mean)
    return mean, tf.reduce_sum(squares, axis=0), number


@tf.custom_gradient
def _normalize(
    values: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    inverse: tf.Tensor,
    number: tf.Tensor,
) -> tuple[tf.Tensor, Callable]:
    """Returns (values - mean) * inverse * gamma + beta, with all replicas' gradient.

    Mean and inverse deviation depend on the values of all replicas; written out, the
    gradient through them takes one exchange and few operations.
    """
    normalized = (values - mean) * inverse

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        by_beta = _channel_sums(upstream)
        by_gamma = _channel_sums(upstream * normalized)
        # Ioffe and Szegedy (2015), section 3: with y the normalised values and g the
        # gradient to the output, gamma / sqrt(var) * (g - mean(g) - y mean(g y)).
        means = replicas.total(tf.stack([by_beta, by_gamma])) / number
        along = means[0] + means[1] * normalized
        by_values = (upstream - along) * (inverse * gamma)
        return by_values, by_gamma, by_beta, None, None, None

    return normalized * gamma + beta, gradient


def _channel_sums(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(images, axis=(0, 1, 2))
