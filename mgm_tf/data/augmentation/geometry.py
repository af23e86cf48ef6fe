"""Geometric augmentation of labelled examples, on the device: labels go along.

Off by default, as in the paper. A camera that is moved or exchanged would see other
labels; what is done here, and why:

- a flip is a mirrored world: the x of normals changes its sign, all else its place;
- a crop to 1/s of the width, enlarged to the full size, is what a camera of s times the
  focal length sees. No picture tells how large a world is: taking it to be shrunk by s
  changes no picture, and then all labels belong to one world again. Depth is divided by
  s, curvature multiplied by s, normals and classes keep their values.

Interpretation: of all sizes of the world that one is taken in which what looks s times
as large is s times as near.

Interpretation: a crop away from the middle turns the optical axis a little; labels are
left as the original camera's, as every common augmentation of such tasks does.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.randomness import BatchRng

LARGEST_ZOOM = 1.5

# task -> [N, H, W, channels] in physical values, or [N, H, W] booleans
Maps = Mapping[str, tf.Tensor]


class LabelledImages(NamedTuple):
    """Images with their label maps.

    Attributes:
      images: the images, [N, H, W, 3], any values.
      physical: task -> label maps [N, H, W, channels] in physical values (metres, unit
        vectors, class numbers, …).
      valid: task -> where there is a label, [N, H, W] booleans.
    """

    images: tf.Tensor
    physical: Maps
    valid: Maps


def flip(labelled: LabelledImages, mask: tf.Tensor) -> LabelledImages:
    """Mirrors left and right the examples where `mask`, booleans [N], is true."""

    def mirrored(values: tf.Tensor) -> tf.Tensor:
        where = tf.reshape(mask, [-1] + [1] * (values.shape.rank - 1))
        return tf.where(where, tf.reverse(values, axis=[2]), values)

    def labels(name: str, values: tf.Tensor) -> tf.Tensor:
        changed = MIRRORED[name](values) if name in MIRRORED else values
        return mirrored(tf.where(mask[:, None, None, None], changed, values))

    return LabelledImages(
        mirrored(labelled.images),
        {name: labels(name, values) for name, values in labelled.physical.items()},
        {name: mirrored(values) for name, values in labelled.valid.items()},
    )


def zoom(
    labelled: LabelledImages, factor: tf.Tensor, place: tf.Tensor
) -> LabelledImages:
    """Enlarges a part of each example to its full size.

    Images are interpolated. Labels are those of the nearest pixel: between two of a
    class map or on both sides of a depth edge there is nothing in between, and a
    normal between two surfaces, or next to a pixel without a label, is on neither.

    Args:
      labelled: N examples.
      factor: the factors s [N], at least 1: a part is 1/s of the height and the width.
      place: the top and left of the part, [N, 2], as fractions of what is left over.
    """
    size = tf.repeat(1 / factor[:, None], 2, axis=1)
    start = place * (1 - size)

    def nearest(values: tf.Tensor) -> tf.Tensor:
        height, width = values.shape[1:3]
        rows = _nearest(height, start[:, 0], size[:, 0])
        columns = _nearest(width, start[:, 1], size[:, 1])
        values = tf.gather(values, rows, axis=1, batch_dims=1)
        return tf.gather(values, columns, axis=2, batch_dims=1)

    def labels(name: str, values: tf.Tensor) -> tf.Tensor:
        values = nearest(values)
        scale = factor[:, None, None, None]
        return ENLARGED[name](values, scale) if name in ENLARGED else values

    return LabelledImages(
        simclr.crop(labelled.images, start, size),
        {name: labels(name, values) for name, values in labelled.physical.items()},
        {name: nearest(values) for name, values in labelled.valid.items()},
    )


def _nearest(pixels: int, start: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the pixel that each pixel of an enlarged axis shows, [N, pixels]."""
    centers = (tf.range(pixels, dtype=tf.float32) + 0.5) / pixels
    source = (start[:, None] + size[:, None] * centers) * pixels
    return tf.clip_by_value(tf.cast(tf.floor(source), tf.int32), 0, pixels - 1)


def _negative_x(normals: tf.Tensor) -> tf.Tensor:
    return normals * tf.constant([-1.0, 1.0, 1.0])


def _divided(values: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return values / factor


def _multiplied(values: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return values * factor


# task -> what the values of its labels become; other tasks keep theirs.
MIRRORED: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {"normals": _negative_x}
ENLARGED: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "depth": _divided,
    "curvature": _multiplied,
    # The same change of brightness is spread over s times as many pixels.
    # Interpretation: the blur of the edge detector is left as it was.
    "edges": _divided,
    # Interpretation: reshading is left. It is the light of a lamp at the camera, which
    # falls off with a distance that no surface shows.
}


def random_flip(labelled: LabelledImages, rng: BatchRng) -> LabelledImages:
    """Mirrors half of the examples."""
    return flip(labelled, rng.fold_in("flip").uniform() < 0.5)


def random_zoom(labelled: LabelledImages, rng: BatchRng) -> LabelledImages:
    """Enlarges each example by a factor uniform in [1, LARGEST_ZOOM)."""
    factor = rng.fold_in("zoom").uniform(low=1.0, high=LARGEST_ZOOM)
    return zoom(labelled, factor, rng.fold_in("place").uniform(2))


# --augmentation
AUGMENTATIONS: dict[
    str, tuple[Callable[[LabelledImages, BatchRng], LabelledImages], ...]
] = {
    "none": (),
    "flip": (random_flip,),
    "flip_crop": (random_flip, random_zoom),
}


def augment_labelled_images(
    labelled: LabelledImages, rng: BatchRng, policy: str
) -> LabelledImages:
    """Returns the examples after every step of a policy, a key of `AUGMENTATIONS`."""
    for step in AUGMENTATIONS[policy]:
        labelled = step(labelled, rng)
    return labelled
