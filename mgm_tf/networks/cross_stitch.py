"""Cross-stitch networks: an encoder a task, joined by units (Misra et al., 2016)."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.networks.encoders import ResNet, through
from mgm_tf.networks.layers.base import CompositeModel, Shape


class CrossStitch(keras.layers.Layer):
    """A unit that gives every task a mixture of all features: out_t = sum_s w_ts x_s.

    That is eq. (1) of Misra et al., for any number of tasks. There is a weight for each
    channel and each pair of tasks, "stitch" [tasks, tasks, C], as in the survey of
    Vandenhende et al. (2021).

    Args:
      tasks: the number of tasks.
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

    def build(self, input_shape: Sequence[Shape]) -> None:
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

    def _mostly_own(self, shape: Shape, dtype: Any = None) -> tf.Tensor:
        same = self.same if self.tasks > 1 else 1.0
        weights = np.full((self.tasks, self.tasks), (1 - same) / max(1, self.tasks - 1))
        np.fill_diagonal(weights, same)
        return tf.cast(tf.broadcast_to(weights[..., None], shape), dtype)

    def call(self, features: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Maps features of each task, [N, h, w, C], to as many mixtures."""
        mixtures = [tf.unstack(row) for row in tf.unstack(self.stitch)]
        return [
            tf.add_n([w * x for w, x in zip(weights, features, strict=True)])
            for weights in mixtures
        ]


class CrossStitchEncoder(CompositeModel):
    """One ResNet for each task, with a `CrossStitch` after each of the four stages.

    Args:
      encoders: the network of each task by its name; all of one layout.
    """

    def __init__(self, encoders: Mapping[str, ResNet], name: str | None = None):
        super().__init__(name=name)
        self.encoders = dict(encoders)
        stages = len(next(iter(self.encoders.values())).stages)
        self.units = [CrossStitch(len(self.encoders)) for _ in range(stages)]

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Maps [N, H, W, C] to {task: features [N, h, w, width]}."""
        networks = self.encoders.values()
        features = [network.begin(images, training) for network in networks]
        stages = zip(*[network.stages for network in networks], strict=True)
        for unit, parts in zip(self.units, stages, strict=True):
            features = unit(
                [
                    through(blocks, hidden, training)
                    for blocks, hidden in zip(parts, features, strict=True)
                ]
            )
        return dict(zip(self.encoders, features, strict=True))
