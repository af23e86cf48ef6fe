"""Examples and networks whose outputs one can compute by hand."""

import types

import tensorflow as tf

from mgm_tf.data.examples import Examples
from mgm_tf.data.randomness import BatchRng
from tests import toy

SIZE = 2  # pixels of a side


def examples(
    count=2, images=None, scenes=(0, 1), labels=toy.SCENE_CLASSES, **changes
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


def networks(**functions) -> types.SimpleNamespace:
    """Networks by name; features are the images, if nothing else is said."""
    return types.SimpleNamespace(**({"encoder": lambda images: images} | functions))


def players(judge=None) -> types.SimpleNamespace:
    """G gives images of the latent vector's sum, the feature is 100 times the grey."""

    def generator(z, condition):
        del condition
        return tf.reduce_sum(z, -1)[:, None, None, None] * tf.ones((1, SIZE, SIZE, 3))

    def embedding(features):
        return 100 * features[:, 0, 0, :2]

    return networks(embedding=embedding, generator=generator, discriminator=judge)


def ones(*channels) -> tf.Tensor:
    """Two maps of ones."""
    return tf.ones((2, SIZE, SIZE, *channels))
