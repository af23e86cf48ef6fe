"""Schedules of the learning rates over a stage: warm-up, then a way to settle."""

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

# The part of a stage's steps that is done, [] in [0, 1) -> a factor, []
Decay = Callable[[tf.Tensor], tf.Tensor]


def _constant(done: tf.Tensor) -> tf.Tensor:
    return tf.ones_like(done)


def _cosine(done: tf.Tensor) -> tf.Tensor:
    """Returns the factor of Loshchilov and Hutter (2017), eq. (5), without restarts."""
    return 0.5 * (1.0 + tf.cos(math.pi * done))


def _step(done: tf.Tensor) -> tf.Tensor:
    # Interpretation: a tenth after half of the steps, and again after three quarters.
    drops = tf.cast(done >= 0.5, done.dtype) + tf.cast(done >= 0.75, done.dtype)
    return tf.pow(tf.constant(0.1, done.dtype), drops)


# --multi_task_schedule and its like
DECAYS: dict[str, Decay] = {"constant": _constant, "cosine": _cosine, "step": _step}


@dataclasses.dataclass(frozen=True)
class RateSchedule:
    """The factor on all learning rates of a stage, as a function of its progress.

    Attributes:
      decay: a key of `DECAYS`, which begins where the warm-up ends.
      warmup: the part of the steps, in [0, 1), in which the rates rise from 0.
      factor: a further factor on all of it.
    """

    decay: str = "constant"
    warmup: float = 0.0
    factor: float = 1.0

    def __call__(self, done: tf.Tensor) -> tf.Tensor:
        """Returns the factor, [], where the part `done` of the steps is done."""
        if not self.warmup:
            return self.factor * DECAYS[self.decay](done)
        rest = tf.maximum(done - self.warmup, 0.0) / (1.0 - self.warmup)
        rise = tf.minimum(done / self.warmup, 1.0)
        return self.factor * rise * DECAYS[self.decay](rest)


CONSTANT = RateSchedule()
