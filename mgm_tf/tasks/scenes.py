"""Scene labels, one an image: the condition vector, its loss and its metrics.

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
from mgm_tf.tasks import losses, replicas

# Frequencies of 0 and 1 have no finite logit.
_SMALLEST = 1e-6


@dataclasses.dataclass(frozen=True)
class SceneClasses(abc.ABC):
    """The scene classes of a data set, whatever kind of label an image has.

    Attributes:
      names: the names of the classes, in the order of their numbers.
      kind: the kind of label, one of `datasets.metadata.LABEL_KINDS`.
      headline: the metric, of those of `summarize`, that stands for all.
    """

    names: tuple[str, ...]
    kind: ClassVar[str]
    headline: ClassVar[str]

    @property
    def size(self) -> int:
        """Returns the number of classes, of entries of a condition and of logits."""
        return len(self.names)

    @abc.abstractmethod
    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """Returns condition vectors [N, size], float32, of labels as stored."""

    @abc.abstractmethod
    def sample(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Samples conditions [N, size], all of them known.

        Args:
          uniform: random numbers [N, size], uniform in [0, 1).
          frequencies: how often each class occurs, [size]; one at least above 0.
        """

    @abc.abstractmethod
    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the cross-entropy of each example, [N]; anything where not known."""

    def loss(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns this replica's share of the mean loss over known examples."""
        values = self.losses(condition, logits)
        return replicas.masked_mean(values, losses.is_known(condition))

    @abc.abstractmethod
    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the probability of each class, float32 [N, size], from its logits."""

    @abc.abstractmethod
    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """Returns the best logits [size] for class frequencies [size] alone."""

    @abc.abstractmethod
    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns sums over known examples, float64; to be added over the set."""

    @abc.abstractmethod
    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """Returns the metrics of a set from its sums; nan without a label."""

    @abc.abstractmethod
    def describe(self, probabilities: np.ndarray) -> list[str]:
        """Returns the classes that probabilities [size] name, the likeliest first."""

    @abc.abstractmethod
    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """Returns titles and conditions [rows, size] to show generated images of.

        Args:
          scenes: labels of some images, as they are stored.
        """

    @abc.abstractmethod
    def _correct(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the part of each example that is classified right, float32 [N]."""

    def accuracy(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns this replica's share of the accuracy over known examples."""
        correct = self._correct(condition, logits)
        return replicas.masked_mean(correct, losses.is_known(condition))


@dataclasses.dataclass(frozen=True)
class Categorical(SceneClasses):
    """One class an image, stored as its number; -1 where it is not known."""

    kind = "categorical"
    headline = "accuracy"

    def condition(self, scene: tf.Tensor) -> tf.Tensor:
        """Returns one-hot vectors [N, size] of class numbers [N]; all zeros for -1."""
        return tf.one_hot(scene, self.size, dtype=tf.float32)

    def sample(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Samples one class an example, each as probable as it is frequent."""
        return tf.one_hot(_race(uniform, frequencies), self.size, dtype=tf.float32)

    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the softmax cross-entropy."""
        return losses.categorical_cross_entropy(condition, logits)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the softmax of logits [N, size]."""
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """Returns log frequencies: the softmax of these is the frequencies again."""
        return np.log(np.maximum(frequencies, _SMALLEST))

    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the number of known examples, and how many are classified right."""
        known = tf.cast(losses.is_known(condition), tf.float64)
        correct = tf.cast(self._correct(condition, logits), tf.float64)
        return {
            "examples": tf.reduce_sum(known),
            "correct": tf.reduce_sum(known * correct),
        }

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """Returns `accuracy`: the part of known examples that is classified right."""
        return {"accuracy": _ratio(statistics["correct"], statistics["examples"])}

    def describe(self, probabilities: np.ndarray) -> list[str]:
        """Returns the likeliest class and its probability, `kitchen (83%)`."""
        best = int(probabilities.argmax())
        return [f"{self.names[best]} ({probabilities[best]:.0%})"]

    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """Returns every class by itself, whatever the images."""
        return self.names, tf.eye(self.size)

    def _correct(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
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
        """Returns vectors [N, size] of 0/1 over the number present; else all zeros."""
        return _shares(scene > 0)

    def sample(self, uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Samples each class by itself, present as often as in training.

        Where none is, one class is sampled as if it were a categorical label.
        """
        present = uniform < tf.cast(frequencies, uniform.dtype)
        some = tf.reduce_any(present, axis=-1, keepdims=True)
        single = tf.one_hot(_race(uniform, frequencies), self.size, True, False)
        return _shares(tf.where(some, present, single))

    def losses(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the sigmoid cross-entropy, the mean over the classes."""
        return losses.multi_label_cross_entropy(condition, logits)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the sigmoid of logits [N, size]; a row does not sum to 1."""
        return tf.sigmoid(tf.cast(logits, tf.float32))

    def constant(self, frequencies: np.ndarray) -> np.ndarray:
        """Returns log odds: a class that over half of the images have is predicted."""
        shares = np.clip(frequencies, _SMALLEST, 1 - _SMALLEST)
        return np.log(shares / (1 - shares))

    def statistics(
        self, condition: tf.Tensor, logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the confusion counts of each class over known examples, [size] each.

        A class is positive in a label that has it, predicted positive by a logit
        above 0.
        """
        known = losses.is_known(condition)[:, None]
        present, predicted = condition > 0, logits > 0

        def number(mask: tf.Tensor) -> tf.Tensor:
            counted = tf.cast(tf.logical_and(known, mask), tf.float64)
            return tf.reduce_sum(counted, axis=0)

        return {
            "true_positives": number(present & predicted),
            "false_negatives": number(present & ~predicted),
            "false_positives": number(~present & predicted),
            "true_negatives": number(~present & ~predicted),
        }

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """Returns the metrics of a set.

        `f1`: the harmonic mean of precision and recall over all entries (micro);
        `f1_macro`: the mean of each class's, of those that are present or said to be;
        `accuracy`: the part of all entries that is right.
        """
        tp, tn = statistics["true_positives"], statistics["true_negatives"]
        wrong = statistics["false_negatives"] + statistics["false_positives"]
        occurs = tp + wrong > 0
        # F1 = 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.
        of_classes = 2 * tp[occurs] / (2 * tp + wrong)[occurs]
        entries = np.sum(tp + wrong + tn)
        return {
            "f1": _ratio(2 * np.sum(tp), np.sum(2 * tp + wrong)),
            "f1_macro": float(np.mean(of_classes)) if occurs.any() else float("nan"),
            "accuracy": _ratio(np.sum(tp + tn), entries),
        }

    def describe(self, probabilities: np.ndarray) -> list[str]:
        """Returns the classes above 50 %, which may be none."""
        likeliest = np.argsort(-probabilities, kind="stable")
        return [self.names[i] for i in likeliest if probabilities[i] > 0.5]

    def typical(self, scenes: tf.Tensor) -> tuple[tuple[str, ...], tf.Tensor]:
        """Returns the labels of the images: a class alone is no label of a scene."""
        titles = tuple(f"as image {i + 1}" for i in range(len(scenes)))
        return titles, self.condition(scenes)

    def _correct(self, condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        same = tf.cast(tf.equal(condition > 0, logits > 0), tf.float32)
        return tf.reduce_mean(same, axis=-1)


# By the kind of label that a data set's record names.
SCENE_CLASSES: dict[str, type[SceneClasses]] = {
    "categorical": Categorical,
    "multi_hot": MultiHot,
}


def scene_classes_of(info: DataInfo) -> SceneClasses:
    """Returns the scene classes of a data set; none of them where it has no labels."""
    return SCENE_CLASSES[info.label_kind](info.scene_names)


def _shares(present: tf.Tensor) -> tf.Tensor:
    """Returns booleans [N, size] as float32 that sum to 1, to 0 if all are false."""
    values = tf.cast(present, tf.float32)
    return tf.math.divide_no_nan(values, tf.reduce_sum(values, axis=-1, keepdims=True))


def _race(uniform: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
    """Samples class numbers [N] in proportion to frequencies [size].

    Of waiting times -log(1 - u) / rate, which are exponential, the shortest is that of
    class i with probability rate_i / sum of rates.
    """
    rates = tf.cast(frequencies, uniform.dtype)
    times = -tf.math.log1p(-uniform) / rates
    # 0 / 0 is no time at all.
    return tf.argmin(tf.where(rates > 0, times, times.dtype.max), axis=-1)


def _ratio(part: np.ndarray | float, whole: np.ndarray | float) -> float:
    return float(part) / float(whole) if whole else float("nan")
