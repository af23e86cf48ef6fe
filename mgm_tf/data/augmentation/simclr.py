"""SimCLR's two random views of an image, on the device, different for every image.

The paper's list (appendix A): crop and resize always; flip .5; colour jitter .5;
greyscale .2; Gaussian blur .5. Inside this module images are [N, S, S, 3] in [0, 1].
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mgm_tf.data.randomness import BatchRng

CROP_AREA = (0.08, 1.0)  # of the image's
CROP_ASPECT = (3 / 4, 4 / 3)  # width / height
CROP_ATTEMPTS = 10
JITTER_STRENGTH = 1.0
BLUR_SIGMA = (0.1, 2.0)  # pixels
LUMA = (0.299, 0.587, 0.114)
YIQ = np.array([LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])


class Transform(NamedTuple):
    """A random change of images: `apply(images, rng)` with a probability."""

    name: str
    probability: float
    apply: Callable[[tf.Tensor, BatchRng], tf.Tensor]


def random_crop(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Returns a random part of each image, resized to the image's size.

    The area is uniform in CROP_AREA and the aspect log-uniform in CROP_ASPECT, drawn
    until the crop fits; after CROP_ATTEMPTS it is the whole image, if square.
    """
    # Interpretation: sizes and places are not rounded to pixels.
    area = rng.fold_in("area").uniform(
        CROP_ATTEMPTS, low=CROP_AREA[0], high=CROP_AREA[1]
    )
    low, high = np.log(CROP_ASPECT)
    aspect = tf.exp(rng.fold_in("aspect").uniform(CROP_ATTEMPTS, low=low, high=high))
    sizes = tf.stack([tf.sqrt(area / aspect), tf.sqrt(area * aspect)], axis=-1)
    fits = tf.reduce_all(sizes <= 1, axis=-1)
    first = tf.argmax(tf.cast(fits, tf.float32), axis=1)
    size = tf.gather(sizes, first, axis=1, batch_dims=1)
    size = tf.where(tf.reduce_any(fits, axis=1)[:, None], size, 1.0)  # height, width
    start = rng.fold_in("place").uniform(2) * (1 - size)
    return crop(images, start, size)


def crop(images: tf.Tensor, start: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns a part of each image [N, H, W, C], resized bilinearly to its size.

    Args:
      images: the images, any values.
      start: the top and left of the part, [N, 2], as fractions of the image.
      size: the height and width of the part, [N, 2], as fractions of the image.
    """
    rows = _crop_matrix(images.shape[1], start[:, 0], size[:, 0])
    columns = _crop_matrix(images.shape[2], start[:, 1], size[:, 1])
    return _on_both_axes(images, rows, columns)


def _crop_matrix(pixels: int, start: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns matrices [N, pixels, pixels]; a row interpolates one pixel."""
    # A part is never larger than the image: nothing shrinks, nothing can alias.
    centers = (np.arange(pixels) + 0.5).astype(np.float32)
    source = start[:, None] * pixels + size[:, None] * centers - 0.5
    source = tf.clip_by_value(source, 0.0, pixels - 1.0)
    distance = tf.abs(source[..., None] - np.arange(pixels, dtype=np.float32))
    return tf.nn.relu(1 - distance)


def _on_both_axes(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Applies matrices [N, H, H] to the columns, [N, W, W] to the rows of images."""
    # Matrices, as convolutions with a kernel per image are far slower.
    planes = tf.transpose(images, [0, 3, 1, 2])
    planes = tf.matmul(rows[:, None], planes)
    planes = tf.matmul(planes, columns[:, None], transpose_b=True)
    return tf.transpose(planes, [0, 2, 3, 1])


def flip(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Mirrors left and right."""
    return tf.reverse(images, axis=[2])


def random_color_jitter(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Changes brightness, contrast, saturation and hue in an order per image.

    Factors are uniform in 1 -+ 0.8 s and the hue turns by up to 0.2 s of the circle,
    s = JITTER_STRENGTH. Values are clipped to [0, 1] after each.
    """
    strength = 0.8 * JITTER_STRENGTH
    low, high = max(0.0, 1 - strength), 1 + strength
    turn = 0.2 * JITTER_STRENGTH
    factors = rng.fold_in("factors").uniform(3, low=low, high=high)
    turns = rng.fold_in("hue").uniform(low=-turn, high=turn)
    # The ranks of independent numbers are a uniformly random order.
    order = tf.argsort(rng.fold_in("order").uniform(4), axis=1)
    return color_jitter(images, factors, turns, order)


def color_jitter(
    images: tf.Tensor, factors: tf.Tensor, turns: tf.Tensor, order: tf.Tensor
) -> tf.Tensor:
    """Changes colours by given amounts in a given order.

    Args:
      images: the images, [N, S, S, 3].
      factors: the factors of brightness, contrast, saturation, [N, 3]; 1 for none.
      turns: the turns of the hue, [N], in circles.
      order: the order of the changes, [N, 4], a permutation of 0 brightness,
        1 contrast, 2 saturation, 3 hue.
    """
    # Each change is linear in an image's colours and its mean grey, that is one matrix
    # [4, 3] per image: any order costs four multiplications, not four times four.
    matrices = tf.gather(_color_matrices(factors, turns), order, axis=1, batch_dims=1)
    pixels = tf.reshape(images, [-1, images.shape[1] * images.shape[2], 3])
    for step in range(4):
        grey = tf.reduce_sum(tf.reduce_mean(pixels, axis=1) * LUMA, axis=-1)
        matrix = matrices[:, step]
        shift = grey[:, None, None] * matrix[:, 3:]
        pixels = tf.matmul(pixels, matrix[:, :3]) + shift
        pixels = tf.clip_by_value(pixels, 0.0, 1.0)
    return tf.reshape(pixels, tf.shape(images))


def _color_matrices(factors: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Returns matrices [N, 4 changes, 4, 3].

    The new colour is (red, green, blue, mean grey) @ matrix.
    """
    nothing = np.zeros((4, 3), np.float32)
    same = np.eye(4, 3, dtype=np.float32)
    to_mean, to_grey = nothing.copy(), nothing.copy()
    to_mean[3] = 1
    to_grey[:3] = np.array(LUMA)[:, None]
    bases = np.stack([nothing, to_mean, to_grey])  # what a factor of 0 leaves
    factors = factors[:, :, None, None]
    blends = factors * same + (1 - factors) * bases
    # Interpretation: hue turns in YIQ, which keeps the brightness; in HSV it is not
    # linear.
    angle = 2 * np.pi * turns[:, None, None]
    still, cosine, sine = np.zeros((3, 3, 3), np.float32)
    still[0, 0] = 1
    cosine[1, 1] = cosine[2, 2] = 1
    sine[1, 2], sine[2, 1] = -1, 1
    into, back = YIQ.T, np.linalg.inv(YIQ).T
    parts = [(into @ part @ back).astype(np.float32) for part in (still, cosine, sine)]
    turned = parts[0] + tf.cos(angle) * parts[1] + tf.sin(angle) * parts[2]
    turned = tf.pad(turned, [[0, 0], [0, 1], [0, 0]])
    return tf.concat([blends, turned[:, None]], axis=1)


def greyscale(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Returns the luminance in all three channels."""
    return tf.tensordot(images, tf.constant([LUMA] * 3), axes=[[3], [1]])


def random_blur(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Blurs by a sigma uniform in BLUR_SIGMA; the kernel is a tenth of the size."""
    sigma = rng.fold_in("sigma").uniform(low=BLUR_SIGMA[0], high=BLUR_SIGMA[1])
    return gaussian_blur(images, (images.shape[1] // 10) | 1, sigma)


def gaussian_blur(images: tf.Tensor, kernel_size: int, sigma: tf.Tensor) -> tf.Tensor:
    """Blurs each of images [N, H, W, C] by its own sigma [N], in pixels.

    The kernel is cut off at `kernel_size` (odd) taps; images are continued by
    reflection without repeating the border.
    """
    height, width = images.shape[1:3]
    rows = _blur_matrix(height, kernel_size, sigma)
    columns = _blur_matrix(width, kernel_size, sigma)
    return _on_both_axes(images, rows, columns)


def _blur_matrix(size: int, kernel_size: int, sigma: tf.Tensor) -> tf.Tensor:
    """Returns matrices [N, size, size]; a row is the kernel of a pixel, reflected."""
    offsets = np.arange(kernel_size) - kernel_size // 2
    kernel = tf.nn.softmax(-tf.square(offsets / sigma[:, None]) / 2)
    source = np.abs(np.arange(size)[:, None] + offsets)
    source = size - 1 - np.abs(size - 1 - source)
    taps = tf.one_hot(source, size)  # [size, kernel_size, size]
    return tf.einsum("nk,ikj->nij", kernel, taps)


SIMCLR = (
    Transform("crop", 1.0, random_crop),
    Transform("flip", 0.5, flip),
    Transform("color_jitter", 0.5, random_color_jitter),
    Transform("greyscale", 0.2, greyscale),
    Transform("blur", 0.5, random_blur),
)


def two_views(
    images: tf.Tensor, rng: BatchRng, transforms: tuple[Transform, ...] = SIMCLR
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns two independent random views of images [N, S, S, 3] in [-1, 1].

    Args:
      images: real or synthesized images.
      rng: the random numbers of the N images.
      transforms: the random changes, applied in this order.
    """
    first = view(images, rng.fold_in("first view"), transforms)
    second = view(images, rng.fold_in("second view"), transforms)
    return first, second


def view(
    images: tf.Tensor, rng: BatchRng, transforms: tuple[Transform, ...]
) -> tf.Tensor:
    """Returns a random view of images [N, S, S, 3] in [-1, 1], in the same form."""
    images = (images + 1) / 2
    for transform in transforms:
        transform_rng = rng.fold_in(transform.name)
        mask = transform_rng.fold_in("whether").uniform() < transform.probability
        images = _where(mask, transform.apply(images, transform_rng), images)
    return images * 2 - 1


def _where(mask: tf.Tensor, changed: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    # Flat, as broadcasting over two axes takes half the time of broadcasting over four.
    rows = [tf.reshape(batch, [tf.shape(batch)[0], -1]) for batch in (changed, images)]
    return tf.reshape(tf.where(mask[:, None], *rows), tf.shape(images))
