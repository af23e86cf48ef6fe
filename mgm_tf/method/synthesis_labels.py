"""c~, the labels of what is synthesized: those of the minibatch, or drawn ones.

Each function takes the labels of a minibatch as conditions [n, classes] (all zero: not
known) and returns as many, all of them known.
"""

from collections.abc import Callable

import tensorflow as tf

from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks import losses, replicas
from mgm_tf.tasks.scenes import SceneClasses

# How often each class is met in training, [classes]; it may take long to find out.
Frequencies = Callable[[], tf.Tensor]


def of_the_minibatch(
    condition: tf.Tensor,
    rng: BatchRng,
    scene_classes: SceneClasses,
    frequencies: Frequencies,
) -> tf.Tensor:
    """Returns c~ = c (Algorithm 1: G(x, c)), of another image where c is not known."""
    known = losses.is_known(condition)
    others = of_training_images(condition, rng, scene_classes, frequencies)
    return tf.where(known[:, None], condition, others)


def of_training_images(
    condition: tf.Tensor,
    rng: BatchRng,
    scene_classes: SceneClasses,
    frequencies: Frequencies,
) -> tf.Tensor:
    """Returns the label of a random image of the global minibatch, a random part.

    In a minibatch without a known label all classes are as likely.
    """
    conditions = replicas.gather(condition)
    known = losses.is_known(conditions)
    number = tf.reduce_sum(tf.cast(known, tf.int32))
    known_first = tf.argsort(tf.cast(~known, tf.int32), stable=True)
    place = rng.fold_in("image").uniform() * tf.cast(number, tf.float32)
    # A product a little below `number` may be rounded to it.
    place = tf.minimum(tf.cast(place, tf.int32), tf.maximum(number - 1, 0))
    borrowed = tf.gather(conditions, tf.gather(known_first, place))
    equal = tf.ones([scene_classes.size]) / scene_classes.size
    sampled = by_frequency(condition, rng, scene_classes, lambda: equal)
    return tf.where(number > 0, borrowed, sampled)


def by_frequency(
    condition: tf.Tensor,
    rng: BatchRng,
    scene_classes: SceneClasses,
    frequencies: Frequencies,
) -> tf.Tensor:
    """Returns labels drawn by how often each class is met in training, each apart."""
    return scene_classes.sample(
        rng.fold_in("classes").uniform(scene_classes.size), frequencies()
    )


# The paper has "random multi-hot labels" (appendix D) and does not say how random.
SYNTHESIS_LABELS: dict[str, Callable[..., tf.Tensor]] = {
    "minibatch": of_the_minibatch,
    "training": of_training_images,
    "marginals": by_frequency,
}
