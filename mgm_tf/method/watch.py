"""The watch over a step: losses, gradients and weights that go wrong, in the graph.

What it sees are numbers that the step computes anyway, and one norm for each network
that an update moves. The first step at which each of them was wrong is noted; nothing
is asked of the graph until somebody looks.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mgm_tf.errors import NotFinite
from mgm_tf.method.algorithm import Update
from mgm_tf.tasks import replicas

# Interpretation: far from all that a training has that gets anywhere. Losses are means,
# and what the networks predict is of the order of 1.
LARGEST_LOSS = 1e6
LARGEST_GRADIENT = 1e9  # the norm of that of a network
LARGEST_WEIGHTS = 1e3  # the root mean square of a network's

NEVER = -1


@dataclasses.dataclass(frozen=True)
class Watched:
    """A number of every step.

    Attributes:
      what: what it is, in words.
      largest: the largest absolute value that is not wrong.
    """

    what: str
    largest: float


class Watch:
    """The numbers of a step of an algorithm, and when they first were wrong.

    Args:
      algorithm: the updates of a step, in order.
    """

    def __init__(self, algorithm: Sequence[Update]):
        self._watched = [
            watched for update in algorithm for watched in _watched_of(update)
        ]
        shape = len(self._watched)
        # Each replica has its own: what is wrong may be so on one of them.
        own = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self._first = tf.Variable(tf.fill([shape], np.int64(NEVER)), **own)
        self._values = tf.Variable(tf.zeros([shape]), **own)
        self._largest = tf.constant([each.largest for each in self._watched])

    def note(self, step: tf.Tensor, numbers: Sequence[tf.Tensor]) -> None:
        """Notes what is wrong in a step.

        Args:
          step: the number of steps before it, [] int64.
          numbers: of each update in turn its losses, then of each network that it moves
            the norm of the gradients and the root mean square of the weights, [] each.
        """
        values = tf.stack([tf.cast(number, tf.float32) for number in numbers])
        # NaN is not below anything.
        is_wrong = tf.logical_not(tf.abs(values) <= self._largest)
        is_first = tf.logical_and(is_wrong, tf.equal(self._first, NEVER))
        self._values.assign(tf.where(is_first, values, self._values))
        self._first.assign(tf.where(is_first, step + 1, self._first))

    def check(self, stage: str) -> None:
        """Raises an error if something has been wrong in a step so far, anywhere.

        Raises:
          NotFinite: the message names the step, the update and the loss or network.
        """
        found = [
            (step, place, value)
            for first, values in zip(
                replicas.copies(self._first),
                replicas.copies(self._values),
                strict=True,
            )
            for place, (step, value) in enumerate(zip(first, values, strict=True))
            if step != NEVER
        ]
        if found:
            step, place, value = min(found)
            watched = self._watched[place]
            wrong = "is not finite"
            if np.isfinite(value):
                wrong = f"is {value:.3g}, above {watched.largest:g}"
            raise NotFinite(f"Stage {stage}, step {step}: {watched.what} {wrong}.")


def _watched_of(update: Update) -> list[Watched]:
    losses = [
        Watched(f"the loss {update.name}/{term}", LARGEST_LOSS)
        for term in update.loss.terms
    ]
    return losses + [
        watched
        for name in update.trains
        for watched in (
            Watched(
                f"the norm of the gradients of {name} in update {update.name}",
                LARGEST_GRADIENT,
            ),
            Watched(
                f"the root mean square of the weights of {name} after update "
                f"{update.name}",
                LARGEST_WEIGHTS,
            ),
        )
    ]


def norms(
    gradients: Sequence[tf.Tensor], weights: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the norm of the gradients and the root mean square of the weights."""
    number = sum(weight.shape.num_elements() for weight in weights)
    mean_square = tf.square(tf.linalg.global_norm(weights)) / float(number)
    return tf.linalg.global_norm(gradients), tf.sqrt(mean_square)
