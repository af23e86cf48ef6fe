"""c~, the labels of what is synthesized: those of the minibatch, or drawn ones.

Each function takes the labels of a minibatch as conditions [n, classes] (all zero: not
known) and returns as many, all of them known.
"""

from collections.abc import Callable

import tensorflow as tf

from mgm_tf import replicas
from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks import losses
from mgm_tf.tasks.scenes import SceneClasses

# How often each class is met in training, [classes]; it may take long to find out.
Frequencies = Callable[[], tf.Tensor]


def of_the_minibatch(
    condition: tf.Tensor, rng: BatchRng, labels: SceneClasses, frequencies: Frequencies
) -> tf.Tensor:
    """c~ = c (Algorithm 1: G(x, c)); where c is not known, that of another image."""
    known = losses.known(condition)
    others = of_training_images(condition, rng, labels, frequencies)
    return tf.where(known[:, None], condition, others)


def of_training_images(
    condition: tf.Tensor, rng: BatchRng, labels: SceneClasses, frequencies: Frequencies
) -> tf.Tensor:
    """The label of a random image of the global minibatch, itself a random part.

    In a minibatch without a known label all classes are as likely.
    """
    del frequencies  # The minibatch has them.
    everyone = replicas.gather(condition)
    known = losses.known(everyone)
    number = tf.reduce_sum(tf.cast(known, tf.int32))
    known_first = tf.argsort(tf.cast(~known, tf.int32), stable=True)
    place = rng.fold_in("image").uniform() * tf.cast(number, tf.float32)
    # A product a little below `number` may be rounded to it.
    place = tf.minimum(tf.cast(place, tf.int32), tf.maximum(number - 1, 0))
    chosen = tf.gather(everyone, tf.gather(known_first, place))
    equal = tf.ones([labels.size]) / labels.size
    drawn = by_frequency(condition, rng, labels, lambda: equal)
    return tf.where(number > 0, chosen, drawn)


def by_frequency(
    condition: tf.Tensor, rng: BatchRng, labels: SceneClasses, frequencies: Frequencies
) -> tf.Tensor:
    """Labels drawn by how often each class is met in training, classes apart."""
    del condition
    return labels.drawn(rng.fold_in("classes").uniform(labels.size), frequencies())


# The paper has "random multi-hot labels" (appendix D) and does not say how random.
SYNTHESIS_LABELS: dict[str, Callable[..., tf.Tensor]] = {
    "minibatch": of_the_minibatch,
    "training": of_training_images,
    "marginals": by_frequency,
}
