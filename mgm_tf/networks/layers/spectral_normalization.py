"""Spectral normalization: kernels divided by their largest singular value.

Equations and algorithm 1: Miyato et al., "Spectral Normalization for Generative
Adversarial Networks" (2018).
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.networks.layers import folding
from mgm_tf.networks.layers.base import Shape, state_variable
from mgm_tf.networks.layers.convolution import convolve, xavier


class SpectralLayer(keras.layers.Layer):
    """A layer that uses its kernel divided by sigma (Miyato et al., 2018).

    The kernel is seen as a matrix W [everything else, outputs]. Unit vectors u and v
    follow its first pair of singular vectors, and sigma = v' W u. To the gradient the
    vectors are constants, sigma is not. Calling the layer changes nothing: `advance`
    takes one step of the power iteration, so that all calls between two advances see
    one kernel.
    """

    def add_kernel(self, shape: Shape, initializer: Callable | None = None) -> None:
        """Creates the kernel [..., outputs] and its two vectors."""
        self.kernel = self.add_weight(
            shape=shape,
            initializer=initializer or xavier(),
            autocast=False,
            name="kernel",
        )
        self.u = state_variable(shape[-1:], _random_unit, "u")
        # Not random as well: v' W u of two random vectors is about 0, of either sign.
        self.v = state_variable((math.prod(shape[:-1]),), self._follow, "v")

    def _follow(self, shape: Shape | None = None, dtype: Any = None) -> tf.Tensor:
        # Algorithm 1: v <- W' u / |W' u|, where their W is our transpose.
        return _unit(tf.linalg.matvec(self._matrix(), self.u))

    def _matrix(self) -> tf.Tensor:
        return tf.reshape(self.kernel, (-1, self.kernel.shape[-1]))

    def sigma(self) -> tf.Tensor:
        """Returns the estimate of the kernel's largest singular value, []."""
        u, v = tf.stop_gradient(self.u), tf.stop_gradient(self.v)
        # Algorithm 1: sigma = u' W v; in our order of axes v' W u.
        return tf.reduce_sum(v * tf.linalg.matvec(self._matrix(), u))

    def normalized_kernel(self) -> tf.Tensor:
        """Returns W / sigma(W), eq. (8), in the dtype that the layer computes in."""
        if self in folding.current().divided:
            return tf.cast(self.kernel, self.compute_dtype)
        u, v = tf.stop_gradient(self.u), tf.stop_gradient(self.v)
        kernel = _divided(tf.convert_to_tensor(self.kernel), u, v, self.sigma())
        return tf.cast(kernel, self.compute_dtype)

    def advance(self) -> None:
        """Takes one step of the power iteration."""
        v = self._follow()
        self.v.assign(v)
        # Algorithm 1: u <- W v / |W v|.
        self.u.assign(_unit(tf.linalg.matvec(self._matrix(), v, transpose_a=True)))


@tf.custom_gradient
def _divided(
    kernel: tf.Tensor, u: tf.Tensor, v: tf.Tensor, sigma: tf.Tensor
) -> tuple[tf.Tensor, Callable]:
    """Returns W / sigma, with the gradient also through sigma = v' W u.

    With g the gradient to W / sigma it is (g - <g, W / sigma> v u') / sigma: written
    out, it reads a large kernel half as often as the quotient's own.
    """
    divided = kernel / sigma

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        along = tf.reduce_sum(upstream * divided) / sigma
        outer = tf.reshape((along * v)[:, None] * u, kernel.shape)
        return upstream / sigma - outer, None, None, None

    return divided, gradient


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return vector / tf.maximum(tf.norm(vector), 1e-12)


def _random_unit(shape: Shape, dtype: Any = None) -> tf.Tensor:
    return _unit(keras.initializers.RandomNormal(0.0, 1.0)(shape, dtype))


def advance_power_iterations(network: keras.Layer) -> None:
    """Takes one step of the power iteration in every spectral layer of a network."""
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralLayer):
            layer.advance()


class SpectralConvolution(SpectralLayer):
    """A convolution with a bias and a spectrally normalised kernel [k, k, C, filters].

    Args:
      filters: the number of output channels.
      size: the height and width k of the window.
    """

    def __init__(self, filters: int, size: int = 3, name: str | None = None):
        super().__init__(name=name)
        self.filters = filters
        self.size = size

    def build(self, input_shape: Shape) -> None:
        """Creates the kernel and the bias."""
        self.add_kernel((self.size, self.size, input_shape[-1], self.filters))
        self.bias = self.add_weight(
            shape=(self.filters,), initializer="zeros", name="bias"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H, W, filters]."""
        return tf.nn.bias_add(convolve(inputs, self.normalized_kernel()), self.bias)


class SpectralDense(SpectralLayer):
    """A dense layer with a bias and a spectrally normalised kernel [C, units].

    Args:
      units: the number of outputs.
      dtype: what it computes in; None for what is set for all layers.
    """

    def __init__(self, units: int, dtype: str | None = None, name: str | None = None):
        super().__init__(name=name, dtype=dtype)
        self.units = units

    def build(self, input_shape: Shape) -> None:
        """Creates the kernel and the bias."""
        self.add_kernel((input_shape[-1], self.units))
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", name="bias"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, C] to [N, units]."""
        return tf.matmul(inputs, self.normalized_kernel()) + self.bias


class SpectralEmbedding(SpectralLayer):
    """A spectrally normalised table [classes, units], looked up by condition vectors.

    A one-hot condition takes a row, a mixture of classes the mixture of their rows.

    Args:
      units: the number of outputs.
      dtype: what it computes in; None for what is set for all layers.
    """

    def __init__(self, units: int, dtype: str | None = None, name: str | None = None):
        super().__init__(name=name, dtype=dtype)
        self.units = units

    def build(self, input_shape: Shape) -> None:
        """Creates the table."""
        self.add_kernel((input_shape[-1], self.units))

    def call(self, condition: tf.Tensor) -> tf.Tensor:
        """Maps [N, classes] to [N, units]."""
        return tf.matmul(condition, self.normalized_kernel())
