"""The data of a run: which examples there are, and what is known of each."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo
from mgm_tf.config.choices import TEST, TRAIN, VALIDATION
from mgm_tf.config.settings import ALL_TASKS, Config, DataConfig
from mgm_tf.data import builders, pseudo_labels, subsets
from mgm_tf.data.examples import WEAK
from mgm_tf.data.splits import Split, check_tasks
from mgm_tf.tasks.scenes import SceneClasses, scene_classes_of

SEGMENTATION = "segmentation"  # the task whose classes are the objects of an image
HELD_OUT_PERCENT = 20.0  # of the labelled examples: AdaShare's policies learn from them


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set by its settings; it is built when its examples are first read.

    Attributes:
      settings: the settings of the data.
    """

    settings: DataConfig

    @functools.cached_property
    def builder(self) -> tfds.core.DatasetBuilder:
        """The builder of the data set, which has labels for the tasks of the settings.

        Raises:
          ValueError: there is no such data set, or it has no labels for a task.
        """
        settings = self.settings
        builder = builders.open_builder(
            settings.dataset, settings.protocol, settings.image_size, settings.data_dir
        )
        if not DataInfo.from_metadata(builder.info.metadata).tasks:
            # What a folder holds is known when it has been read.
            self._prepare(builder)
        info = DataInfo.from_metadata(builder.info.metadata)
        if settings.tasks != ALL_TASKS:
            check_tasks(info, settings.tasks, builder.info.full_name)
        return builder

    @functools.cached_property
    def info(self) -> DataInfo:
        """The record of what the data are, with the scene labels of the settings."""
        source = SCENE_LABEL_SOURCES[self.settings.scene_labels]
        return source.record(self._stored_info(), self.settings)

    @functools.cached_property
    def task_names(self) -> tuple[str, ...]:
        """The tasks that are learned."""
        tasks = self.settings.tasks
        return tuple(self.info.tasks) if tasks == ALL_TASKS else tasks

    @functools.cached_property
    def scene_classes(self) -> SceneClasses:
        """The scene classes of the data set, whatever their source."""
        return scene_classes_of(self.info)

    def is_built(self) -> bool:
        """Returns whether the data set is built already."""
        return builders.is_built(self.builder)

    @functools.cached_property
    def train(self) -> Split:
        """The labelled training examples."""
        numbers = None if self._all_labelled else self._labelled
        return self._open(TRAIN, self.task_names, numbers)

    @functools.cached_property
    def held_out(self) -> Split:
        """The labelled training examples that AdaShare's policies learn from."""
        return self._open(TRAIN, self.task_names, self._kept_and_held_out[1])

    @functools.cached_property
    def policy_weights(self) -> Split:
        """The labelled training examples that are not held out, for the weights."""
        return self._open(TRAIN, self.task_names, self._kept_and_held_out[0])

    @functools.cached_property
    def validation(self) -> Split:
        """The examples that choose the best model."""
        return self._open(VALIDATION, self.task_names)

    @functools.cached_property
    def test(self) -> Split:
        """The examples of the final figures."""
        return self._open(TEST, self.task_names)

    @functools.cached_property
    def weak(self) -> Split:
        """Real images of which only the scene label is used.

        They are the split of images without label maps, if the data set has one and
        the settings give no percentage; else a part of the training examples that are
        not labelled.

        Raises:
          ValueError: there are none.
        """
        percent, weak_percent = (
            self.settings.labelled_percent,
            self.settings.weak_percent,
        )
        if not weak_percent and self._prepared.info.splits.get(WEAK):
            return self._open(WEAK, ())
        numbers = subsets.weak(self._order, percent, weak_percent or percent)
        return self._open(TRAIN, (), numbers)

    def with_objects(self, split: Split) -> Split:
        """Returns the split with the classes of its segmentation as scene labels.

        Raises:
          ValueError: not one of its images has a label map of classes.
        """
        if SEGMENTATION in split.tasks:
            maps = split
        else:
            maps = split.with_tasks((SEGMENTATION,))
        presence = pseudo_labels.class_presence(maps, SEGMENTATION)
        if not presence.any():
            raise ValueError(
                f"{split.data_set}: --scene_labels=objects reads image labels off the "
                f"segmentation, but none of the {len(split)} images of its split "
                f"{split.name!r} has a labelled pixel."
            )
        return split.with_scenes(presence)

    def split(self, name: str) -> Split:
        """Returns the examples of `train`, `validation`, `test` or `weak`.

        Raises:
          ValueError: there is no such split.
        """
        if name not in (TRAIN, VALIDATION, TEST, WEAK):
            names = ", ".join((TRAIN, VALIDATION, TEST, WEAK))
            raise ValueError(f"The splits are {names}; received {name!r}.")
        return getattr(self, name)

    @functools.cached_property
    def frequencies(self) -> np.ndarray:
        """The fraction of labelled examples that have each class, [classes] float32.

        Examples without a scene label do not count.

        Raises:
          ValueError: none of them has a scene label.
        """
        presence = self._learned_presence()
        labelled = presence[presence.any(axis=1)]
        if not len(labelled):
            raise ValueError(
                f"{self.train.data_set}: not one of {len(presence)} labelled training "
                "examples has a scene label."
            )
        return labelled.mean(axis=0).astype(np.float32)

    @property
    def _all_labelled(self) -> bool:
        return self.settings.labelled_percent == 100

    @functools.cached_property
    def _kept_and_held_out(self) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.arange(len(self.train)) if self._all_labelled else self._labelled
        return subsets.hold_out(numbers, HELD_OUT_PERCENT, self.settings.split_seed)

    def _stored_info(self) -> DataInfo:
        return DataInfo.from_metadata(self.builder.info.metadata)

    def _prepare(self, builder: tfds.core.DatasetBuilder) -> None:
        settings = self.settings
        builders.prepare(builder, settings.manual_dir, max_damaged=settings.max_damaged)

    @functools.cached_property
    def _prepared(self) -> tfds.core.DatasetBuilder:
        """The builder of the data set, which is built."""
        self._prepare(self.builder)
        return self.builder

    def _open(
        self, name: str, tasks: tuple[str, ...], numbers: np.ndarray | None = None
    ) -> Split:
        cache = self.settings.cache
        return Split(self._prepared, name, tasks, cache, numbers)

    @functools.cached_property
    def _presence(self) -> np.ndarray:
        """The stored classes of each training example, [examples, classes] booleans."""
        examples = Split(self._prepared, TRAIN, (), "disk")
        return self._presence_of(examples.scenes())

    def _learned_presence(self) -> np.ndarray:
        """Returns the classes of each labelled example, [examples, classes] booleans.

        They are those that are learned; while clusters are not known, those stored.
        """
        source = SCENE_LABEL_SOURCES[self.settings.scene_labels]
        if source.relabel is None or source.learned:
            return self._presence_of(self.train.scenes())
        return self.with_objects(self.train).scenes() > 0

    def _presence_of(self, scenes: np.ndarray) -> np.ndarray:
        # As stored: clusters, if there are to be any, are not known yet.
        return scene_classes_of(self._stored_info()).condition(scenes).numpy() > 0

    @functools.cached_property
    def _order(self) -> np.ndarray:
        return subsets.nested_order(self._presence, self.settings.split_seed)

    @functools.cached_property
    def _labelled(self) -> np.ndarray:
        percent = self.settings.labelled_percent
        return subsets.labelled(self._order, self._presence, percent)


def cluster_record(info: DataInfo, settings: DataConfig) -> DataInfo:
    """Returns the record of data whose scene labels are clusters."""
    number = settings.scene_clusters
    return dataclasses.replace(
        info,
        scene_names=tuple(f"cluster {i}" for i in range(number)),
        label_kind="categorical",
        scene_source=f"pseudo classes: k-means (k = {number}) on E's features",
    )


def object_record(info: DataInfo, settings: DataConfig) -> DataInfo:
    """Returns the record of data whose scene labels are the classes in the image.

    Raises:
      ValueError: there are no label maps of classes.
    """
    task = info.tasks.get(SEGMENTATION)
    if task is None:
        raise ValueError(
            f"--scene_labels=objects reads them off the segmentation, which "
            f"{settings.dataset} has no labels of (it has {', '.join(info.tasks)})."
        )
    return dataclasses.replace(
        info,
        scene_names=task.class_names,
        label_kind="multi_hot",
        scene_source="the classes of the segmentation that are in the image",
    )


def stored_record(info: DataInfo, settings: DataConfig) -> DataInfo:
    """Returns the record of data whose scene labels are those that are stored."""
    return info


Relabel = Callable[
    [Sequence[Split], pseudo_labels.Encode, Config, pathlib.Path, DataSet], list[Split]
]


def _with_clusters(
    splits: Sequence[Split],
    encode: pseudo_labels.Encode,
    settings: Config,
    workdir: pathlib.Path,
    data: DataSet,
) -> list[Split]:
    return pseudo_labels.with_clusters(
        splits, encode, settings.data.scene_clusters, settings.run.seed, workdir
    )


def _with_objects(
    splits: Sequence[Split],
    encode: pseudo_labels.Encode,
    settings: Config,
    workdir: pathlib.Path,
    data: DataSet,
) -> list[Split]:
    return [data.with_objects(split) for split in splits]


@dataclasses.dataclass(frozen=True)
class SceneLabelSource:
    """A source of scene labels.

    Attributes:
      record: (info, settings) -> the record of the data with these labels.
      relabel: (splits, E, settings, folder of the run, data) -> the splits with these
        labels; None: they are stored.
      learned: whether E has to be trained first.
    """

    record: Callable[[DataInfo, DataConfig], DataInfo]
    relabel: Relabel | None = None
    learned: bool = False


# --scene_labels
SCENE_LABEL_SOURCES = {
    "given": SceneLabelSource(stored_record),
    "objects": SceneLabelSource(object_record, _with_objects),
    "cluster": SceneLabelSource(cluster_record, _with_clusters, learned=True),
}
