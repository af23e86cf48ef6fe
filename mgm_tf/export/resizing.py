"""Maps of the network's size as maps of the size of their images, inside a graph.

`predict/maps.py` does the same outside of one: bilinearly, directions to unit
length again, classes as the likeliest of resized probabilities.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

# Tasks whose values are unit vectors, which resizing shortens.
UNIT_VECTORS = frozenset({"normals"})


@dataclasses.dataclass(frozen=True)
class Map:
    """A task's maps of a batch.

    Attributes:
      values: the maps, [N, S, S] or [N, S, S, C].
      probabilities: [N, S, S, classes], of a task that predicts classes; else None.
      is_direction: whether the values are unit vectors.
    """

    values: tf.Tensor
    probabilities: tf.Tensor | None = None
    is_direction: bool = False


def in_their_size(maps: Mapping[str, Map], sizes: tf.Tensor) -> dict[str, tf.Tensor]:
    """Resizes maps, each example's to its size, and adds zeros up to the largest.

    Args:
      maps: the maps by task.
      sizes: the height and the width for each example, int32 [N, 2].

    Returns:
      Maps [N, H, W] or [N, H, W, C] of the greatest height and width, by task.
    """
    largest = tf.reduce_max(sizes, axis=0)
    return {
        name: _resized_and_padded(map_, sizes, largest) for name, map_ in maps.items()
    }


def _resized_and_padded(map_: Map, sizes: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    is_class = map_.probabilities is not None
    source = map_.probabilities if is_class else map_.values

    def one(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        values, size = inputs
        resized = _likeliest(values, size) if is_class else _resized(values, size)
        if map_.is_direction:
            resized = tf.math.l2_normalize(resized, axis=-1, epsilon=1e-24)
        missing = largest - size
        edges = [[0, missing[0]], [0, missing[1]], *[[0, 0]] * (len(resized.shape) - 2)]
        return tf.pad(resized, edges)

    shape = [None, None, *([] if is_class else map_.values.shape[3:])]
    spec = tf.TensorSpec(shape, tf.int32 if is_class else tf.float32)
    # One at a time, as they differ in size.
    return tf.map_fn(one, (source, sizes), fn_output_signature=spec)


def _resized(values: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Resizes [h, w] or [h, w, C] to `size`, bilinearly."""
    if len(values.shape) == 2:
        return _resized(values[..., None], size)[..., 0]
    # Where nothing shrinks, both are the same, and the plain one is much faster.
    grows = tf.reduce_all(size >= tf.shape(values)[:2])
    return tf.cond(
        grows,
        lambda: tf.image.resize(values, size),
        lambda: tf.image.resize(values, size, antialias=True),
    )


def _likeliest(probabilities: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns class numbers [height, width] of probabilities [h, w, classes].

    One class is resized at a time: all of a large image at once take gigabytes.
    """

    def compared(
        number: tf.Tensor, best: tf.Tensor, highest: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        values = _resized(tf.gather(probabilities, number, axis=-1), size)
        best = tf.where(values > highest, number, best)
        return number + 1, best, tf.maximum(highest, values)

    _, best, _ = tf.while_loop(
        lambda number, *_: number < probabilities.shape[-1],
        compared,
        (
            tf.constant(0),
            tf.zeros(size, tf.int32),
            # Whatever the first class has is more.
            tf.fill(size, -1.0),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape([None, None]),
        ),
        parallel_iterations=1,
    )
    return best
