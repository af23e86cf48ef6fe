"""Pooling and resizing of images, and the sizes that doubling them passes."""

import tensorflow as tf

from mgm_tf.networks.layers.convolution import padding
from mgm_tf.networks.layers.precision import full


def max_pool(images: tf.Tensor, size: int = 3, stride: int = 2) -> tf.Tensor:
    """Returns maxima over windows, with (size - 1) // 2 of padding on every side."""
    # Padded by hand: XLA has no pooling with explicit padding on a CPU.
    padded = tf.pad(images, padding(size, stride), constant_values=images.dtype.min)
    return tf.nn.max_pool2d(padded, size, stride, "VALID")


def downsample(images: tf.Tensor) -> tf.Tensor:
    """Maps [N, H, W, C] to [N, H/2, W/2, C] by means over 2x2."""
    return tf.nn.avg_pool2d(images, 2, 2, "VALID")


@tf.custom_gradient
def upsample(images: tf.Tensor) -> tf.Tensor:
    """Maps [N, H, W, C] to [N, 2H, 2W, C], every pixel four times."""
    height, width = images.shape[1:3]
    doubled = tf.image.resize(images, (2 * height, 2 * width), "nearest")
    # The operation's own gradient adds in no fixed order on a GPU.
    return doubled, lambda gradient: 4.0 * downsample(gradient)


def global_average(images: tf.Tensor) -> tf.Tensor:
    """Maps [N, H, W, C] to [N, C] by means over the image, float32 at least."""
    return tf.reduce_mean(full(images), axis=(1, 2))


def doublings(first: int, last: int) -> list[int]:
    """Returns the sizes first, 2 first, 4 first ... up to `last`."""
    sizes = []
    while first <= last:
        sizes.append(first)
        first *= 2
    return sizes
