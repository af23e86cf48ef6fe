"""Examples and networks whose outputs one can compute by hand."""

import types
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from mgm_tf.data.examples import Examples
from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks.scenes import SceneClasses
from tests import toy

SIZE = 2  # pixels of a side


def examples(
    count: int = 2,
    images: tf.Tensor | None = None,
    scenes: Sequence[int] = (0, 1),
    labels: SceneClasses = toy.SCENE_CLASSES,
    **changes: Any,
) -> Examples:
    """Examples whose images are grey, of values 0, 0.1, 0.2 ... unless given."""
    if images is None:
        grey = tf.range(count, dtype=tf.float32)[:, None, None, None] / 10
        images = tf.tile(grey, (1, SIZE, SIZE, 3))
    return Examples(
        images=images,
        condition=labels.condition(tf.constant(scenes)),
        rng=BatchRng.at(0, tf.constant(0), tf.range(count), count),
        **changes,
    )


def networks(**functions: Any) -> types.SimpleNamespace:
    """Networks by name; features are the images, if nothing else is said."""
    return types.SimpleNamespace(**({"encoder": lambda images: images} | functions))


def players(
    judge: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> types.SimpleNamespace:
    """G gives images of the latent vector's sum, the feature is 100 times the grey."""

    def generator(z: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        del condition
        return tf.reduce_sum(z, -1)[:, None, None, None] * tf.ones((1, SIZE, SIZE, 3))

    def embedding(features: tf.Tensor) -> tf.Tensor:
        return 100 * features[:, 0, 0, :2]

    return networks(embedding=embedding, generator=generator, discriminator=judge)


def ones(*channels: int) -> tf.Tensor:
    """Two maps of ones."""
    return tf.ones((2, SIZE, SIZE, *channels))
