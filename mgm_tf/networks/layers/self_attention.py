"""Self-attention over the places of an image (Zhang et al., 2019)."""

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import Shape
from mgm_tf.networks.layers.precision import full
from mgm_tf.networks.layers.resampling import max_pool
from mgm_tf.networks.layers.spectral_normalization import SpectralConvolution


class SelfAttention(keras.layers.Layer):
    """Self-attention x + sigma * o(x) on [N, H, W, C]; sigma is learnt, from 0.

    Every place attends to all places of a 2x2 times coarser grid. Queries and keys have
    C / 8 channels, values C / 2 (one at least). Equations: Zhang et al. (2019).
    """

    def build(self, input_shape: Shape) -> None:
        """Creates the 1x1 convolutions and sigma."""
        channels = input_shape[-1]
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = SpectralConvolution(narrow, 1, name="query")
        self.key = SpectralConvolution(narrow, 1, name="key")
        self.value = SpectralConvolution(half, 1, name="value")
        self.output_convolution = SpectralConvolution(channels, 1, name="output")
        for layer in (self.query, self.key, self.value):
            layer.build(input_shape)
        self.output_convolution.build((*input_shape[:-1], half))
        self.sigma = self.add_weight(shape=(), initializer="zeros", name="sigma")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, C] to the same shape."""
        height, width = inputs.shape[1:3]
        # g(x), f(x) and h(x): queries [N, HW, C/8], keys and values [N, HW/4, ...].
        queries = _places(self.query(inputs))
        keys = _places(max_pool(self.key(inputs), 2))
        values = _places(max_pool(self.value(inputs), 2))
        # Eq. (1): beta_ji = softmax over i of f(x_i)' g(x_j).
        weights = tf.nn.softmax(full(tf.matmul(queries, keys, transpose_b=True)))
        # Eq. (2): o_j = v(sum over i of beta_ji h(x_i)).
        attended = tf.matmul(tf.cast(weights, values.dtype), values)
        attended = tf.reshape(attended, (-1, height, width, attended.shape[-1]))
        # Eq. (3): y_i = sigma o_i + x_i; their gamma is our sigma.
        return inputs + self.sigma * self.output_convolution(attended)


def _places(images: tf.Tensor) -> tf.Tensor:
    """Maps [N, H, W, C] to [N, H W, C]."""
    height, width, channels = images.shape[1:]
    return tf.reshape(images, (-1, height * width, channels))
