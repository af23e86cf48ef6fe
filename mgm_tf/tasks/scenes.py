"""What an image's label is: the condition vector, its loss and its metrics.

A network is conditioned on a vector [N, size] whose entries sum to 1, or are all zero
where the label is not known: `condition @ table` is the row of the image's class or,
with several labels, the mean of the rows of those that are present. Only this module
knows what kind of label an image has.
"""

import abc
import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from datasets.metadata import DataInfo
from mgm_tf import replicas
from mgm_tf.tasks import losses

# Frequencies of 0 and 1 have no finite logit.
_SMALLEST = 1e-6


@dataclasses.dataclass(frozen=True)
class SceneClasses(abc.ABC):
    """The labels that an image can have, whatever their kind.

    Attributes:
      names: of the classes, in the order of their numbers.
      kind: one of `datasets.metadata.LABEL_KINDS`.
      headline: the metric, of those of `summarize`, that stands for all.
    """

    names: tuple[str, ...]
    kind: ClassVar[str]
    headline: ClassVar[str]

    @property
    def size(self) -> int:
        """Entries of a condition vector, and logits of a classifier."""
        return len(self.names)

    @abc.abstractmethod
    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """Condition vectors [N, size], float32, of labels as they are stored."""

    @abc.abstractmethod
    def drawn(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Random conditions [N, size], every one known.

        Args:
          uniform: numbers [N, size], uniform in [0, 1).
          frequencies: [size], how often each class is met; one at least above 0.
        """

    @abc.abstractmethod
    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The cross-entropy of each example, [N]; anything where it is not known."""

    def loss(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean cross-entropy over known examples."""
        values = self.losses(condition, logits)
        return replicas.masked_mean(values, losses.known(condition))

    @abc.abstractmethod
    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Of each class, float32 [N, size], from logits [N, size]."""

    @abc.abstractmethod
    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """The logits [size] that frequencies [size] speak for, whatever the image."""

    @abc.abstractmethod
    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Sums over known examples that add up over batches, float64."""

    @abc.abstractmethod
    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """The metrics of a set from its summed statistics; nan without a label."""

    @abc.abstractmethod
    def describe(self, probabilities: np.ndarray) -> list[str]:
        """What probabilities [size] say of an image: classes, the likeliest first."""

    @abc.abstractmethod
    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """Labels to show generated images of: titles, and conditions [rows, size].

        Args:
          scenes: labels of some images as they are stored.
        """

    @abc.abstractmethod
    def _right(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Which part of each example is classified right, float32 [N]."""

    def accuracy(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """This replica's share of what is classified right of known examples."""
        right = self._right(condition, logits)
        return replicas.masked_mean(right, losses.known(condition))


@dataclasses.dataclass(frozen=True)
class Categorical(SceneClasses):
    """One class an image, stored as its number; -1 where it is not known."""

    kind = "categorical"
    headline = "accuracy"

    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """One-hot vectors [N, size] of class numbers [N]; all zeros for -1."""
        return tf.one_hot(scene, self.size, dtype=tf.float32)

    def drawn(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """One class, each as probable as it is frequent; see `SceneClasses.drawn`."""
        return tf.one_hot(_race(uniform, frequencies), self.size, dtype=tf.float32)

    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Softmax cross-entropy."""
        return losses.categorical_cross_entropy(condition, logits)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Softmax of logits [N, size]."""
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """Logarithms: the most frequent class is the likeliest."""
        return np.log(np.maximum(frequencies, _SMALLEST))

    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The number of known examples, and how many are classified right."""
        known = tf.cast(losses.known(condition), tf.float64)
        right = tf.cast(self._right(condition, logits), tf.float64)
        return {
            "examples": tf.reduce_sum(known),
            "right": tf.reduce_sum(known * right),
        }

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """`accuracy`: the part of the known examples that is classified right."""
        return {"accuracy": _ratio(statistics["right"], statistics["examples"])}

    def describe(self, probabilities: np.ndarray) -> list[str]:
        """The likeliest class and its probability, `kitchen (83%)`."""
        best = int(probabilities.argmax())
        return [f"{self.names[best]} ({probabilities[best]:.0%})"]

    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """Every class by itself, whatever the images."""
        return self.names, tf.eye(self.size)

    def _right(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        same = tf.equal(tf.argmax(condition, axis=-1), tf.argmax(logits, axis=-1))
        return tf.cast(same, tf.float32)


@dataclasses.dataclass(frozen=True)
class MultiHot(SceneClasses):
    """Several classes an image, stored as a vector of 0 and 1.

    All zeros where the label is not known: no image has none of the classes.
    """

    kind = "multi_hot"
    headline = "f1"

    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """Vectors [N, size] of 0/1 over the number present; all zeros if none is."""
        return _shares(scene > 0)

    def drawn(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Each class by itself, present as often as in training; see `drawn`.

        Where none is, one class as if it were a categorical label.
        """
        present = uniform < tf.cast(frequencies, uniform.dtype)
        some = tf.reduce_any(present, axis=-1, keepdims=True)
        one = tf.one_hot(_race(uniform, frequencies), self.size, True, False)
        return _shares(tf.where(some, present, one))

    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Sigmoid cross-entropy; see `losses.multi_label_cross_entropy`."""
        return losses.multi_label_cross_entropy(condition, logits)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Sigmoid of logits [N, size]: they do not sum to 1."""
        return tf.sigmoid(tf.cast(logits, tf.float32))

    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """Logits: what more than half of the images have is said to be in all."""
        shares = np.clip(frequencies, _SMALLEST, 1 - _SMALLEST)
        return np.log(shares / (1 - shares))

    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Of each class, how often it is present and said so, [size] each.

        `hits`: both; `misses`: present only; `false_alarms`: said only; `rejections`:
        neither.
        """
        known = losses.known(condition)[:, None]
        present, said = condition > 0, logits > 0

        def number(mask):
            counted = tf.cast(tf.logical_and(known, mask), tf.float64)
            return tf.reduce_sum(counted, axis=0)

        return {
            "hits": number(present & said),
            "misses": number(present & ~said),
            "false_alarms": number(~present & said),
            "rejections": number(~present & ~said),
        }

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """The metrics of a set.

        `f1`: the harmonic mean of precision and recall over all entries (micro);
        `f1_macro`: the mean of each class's, of those that are present or said to be;
        `accuracy`: the part of all entries that is right.
        """
        hits, rejections = statistics["hits"], statistics["rejections"]
        wrong = statistics["misses"] + statistics["false_alarms"]
        occurs = hits + wrong > 0
        each = 2 * hits[occurs] / (2 * hits + wrong)[occurs]
        everything = np.sum(hits + wrong + rejections)
        return {
            "f1": _ratio(2 * np.sum(hits), np.sum(2 * hits + wrong)),
            "f1_macro": float(np.mean(each)) if occurs.any() else float("nan"),
            "accuracy": _ratio(np.sum(hits + rejections), everything),
        }

    def describe(self, probabilities: np.ndarray) -> list[str]:
        """The classes above 50 %, which may be none."""
        likeliest = np.argsort(-probabilities, kind="stable")
        return [self.names[i] for i in likeliest if probabilities[i] > 0.5]

    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """The labels of the images: no image has one class alone."""
        titles = tuple(f"as image {i + 1}" for i in range(len(scenes)))
        return titles, self.condition(scenes)

    def _right(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        same = tf.cast(tf.equal(condition > 0, logits > 0), tf.float32)
        return tf.reduce_mean(same, axis=-1)


KINDS: dict[str, type[SceneClasses]] = {
    "categorical": Categorical,
    "multi_hot": MultiHot,
}


def scene_classes_of(info: DataInfo) -> SceneClasses:
    """The image labels of a data set; of size 0 where it has none."""
    return KINDS[info.label_kind](info.scene_names)


def _shares(present: tf.Tensor) -> tf.Tensor:
    """Booleans [N, size] as float32 that sum to 1, or to 0 where all are false."""
    values = tf.cast(present, tf.float32)
    return tf.math.divide_no_nan(values, tf.reduce_sum(values, axis=-1, keepdims=True))


def _race(uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
    """Class numbers [N], drawn in proportion to frequencies [size].

    Of exponential waiting times at these rates, the shortest.
    """
    rates = tf.cast(frequencies, uniform.dtype)
    times = -tf.math.log1p(-uniform) / rates
    # 0 / 0 is no time at all.
    return tf.argmin(tf.where(rates > 0, times, times.dtype.max), axis=-1)


def _ratio(part, whole) -> float:
    return float(part) / float(whole) if whole else float("nan")
