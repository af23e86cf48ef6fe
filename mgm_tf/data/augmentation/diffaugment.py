"""DiffAugment: whatever the discriminator sees is augmented, real and synthesized.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020), with
the policy colour, translation, cutout. The gradient goes through to the images, so that
the generator learns as well. Inside this module images are [N, S, S, 3] in [-1, 1];
colours may leave that range and are not clipped, as a clipped pixel has no gradient.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mgm_tf.data.randomness import BatchRng

Augmentation = Callable[[tf.Tensor, BatchRng], tf.Tensor]

BRIGHTNESS = (-0.5, 0.5)  # added
SATURATION = (0.0, 2.0)  # a factor
CONTRAST = (0.5, 1.5)  # a factor
TRANSLATION = 1 / 8  # of the size, at most
CUTOUT = 1 / 2  # of the size


def random_color(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Changes brightness, saturation and contrast at random."""
    brightness = rng.fold_in("brightness").uniform(
        low=BRIGHTNESS[0], high=BRIGHTNESS[1]
    )
    saturation = rng.fold_in("saturation").uniform(
        low=SATURATION[0], high=SATURATION[1]
    )
    contrast = rng.fold_in("contrast").uniform(low=CONTRAST[0], high=CONTRAST[1])
    return color(images, brightness, saturation, contrast)


def color(
    images: tf.Tensor, brightness: tf.Tensor, saturation: tf.Tensor, contrast: tf.Tensor
) -> tf.Tensor:
    """Changes colours by given amounts, in this order.

    Args:
      images: the images, [N, S, S, 3].
      brightness: the values that are added, [N].
      saturation: the factors [N] of the distance from a pixel's grey, its mean colour.
      contrast: the factors [N] of the distance from the mean of the image.
    """
    images += _each(brightness)
    images = _stretch(images, saturation, axes=[3])
    return _stretch(images, contrast, axes=[1, 2, 3])


def random_translation(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Moves by up to `TRANSLATION` either way, along both axes."""
    most = _pixels(images, TRANSLATION)
    return translate(images, _integers(rng, 2 * most + 1) - most)


def translate(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Moves images [N, S, S, 3]; what comes in from outside is 0.

    Args:
      images: the images, any values.
      shifts: the numbers of pixels down and to the right, integers [N, 2].
    """
    size = images.shape[1]
    moved = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    # Gathered: a product with a matrix would round on a GPU, and is slower on a CPU.
    for axis in (0, 1):
        source = np.arange(size) + 1 - shifts[:, axis, None]
        source = tf.clip_by_value(source, 0, size + 1)
        moved = tf.gather(moved, source, axis=axis + 1, batch_dims=1)
    return moved


def random_cutout(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Blanks a square of `CUTOUT` of the size."""
    # As in the authors' code, the centre is anywhere: a part may lie outside.
    size = _pixels(images, CUTOUT)
    places = images.shape[1] + 1 - size % 2
    return cut_out(images, _integers(rng, places) - size // 2, size)


def cut_out(images: tf.Tensor, start: tf.Tensor, size: int) -> tf.Tensor:
    """Sets a square of each image [N, S, S, 3] to 0.

    Args:
      images: the images, any values.
      start: the top and left of the squares, integers [N, 2]; may be outside.
      size: the number of pixels of a side.
    """
    place = np.arange(images.shape[1]) - start[:, :, None]
    inside = (place >= 0) & (place < size)  # [N, 2 axes, S]
    kept = ~(inside[:, 0, :, None] & inside[:, 1, None, :])
    return images * tf.cast(kept[..., None], images.dtype)


POLICY = {
    "color": random_color,
    "translation": random_translation,
    "cutout": random_cutout,
}


def diff_augment(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Changes images [N, S, S, 3] in [-1, 1] at random by all of `POLICY`.

    Args:
      images: real or synthesized ones.
      rng: the random numbers of the N images.
    """
    for name, change in POLICY.items():
        images = change(images, rng.fold_in(name))
    return images


def unchanged(images: tf.Tensor, rng: BatchRng) -> tf.Tensor:
    """Returns the images themselves."""
    return images


DISCRIMINATOR_AUGMENTATIONS: dict[str, Augmentation] = {
    "none": unchanged,
    "diffaugment": diff_augment,
}


def _each(values: tf.Tensor) -> tf.Tensor:
    """Returns a value per image [N] as [N, 1, 1, 1], which broadcasts over images."""
    return values[:, None, None, None]


def _stretch(images: tf.Tensor, factors: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """Multiplies the distances from the mean over some axes by factors [N]."""
    mean = tf.reduce_mean(images, axis=axes, keepdims=True)
    return mean + _each(factors) * (images - mean)


def _pixels(images: tf.Tensor, fraction: float) -> int:
    """Returns a fraction of the size of images in pixels, rounded."""
    return int(images.shape[1] * fraction + 0.5)


def _integers(rng: BatchRng, number: int) -> tf.Tensor:
    """Returns random integers in 0..number-1 for both axes, int32 [N, 2]."""
    return tf.cast(rng.uniform(2) * number, tf.int32)
