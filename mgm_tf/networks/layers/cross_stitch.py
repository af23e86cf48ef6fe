"""Cross-stitch units: features of several tasks, mixed (Misra et al., 2016)."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


class CrossStitch(keras.layers.Layer):
    """Gives every task a mixture of the features of all: out_t = sum_s w_ts x_s.

    There is a weight for each channel and each pair of tasks, "stitch" [tasks, tasks,
    C], as in the survey of Vandenhende et al. (2021).

    Args:
      tasks: how many there are.
      same: a task's weight for its own features at the start. The others share the
        rest alike: the weights of a mixture sum to 1 (for a single task 1 is its own).

    Raises:
      ValueError: without a task, or, when called, with features of another number.
    """

    def __init__(self, tasks: int, same: float = 0.9, name: str | None = None):
        super().__init__(name=name)
        if tasks < 1:
            raise ValueError(f"Expected one task at least, got {tasks}.")
        self.tasks = tasks
        self.same = same

    def build(self, input_shape):
        """Creates the weights."""
        if len(input_shape) != self.tasks:
            raise ValueError(
                f"Expected features of {self.tasks} tasks, got {len(input_shape)}."
            )
        self.stitch = self.add_weight(
            shape=(self.tasks, self.tasks, input_shape[0][-1]),
            initializer=self._mostly_own,
            name="stitch",
        )

    def _mostly_own(self, shape, dtype=None):
        same = self.same if self.tasks > 1 else 1.0
        weights = np.full((self.tasks, self.tasks), (1 - same) / max(1, self.tasks - 1))
        np.fill_diagonal(weights, same)
        return tf.cast(tf.broadcast_to(weights[..., None], shape), dtype)

    def call(self, features: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Features of each task, [N, h, w, C], to as many mixtures."""
        mixtures = [tf.unstack(row) for row in tf.unstack(self.stitch)]
        return [
            tf.add_n([w * x for w, x in zip(weights, features, strict=True)])
            for weights in mixtures
        ]
