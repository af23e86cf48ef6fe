"""Convolution that pads alike on all sides, as PyTorch does; kernels and widths."""

import itertools
from collections.abc import Callable

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import Shape
from mgm_tf.networks.layers.precision import is_full

# Channels from which a kernel can outweigh the images: with fewer, its layout matters
# little.
LEAST_CHANNELS = 512


def padding(size: int, stride: int) -> str | list[list[int]]:
    """Returns a padding of (size - 1) // 2 on every side, as TensorFlow takes it."""
    if stride == 1:
        return "SAME"  # The same padding, and faster.
    # "SAME" pads a strided window at the far sides first, which would shift every
    # feature map against the networks that the paper names.
    pad = [(size - 1) // 2] * 2
    return [[0, 0], pad, pad, [0, 0]]


def convolve(
    images: tf.Tensor, kernel: tf.Tensor, stride: int = 1, dilation: int = 1
) -> tf.Tensor:
    """Convolves [N, H, W, C] with [k, k, C, filters], padded by (k - 1) // 2.

    With `dilation` d, for stride 1, the kernel sees every d-th pixel and the padding is
    d times that.
    """
    if dilation > 1:
        # As batches of every d-th pixel: on a CPU without oneDNN, a dilated `conv2d`
        # has no gradient.
        return tf.nn.atrous_conv2d(images, kernel, dilation, "SAME")
    if stride == 1 and _kernel_outweighs(images, kernel):
        return _matrix_product(images, tf.convert_to_tensor(kernel))
    around = padding(kernel.shape[0], stride)
    if stride > 1 and not is_full(images):
        # oneDNN has no gradients of a convolution that pads by given numbers; what
        # TensorFlow has in their place takes ten times as long in bfloat16.
        images, around = tf.pad(images, around), "VALID"
    return tf.nn.conv2d(images, kernel, stride, around)


def _kernel_outweighs(images: tf.Tensor, kernel: tf.Tensor) -> bool:
    """Returns whether it is the kernel, and not the images, that takes the time.

    A convolution of oneDNN brings its kernel into another layout at every call: of
    1024 x 1024 channels and four images of 4 x 4, that takes four fifths of the time.
    """
    rows = images.shape[:3].num_elements()
    size, _, *channels = kernel.shape
    return rows is not None and size > 1 and max(LEAST_CHANNELS, rows) <= min(channels)


@tf.custom_gradient
def _matrix_product(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Returns what `convolve` does, as the product of all windows with the kernel."""
    size, _, channels, filters = kernel.shape
    window = [1, size, size, 1]
    windows = tf.image.extract_patches(images, window, [1] * 4, [1] * 4, "SAME")
    rows = tf.reshape(windows, (-1, size * size * channels))
    matrix = tf.reshape(kernel, (-1, filters))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_rows = tf.reshape(upstream, (-1, filters))
        by_kernel = tf.matmul(rows, of_rows, transpose_a=True)
        by_windows = tf.matmul(of_rows, matrix, transpose_b=True)
        by_windows = tf.reshape(by_windows, (*images.shape[:3], -1))
        # Every pixel of a window gives its gradient back to where it was taken.
        places = itertools.product(range(size), repeat=2)
        parts = [
            tf.pad(part, [[0, 0], [y, size - 1 - y], [x, size - 1 - x], [0, 0]])
            for part, (y, x) in zip(
                tf.split(by_windows, size * size, axis=-1), places, strict=True
            )
        ]
        begin = [0, size // 2, size // 2, 0]
        by_images = tf.slice(tf.add_n(parts), begin, images.shape)
        return by_images, tf.reshape(by_kernel, kernel.shape)

    return tf.reshape(tf.matmul(rows, matrix), (*images.shape[:3], filters)), gradient


class Convolution(keras.layers.Layer):
    """A convolution with padding (k - 1) // 2 on every side.

    Args:
      filters: the number of output channels.
      size: the height and width k of the window.
      stride: the step of the window.
      use_bias: whether to add a learnt offset, from 0.
      initializer: how the kernel [k, k, C, filters] starts.
      dilation: the step between the pixels of a window; above 1 with stride 1 only.
      dtype: what it computes in; None for what is set for all layers.

    Raises:
      ValueError: the convolution is dilated and strided.
    """

    def __init__(
        self,
        filters: int,
        size: int = 3,
        stride: int = 1,
        use_bias: bool = False,
        initializer: keras.Initializer | str = "glorot_uniform",
        dilation: int = 1,
        dtype: str | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if stride > 1 and dilation > 1:
            raise ValueError(
                f"Expected a stride or a dilation of 1, got {stride} and {dilation}."
            )
        self.filters = filters
        self.size = size
        self.stride = stride
        self.dilation = dilation
        self.use_bias = use_bias
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: Shape) -> None:
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

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H', W', filters]."""
        outputs = convolve(inputs, self.kernel, self.stride, self.dilation)
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs


# --- How kernels start --------------------------------------------------------------


def kaiming() -> keras.Initializer:
    """Initializes normally with variance 2 / fan_out, for ReLU (He et al., 2015)."""
    return keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )


def xavier() -> keras.Initializer:
    """Initializes uniformly, variance 2 / (fan_in + fan_out) (Glorot et al., 2010)."""
    return keras.initializers.GlorotUniform()


def small_normal() -> keras.Initializer:
    """Initializes normally with deviation 0.02, as DCGAN (Radford et al., 2015)."""
    return keras.initializers.RandomNormal(0.0, 0.02)


# --- How wide layers are ------------------------------------------------------------


def scaled(width: int, factor: float) -> int:
    """Returns `width` channels times `factor`, at least 1."""
    return max(1, round(width * factor))
