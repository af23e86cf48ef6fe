"""What an image's label is: the condition vector, its loss and its accuracy.

A network is conditioned on a vector [N, size] (`condition @ table` is the look-up), so
that only this module knows what kind of label an image has.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from mgm_tf import losses, replicas


@dataclasses.dataclass(frozen=True)
class Categorical:
    """One scene class an image; -1 where it is not known.

    Attributes:
      names: of the classes, in the order of their numbers.
    """

    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Entries of a condition vector, and logits of a classifier."""
        return len(self.names)

    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """One-hot vectors [N, size] of class numbers [N]; all zeros for -1."""
        return tf.one_hot(scene, self.size, dtype=tf.float32)

    def loss(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean cross-entropy over known examples."""
        return losses.categorical_cross_entropy(condition, logits)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Softmax of logits [N, size]."""
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    def accuracy(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """This replica's share of the fraction of known examples classified right."""
        right = tf.cast(_right(condition, logits), tf.float32)
        return replicas.masked_mean(right, losses.known(condition))

    def statistics(self, condition: tf.Tensor, logits: tf.Tensor) -> dict:
        """Sums that add up over batches and replicas, float64; see `summarize`."""
        known = losses.known(condition)
        right = tf.logical_and(known, _right(condition, logits))
        return {
            "examples": tf.reduce_sum(tf.cast(known, tf.float64)),
            "right": tf.reduce_sum(tf.cast(right, tf.float64)),
        }

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """The accuracy of a set from its summed statistics; nan without a label."""
        examples = float(statistics["examples"])
        right = float(statistics["right"])
        return {"accuracy": right / examples if examples else float("nan")}


def _right(condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.argmax(condition, axis=-1), tf.argmax(logits, axis=-1))
