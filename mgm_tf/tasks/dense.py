"""Dense tasks: coding of targets, loss, physical values, metrics.

A task predicts classes, numbers or unit vectors: one class here each. What its name
stands for is one row of `TASKS`; what differs between data sets is in the `TaskInfo`
that comes with the data.
"""

import abc
import dataclasses
from typing import ClassVar, final

import numpy as np
import tensorflow as tf

from datasets.metadata import TaskInfo
from mgm_tf.tasks import losses, metrics, replicas
from mgm_tf.tasks.metrics import Statistics, Summary, Sums


@dataclasses.dataclass(frozen=True)
class Task(abc.ABC):
    """One task of a data set. Predictions and targets are in the network's coding.

    Attributes:
      info: what the data set's record says of the task.
      headline: the metric that stands for the task.
      higher_is_better: whether a larger headline is a better one.
    """

    info: TaskInfo
    headline: ClassVar[str]
    higher_is_better: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Returns the key of the task in batches, predictions and results."""
        return self.info.name

    @property
    @abc.abstractmethod
    def output_channels(self) -> int:
        """Returns the number of channels of the network's output."""

    # --- From stored maps to targets --------------------------------------------------

    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what to teach for a stored map, and where.

        Args:
          raw: the map as stored, [N, H, W, channels] integers.

        Returns:
          The target [N, H, W, channels] (float32; class numbers [N, H, W, 1] int32 for
          segmentation) and where there is a label, [N, H, W] booleans.
        """
        physical, valid = self.read(raw)
        return self.target(physical), valid

    def read(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the physical values of a stored map, and where there is a label.

        It is the first half of `decode`: metres, unit vectors, class numbers, …
        """
        raw = tf.cast(raw, tf.int32)
        # A pixel has a label if any of its channels has one.
        valid = tf.reduce_any(tf.not_equal(raw, self.info.missing), axis=-1)
        return self._physical_of_raw(raw), valid

    @abc.abstractmethod
    def target(self, physical: tf.Tensor) -> tf.Tensor:
        """Returns what to teach for physical values; the second half of `decode`."""

    @abc.abstractmethod
    def _physical_of_raw(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns the physical values of a stored map, int32 [N, H, W, channels]."""

    # --- From predictions to physical values and targets ------------------------------

    @abc.abstractmethod
    def physical(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns a prediction as class numbers [N, H, W, 1], unit vectors, metres …"""

    @abc.abstractmethod
    def physical_target(self, target: tf.Tensor) -> tf.Tensor:
        """Returns a target as class numbers [N, H, W, 1], unit vectors, metres, …"""

    @abc.abstractmethod
    def as_target(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the target that a prediction stands for, as if it were a label."""

    # --- Losses -----------------------------------------------------------------------

    def loss(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Returns this replica's share of the global batch's mean loss of a pixel.

        Args:
          prediction: the network's output, [N, H, W, output_channels].
          target: what it should be, as `decode` returns it.
          valid: where there is a label, [N, H, W] booleans; other pixels do not count.
        """
        values = self.loss_map(prediction, target, valid)
        return replicas.masked_mean(values, valid)

    @abc.abstractmethod
    def loss_map(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of every pixel, [N, H, W]; 0 where there is no label."""

    @abc.abstractmethod
    def distance(self, prediction: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Returns every pixel's loss [N, H, W] if another prediction were the label."""

    # --- Metrics ----------------------------------------------------------------------

    def statistics(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        """Returns sums over the valid pixels, float64; to be added over the set."""
        values = self.loss_map(prediction, target, valid)
        measured = self._measured(prediction)
        labelled = self.physical_target(target)
        sums = {
            **metrics.pixel_statistics(values, valid, "loss"),
            **self._error_statistics(measured, labelled, valid),
        }
        if self.info.reports_unmasked:
            everywhere = tf.ones_like(valid)
            values = self.loss_map(prediction, target, everywhere)
            sums |= metrics.unmasked_statistics(values)
        return sums

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """Returns the metrics of a set from its sums; nan without a valid pixel.

        `loss` is the mean loss of a valid pixel, the paper's mLoss; `loss_unmasked`
        that of any pixel, where the data ask for it.
        """
        unmasked = self.info.reports_unmasked
        return {
            **self._error_summary(statistics),
            **metrics.mean_summary(statistics, "loss"),
            **(metrics.unmasked_summary(statistics) if unmasked else {}),
        }

    def _measured(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the physical values by which a prediction is measured."""
        return self.physical(prediction)

    @abc.abstractmethod
    def _error_statistics(
        self, predicted: tf.Tensor, labelled: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        """Returns the sums of the task's own metrics, from physical values."""

    @abc.abstractmethod
    def _error_summary(self, sums: Sums) -> Summary:
        """Returns the task's own metrics from their sums over a set."""


@final
class Classes(Task):
    """A class for every pixel, by softmax cross-entropy: semantic segmentation."""

    headline = "miou"
    higher_is_better = True

    @property
    def output_channels(self) -> int:
        """Returns the number of classes: there is a logit for each."""
        return len(self.info.class_names)

    def target(self, physical: tf.Tensor) -> tf.Tensor:
        """Returns the class numbers themselves: they have no coding."""
        return physical

    def _physical_of_raw(self, raw: tf.Tensor) -> tf.Tensor:
        return raw

    def physical(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the likeliest classes, int32 [N, H, W, 1]."""
        return tf.argmax(prediction, axis=-1, output_type=tf.int32)[..., None]

    def physical_target(self, target: tf.Tensor) -> tf.Tensor:
        """Returns the class numbers themselves."""
        return target

    def as_target(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the likeliest classes, int32 [N, H, W, 1]."""
        return self.physical(prediction)

    def loss_map(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Returns the softmax cross-entropy of every pixel, [N, H, W]."""
        return losses.cross_entropy_map(prediction, target, valid)

    def distance(self, prediction: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Returns the cross-entropy to the other's distribution, [N, H, W]."""
        return losses.soft_cross_entropy_map(prediction, other)

    def _error_statistics(
        self, predicted: tf.Tensor, labelled: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        return metrics.segmentation_statistics(
            predicted[..., 0], labelled[..., 0], valid, len(self.info.class_names)
        )

    def _error_summary(self, sums: Sums) -> Summary:
        return metrics.segmentation_summary(sums)


class Regression(Task):
    """One or more numbers for every pixel, coded as `info` says, by their L1 loss."""

    @property
    def output_channels(self) -> int:
        """Returns the channels of the stored map: the network predicts as many."""
        return self.info.channels

    def _physical_of_raw(self, raw: tf.Tensor) -> tf.Tensor:
        return tf.cast(raw, tf.float32) * self.info.scale + self.info.offset

    def target(self, physical: tf.Tensor) -> tf.Tensor:
        """Returns physical values clipped, logarithmic, shifted and scaled."""
        info = self.info
        if info.target_clip:
            physical = tf.clip_by_value(physical, *info.target_clip)
        if info.target_log:
            physical = tf.math.log1p(physical / info.target_log)
        return (physical - info.target_shift) / info.target_scale

    def physical(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the inverse of `target`, but for its clipping; float32."""
        info = self.info
        values = tf.cast(prediction, tf.float32) * info.target_scale + info.target_shift
        return tf.math.expm1(values) * info.target_log if info.target_log else values

    def physical_target(self, target: tf.Tensor) -> tf.Tensor:
        """Returns what `physical` does: targets are coded as predictions are."""
        return self.physical(target)

    def as_target(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns the prediction itself, float32."""
        return tf.cast(prediction, tf.float32)

    def loss_map(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Returns the mean absolute difference over the channels, [N, H, W]."""
        return losses.l1_map(prediction, target, valid)

    def distance(self, prediction: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Returns the mean absolute difference over the channels, [N, H, W]."""
        return self.loss_map(prediction, other, tf.ones(tf.shape(other)[:3], tf.bool))


@final
class Numbers(Regression):
    """Numbers that the paper compares by their mean loss (tables 2 and 5)."""

    headline = "loss"

    def _error_statistics(
        self, predicted: tf.Tensor, labelled: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        error = losses.l1_map(predicted, labelled, valid)
        return metrics.pixel_statistics(error, valid, "absolute_error")

    def _error_summary(self, sums: Sums) -> Summary:
        return metrics.mean_summary(sums, "absolute_error")


@final
class Depth(Regression):
    """Numbers that are distances in metres, with the metrics of depth estimation."""

    headline = "absolute_error"

    def _error_statistics(
        self, predicted: tf.Tensor, labelled: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        return metrics.depth_statistics(predicted[..., 0], labelled[..., 0], valid)

    def _error_summary(self, sums: Sums) -> Summary:
        return metrics.depth_summary(sums)


@final
class UnitVectors(Regression):
    """A direction for every pixel: surface normals."""

    headline = "mad"

    def physical(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns unit vectors [N, H, W, 3]; a vector of zeros where all are 0."""
        # No direction is no NaN: a vector of zeros stays one.
        return tf.math.l2_normalize(super().physical(prediction), axis=-1)

    def _measured(self, prediction: tf.Tensor) -> tf.Tensor:
        """Returns vectors on the scale -1..1, of the length that the network gives."""
        return super().physical(prediction)

    def _error_statistics(
        self, predicted: tf.Tensor, labelled: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        return metrics.normals_statistics(predicted, labelled, valid)

    def _error_summary(self, sums: Sums) -> Summary:
        return metrics.normals_summary(sums)


TASKS: dict[str, type[Task]] = {
    "segmentation": Classes,
    "depth": Depth,
    "normals": UnitVectors,
    "edges": Numbers,
    "reshading": Numbers,
    "curvature": Numbers,
}


def task_of(info: TaskInfo) -> Task:
    """Returns the task that a data set's record describes.

    Raises:
      ValueError: nothing is known about a task of that name.
    """
    if info.name not in TASKS:
        raise ValueError(
            f"A task of a data set is named {info.name!r}; mgm_tf/tasks/dense.py knows "
            f"{', '.join(TASKS)}. A new task is a new row of TASKS there."
        )
    return TASKS[info.name](info)
