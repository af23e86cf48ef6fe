"""Spectral normalization: kernels divided by their largest singular value."""

import math

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import state_variable
from mgm_tf.networks.layers.convolution import convolve
from mgm_tf.networks.layers.initializers import xavier


class SpectralLayer(keras.layers.Layer):
    """A layer that uses its kernel divided by sigma (Miyato et al., 2018).

    The kernel is seen as a matrix W [everything else, outputs]. Unit vectors u and v
    follow its first pair of singular vectors, and sigma = v' W u. To the gradient the
    vectors are constants, sigma is not. Calling the layer changes nothing: `advance`
    takes one step of the power iteration, so that all calls between two advances see
    one kernel.
    """

    def add_kernel(self, shape: tuple[int, ...], initializer=None) -> None:
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

    def _follow(self, shape=None, dtype=None):
        return _unit(tf.linalg.matvec(self._matrix(), self.u))

    def _matrix(self):
        return tf.reshape(self.kernel, (-1, self.kernel.shape[-1]))

    def sigma(self) -> tf.Tensor:
        """The estimate of the kernel's largest singular value."""
        u, v = tf.stop_gradient(self.u), tf.stop_gradient(self.v)
        return tf.reduce_sum(v * tf.linalg.matvec(self._matrix(), u))

    def normalized_kernel(self) -> tf.Tensor:
        """kernel / sigma, in the dtype that the layer computes in."""
        return tf.cast(self.kernel / self.sigma(), self.compute_dtype)

    def advance(self) -> None:
        """Takes one step of the power iteration."""
        v = self._follow()
        self.v.assign(v)
        self.u.assign(_unit(tf.linalg.matvec(self._matrix(), v, transpose_a=True)))


def _unit(vector):
    return vector / tf.maximum(tf.norm(vector), 1e-12)


def _random_unit(shape, dtype=None):
    return _unit(keras.initializers.RandomNormal(0.0, 1.0)(shape, dtype))


def advance_power_iterations(network: keras.Layer) -> None:
    """Takes one step of the power iteration in every spectral layer of a network."""
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralLayer):
            layer.advance()


class SpectralConvolution(SpectralLayer):
    """A convolution with a bias and a spectrally normalised kernel [k, k, C, filters].

    Args:
      filters: output channels.
      size: of the window, k.
    """

    def __init__(self, filters: int, size: int = 3, name: str | None = None):
        super().__init__(name=name)
        self.filters = filters
        self.size = size

    def build(self, input_shape):
        """Creates the kernel and the bias."""
        self.add_kernel((self.size, self.size, input_shape[-1], self.filters))
        self.bias = self.add_weight(
            shape=(self.filters,), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        """[N, H, W, C] to [N, H, W, filters]."""
        return tf.nn.bias_add(convolve(inputs, self.normalized_kernel()), self.bias)


class SpectralDense(SpectralLayer):
    """A dense layer with a bias and a spectrally normalised kernel [C, units]."""

    def __init__(self, units: int, name: str | None = None):
        super().__init__(name=name)
        self.units = units

    def build(self, input_shape):
        """Creates the kernel and the bias."""
        self.add_kernel((input_shape[-1], self.units))
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        """[N, C] to [N, units]."""
        return tf.matmul(inputs, self.normalized_kernel()) + self.bias


class SpectralEmbedding(SpectralLayer):
    """A spectrally normalised table [classes, units], looked up by condition vectors.

    A one-hot condition takes a row, a mixture of classes the mixture of their rows.
    """

    def __init__(self, units: int, name: str | None = None):
        super().__init__(name=name)
        self.units = units

    def build(self, input_shape):
        """Creates the table."""
        self.add_kernel((input_shape[-1], self.units))

    def call(self, condition):
        """[N, classes] to [N, units]."""
        return tf.matmul(condition, self.normalized_kernel())
