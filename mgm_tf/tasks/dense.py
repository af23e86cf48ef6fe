"""Dense tasks as data: coding of targets, loss, physical values, metrics.

What differs between tasks is one row of `KINDS`; what differs between data sets is in
the `TaskInfo` that comes with the data.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from datasets.metadata import TaskInfo
from mgm_tf import replicas
from mgm_tf.tasks import losses, metrics
from mgm_tf.tasks.metrics import Statistics, Summary, Sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """What a task's name stands for. The functions that tasks share are defaults.

    Attributes:
      channels: of the network's output.
      read: stored label map -> physical values.
      target: physical values -> what the network is taught.
      physical: network's output -> physical values.
      physical_target: the same for what the network is taught.
      loss_map: (prediction, target, valid) -> the loss of every pixel [N, H, W].
      distance_map: (prediction, other prediction) -> what the loss of the first would
        be if the second were the label [N, H, W].
      as_target: prediction -> what a network is taught that is to predict the same.
      statistics: (info, physical prediction, physical target, valid) -> additive sums.
      summary: the sums of a set -> metrics.
      headline: the metric that stands for the task.
      higher_is_better: of the headline.
    """

    channels: Callable[[TaskInfo], int]
    read: Callable[[TaskInfo, tf.Tensor], tf.Tensor]
    target: Callable[[TaskInfo, tf.Tensor], tf.Tensor]
    physical: Callable[[TaskInfo, tf.Tensor], tf.Tensor]
    physical_target: Callable[[TaskInfo, tf.Tensor], tf.Tensor]
    loss_map: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
    distance_map: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    as_target: Callable[[tf.Tensor], tf.Tensor]
    statistics: Callable[[TaskInfo, tf.Tensor, tf.Tensor, tf.Tensor], Statistics]
    summary: Callable[[Sums], Summary]
    headline: str
    higher_is_better: bool = False


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of a data set. Predictions and targets are in the network's coding."""

    info: TaskInfo
    kind: Kind

    @property
    def name(self) -> str:
        """The key of the task in batches, predictions and results."""
        return self.info.name

    @property
    def output_channels(self) -> int:
        """Channels of the network's output."""
        return self.kind.channels(self.info)

    @property
    def headline(self) -> str:
        """The metric that stands for the task."""
        return self.kind.headline

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger headline is a better one."""
        return self.kind.higher_is_better

    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What to teach for a stored map, and where.

        Args:
          raw: [N, H, W, channels] integers, as stored.

        Returns:
          The target [N, H, W, channels] (float32; class numbers [N, H, W, 1] int32 for
          segmentation) and where there is a label, [N, H, W] booleans.
        """
        physical, valid = self.read(raw)
        return self.target(physical), valid

    def read(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The physical values of a stored map, and where there is a label.

        The first half of `decode`: metres, unit vectors, class numbers, …
        """
        raw = tf.cast(raw, tf.int32)
        valid = tf.reduce_any(tf.not_equal(raw, self.info.missing), axis=-1)
        return self.kind.read(self.info, raw), valid

    def target(self, physical: tf.Tensor) -> tf.Tensor:
        """What to teach for physical values; the second half of `decode`."""
        return self.kind.target(self.info, physical)

    def loss(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """This replica's share of the global batch's mean loss of a valid pixel."""
        values = self.kind.loss_map(prediction, target, valid)
        return replicas.masked_mean(values, valid)

    def distance(self, prediction: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The loss of every pixel [N, H, W] if another prediction were the label."""
        return self.kind.distance_map(prediction, other)

    def as_target(self, prediction: tf.Tensor) -> tf.Tensor:
        """The label map that a prediction stands for, in the coding of targets."""
        return self.kind.as_target(prediction)

    def physical(self, prediction: tf.Tensor) -> tf.Tensor:
        """A prediction as class numbers [N, H, W, 1], unit vectors, metres, …"""
        return self.kind.physical(self.info, prediction)

    def statistics(
        self, prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
    ) -> Statistics:
        """Sums over the valid pixels, float64; to be added over the set."""
        values = self.kind.loss_map(prediction, target, valid)
        predicted = self.physical(prediction)
        labelled = self.kind.physical_target(self.info, target)
        sums = {
            **metrics.pixel_statistics(values, valid, "loss"),
            **self.kind.statistics(self.info, predicted, labelled, valid),
        }
        if self.info.reports_unmasked:
            everywhere = tf.ones_like(valid)
            values = self.kind.loss_map(prediction, target, everywhere)
            sums |= metrics.unmasked_statistics(values)
        return sums

    def summarize(self, statistics: dict[str, np.ndarray]) -> dict[str, float]:
        """The metrics of a set from its summed statistics; nan without a valid pixel.

        `loss` is the mean loss of a valid pixel, the paper's mLoss; `loss_unmasked`
        that of any pixel, where the data ask for it.
        """
        unmasked = self.info.reports_unmasked
        return {
            **self.kind.summary(statistics),
            **metrics.mean_summary(statistics, "loss"),
            **(metrics.unmasked_summary(statistics) if unmasked else {}),
        }


def task_of(info: TaskInfo) -> Task:
    """The task that a data set's record describes.

    Raises:
      ValueError: nothing is known about a task of that name.
    """
    if info.name not in KINDS:
        raise ValueError(
            f"A task of a data set is named {info.name!r}; mgm_tf/tasks/dense.py knows "
            f"{', '.join(KINDS)}. A new task is a new row of KINDS there."
        )
    return Task(info, KINDS[info.name])


def _stored_channels(info: TaskInfo) -> int:
    return info.channels


def _scaled(info: TaskInfo, raw: tf.Tensor) -> tf.Tensor:
    return tf.cast(raw, tf.float32) * info.scale + info.offset


def _coded(info: TaskInfo, physical: tf.Tensor) -> tf.Tensor:
    if info.target_clip:
        physical = tf.clip_by_value(physical, *info.target_clip)
    if info.target_log:
        physical = tf.math.log1p(physical / info.target_log)
    return (physical - info.target_shift) / info.target_scale


def _uncoded(info: TaskInfo, coded: tf.Tensor) -> tf.Tensor:
    values = tf.cast(coded, tf.float32) * info.target_scale + info.target_shift
    return tf.math.expm1(values) * info.target_log if info.target_log else values


def _unit_vectors(info: TaskInfo, coded: tf.Tensor) -> tf.Tensor:
    # No direction is no NaN: a vector of zeros stays one.
    return tf.math.l2_normalize(_uncoded(info, coded), axis=-1)


def _class_count(info: TaskInfo) -> int:
    return len(info.class_names)


def _as_stored(info: TaskInfo, classes: tf.Tensor) -> tf.Tensor:
    del info  # Class numbers have no coding.
    return classes


def _most_likely(info: TaskInfo, logits: tf.Tensor) -> tf.Tensor:
    del info
    return _likeliest_class(logits)


def _likeliest_class(logits: tf.Tensor) -> tf.Tensor:
    return tf.argmax(logits, axis=-1, output_type=tf.int32)[..., None]


def _number_distance(prediction: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    return losses.l1_map(prediction, other, tf.ones(tf.shape(other)[:3], tf.bool))


def _same_numbers(prediction: tf.Tensor) -> tf.Tensor:
    return tf.cast(prediction, tf.float32)


def _class_statistics(info, predicted, target, valid) -> Statistics:
    return metrics.segmentation_statistics(
        predicted[..., 0], target[..., 0], valid, len(info.class_names)
    )


def _depth_statistics(info, predicted, target, valid) -> Statistics:
    del info
    return metrics.depth_statistics(predicted[..., 0], target[..., 0], valid)


def _normals_statistics(info, predicted, target, valid) -> Statistics:
    del info
    return metrics.normals_statistics(predicted, target, valid)


def _error_statistics(info, predicted, target, valid) -> Statistics:
    del info
    error = losses.l1_map(predicted, target, valid)
    return metrics.pixel_statistics(error, valid, "absolute_error")


def _error_summary(sums: Sums) -> Summary:
    return metrics.mean_summary(sums, "absolute_error")


# A map of numbers; the paper compares such tasks by their mean loss (tables 2 and 5).
NUMBERS = Kind(
    channels=_stored_channels,
    read=_scaled,
    target=_coded,
    physical=_uncoded,
    physical_target=_uncoded,
    loss_map=losses.l1_map,
    distance_map=_number_distance,
    as_target=_same_numbers,
    statistics=_error_statistics,
    summary=_error_summary,
    headline="loss",
)

KINDS = {
    "segmentation": Kind(
        channels=_class_count,
        read=_as_stored,
        target=_as_stored,
        physical=_most_likely,
        physical_target=_as_stored,
        loss_map=losses.cross_entropy_map,
        distance_map=losses.soft_cross_entropy_map,
        as_target=_likeliest_class,
        statistics=_class_statistics,
        summary=metrics.segmentation_summary,
        headline="miou",
        higher_is_better=True,
    ),
    "depth": dataclasses.replace(
        NUMBERS,
        statistics=_depth_statistics,
        summary=metrics.depth_summary,
        headline="absolute_error",
    ),
    "normals": dataclasses.replace(
        NUMBERS,
        physical=_unit_vectors,
        physical_target=_unit_vectors,
        statistics=_normals_statistics,
        summary=metrics.normals_summary,
        headline="mad",
    ),
    "edges": NUMBERS,
    "reshading": NUMBERS,
    "curvature": NUMBERS,
}
