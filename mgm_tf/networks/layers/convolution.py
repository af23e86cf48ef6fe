"""Convolution that pads alike on all sides, as PyTorch does."""

import keras
import tensorflow as tf


def padding(size: int, stride: int) -> str | list[list[int]]:
    """Padding by (size - 1) // 2 on every side, as operations on images take it."""
    if stride == 1:
        return "SAME"  # The same padding, and faster.
    # "SAME" pads a strided window at the far sides first, which would shift every
    # feature map against the networks that the paper names.
    pad = [(size - 1) // 2] * 2
    return [[0, 0], pad, pad, [0, 0]]


def convolve(images: tf.Tensor, kernel: tf.Tensor, stride: int = 1) -> tf.Tensor:
    """[N, H, W, C] convolved with [k, k, C, filters], padded by (k - 1) // 2."""
    return tf.nn.conv2d(images, kernel, stride, padding(kernel.shape[0], stride))


class Convolution(keras.layers.Layer):
    """A convolution with padding (k - 1) // 2 on every side.

    Args:
      filters: output channels.
      size: of the window, k.
      stride: of the window.
      use_bias: whether to add a learnt offset, from 0.
      initializer: of the kernel [k, k, C, filters].
    """

    def __init__(
        self,
        filters: int,
        size: int = 3,
        stride: int = 1,
        use_bias: bool = False,
        initializer: keras.Initializer | str = "glorot_uniform",
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.filters = filters
        self.size = size
        self.stride = stride
        self.use_bias = use_bias
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        """Creates the kernel and the bias."""
        self.kernel = self.add_weight(
            shape=(self.size, self.size, input_shape[-1], self.filters),
            initializer=self.initializer,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )

    def call(self, inputs):
        """[N, H, W, C] to [N, H', W', filters]."""
        outputs = convolve(inputs, self.kernel, self.stride)
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs
