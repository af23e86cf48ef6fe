"""The data of a run: which examples there are, and what is known of each."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo
from mgm_tf.config.settings import ALL_TASKS, Config, DataConfig
from mgm_tf.data import builders, inputs, objects, pseudo_labels, subsets
from mgm_tf.data.inputs import Split
from mgm_tf.tasks.scenes import SceneClasses, scene_classes_of

TRAIN, VALIDATION, TEST, WEAK = "train", "validation", "test", "weak"
HELD_OUT = "held_out"
SEGMENTATION = "segmentation"  # the task whose classes are the objects of an image
HELD_OUT_PERCENT = 20.0  # of the labelled examples: AdaShare's policies learn from them


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set as the settings want it; built when examples are first asked for."""

    settings: DataConfig

    @functools.cached_property
    def builder(self) -> tfds.core.DatasetBuilder:
        """The builder; it has what is asked of it.

        Raises:
          ValueError: it has not.
        """
        wanted = self.settings
        opened = builders.open_builder(
            wanted.dataset, wanted.protocol, wanted.image_size, wanted.data_dir
        )
        if not DataInfo.from_metadata(opened.info.metadata).tasks:
            # What a folder holds is known when it has been read.
            self._prepare(opened)
        info = DataInfo.from_metadata(opened.info.metadata)
        if wanted.tasks != ALL_TASKS:
            inputs.check_tasks(info, wanted.tasks, opened.info.full_name)
        return opened

    @functools.cached_property
    def info(self) -> DataInfo:
        """What the data are."""
        chosen = SCENE_LABEL_SOURCES[self.settings.scene_labels]
        return chosen.record(self._stored_info(), self.settings)

    @functools.cached_property
    def task_names(self) -> tuple[str, ...]:
        """The tasks that are learned."""
        wanted = self.settings.tasks
        return tuple(self.info.tasks) if wanted == ALL_TASKS else wanted

    @functools.cached_property
    def labels(self) -> SceneClasses:
        """The scene classes."""
        return scene_classes_of(self.info)

    def is_built(self) -> bool:
        """Whether examples can be had without building."""
        return builders.is_built(self.builder)

    @functools.cached_property
    def train(self) -> Split:
        """The labelled training examples."""
        every = self.settings.labelled_percent == 100
        numbers = None if every else self._labelled
        return self._open(TRAIN, self.task_names, numbers)

    @functools.cached_property
    def held_out(self) -> Split:
        """The labelled training examples that AdaShare's policies learn from."""
        return self._open(TRAIN, self.task_names, self._apart[1])

    @functools.cached_property
    def policy_weights(self) -> Split:
        """The others, which the weights learn from beside them."""
        return self._open(TRAIN, self.task_names, self._apart[0])

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

        Those that have nothing else, if the data set has such and no percentage is
        asked for; else a part of the training examples that are not labelled.

        Raises:
          ValueError: there are none.
        """
        percent, asked = self.settings.labelled_percent, self.settings.weak_percent
        if not asked and self._prepared.info.splits.get(WEAK):
            return self._open(WEAK, ())
        numbers = subsets.weak(self._order, percent, asked or percent)
        return self._open(TRAIN, (), numbers)

    def with_objects(self, split: Split) -> Split:
        """The split with the classes of its segmentation as image labels.

        Raises:
          ValueError: not one of its images has a label map of classes.
        """
        if SEGMENTATION in split.tasks:
            maps = split
        else:
            maps = split.with_tasks((SEGMENTATION,))
        presence = objects.presence(maps, SEGMENTATION)
        if not presence.any():
            raise ValueError(
                f"{split.data_set}: --scene_labels=objects reads image labels off the "
                f"segmentation, but none of the {len(split)} images of its split "
                f"{split.name!r} has a labelled pixel."
            )
        return split.with_scenes(presence)

    def split(self, name: str) -> Split:
        """The examples of `train`, `validation`, `test` or `weak`.

        Raises:
          ValueError: there is no such split.
        """
        if name not in (TRAIN, VALIDATION, TEST, WEAK):
            names = ", ".join((TRAIN, VALIDATION, TEST, WEAK))
            raise ValueError(f"The splits are {names}; received {name!r}.")
        return getattr(self, name)

    @functools.cached_property
    def frequencies(self) -> np.ndarray:
        """How often each class is met among the labelled examples, [classes].

        Raises:
          ValueError: none of them has a scene label.
        """
        presence = self._learned_presence()
        known = presence[presence.any(axis=1)]
        if not len(known):
            raise ValueError(
                f"{self.train.data_set}: not one of {len(presence)} labelled training "
                "examples has a scene label."
            )
        return known.mean(axis=0).astype(np.float32)

    @functools.cached_property
    def _apart(self) -> tuple[np.ndarray, np.ndarray]:
        every = self.settings.labelled_percent == 100
        numbers = np.arange(len(self.train)) if every else self._labelled
        return subsets.apart(numbers, HELD_OUT_PERCENT, self.settings.split_seed)

    def _stored_info(self) -> DataInfo:
        return DataInfo.from_metadata(self.builder.info.metadata)

    def _prepare(self, opened: tfds.core.DatasetBuilder) -> None:
        wanted = self.settings
        builders.prepare(opened, wanted.manual_dir, max_damaged=wanted.max_damaged)

    @functools.cached_property
    def _prepared(self) -> tfds.core.DatasetBuilder:
        """The builder, and the data set is built."""
        self._prepare(self.builder)
        return self.builder

    def _open(self, name: str, tasks: tuple[str, ...], numbers=None) -> Split:
        cache = self.settings.cache
        return Split(self._prepared, name, tasks, cache, numbers)

    @functools.cached_property
    def _presence(self) -> np.ndarray:
        """Which classes each training example has, labelled or not."""
        every = Split(self._prepared, TRAIN, (), "disk")
        return self._presence_of(every.scenes())

    def _learned_presence(self) -> np.ndarray:
        """The image labels that are learned, of the labelled examples."""
        chosen = SCENE_LABEL_SOURCES[self.settings.scene_labels]
        if chosen.relabel is None or chosen.learned:
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


def clustered(info: DataInfo, settings: DataConfig) -> DataInfo:
    """The record of data whose scene labels are clusters."""
    number = settings.scene_clusters
    return dataclasses.replace(
        info,
        scene_names=tuple(f"cluster {i}" for i in range(number)),
        label_kind="categorical",
        scene_source=f"pseudo classes: k-means (k = {number}) on E's features",
    )


def of_objects(info: DataInfo, settings: DataConfig) -> DataInfo:
    """The record of data whose image labels are the classes that are in the image.

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


Relabel = Callable[
    [Sequence[Split], Callable, Config, pathlib.Path, "DataSet"], list[Split]
]


def _clusters(splits, encode, settings, workdir, data):
    return pseudo_labels.relabelled(
        splits, encode, settings.data.scene_clusters, settings.run.seed, workdir
    )


def _objects(splits, encode, settings, workdir, data):
    return [data.with_objects(split) for split in splits]


@dataclasses.dataclass(frozen=True)
class SceneLabelSource:
    """Where scene labels come from.

    Attributes:
      record: (info, settings) -> the record of the data with these labels.
      relabel: (splits, E, settings, folder of the run, data) -> the splits with these
        labels; None: they are stored.
      learned: whether E has to be trained first.
    """

    record: Callable[[DataInfo, DataConfig], DataInfo]
    relabel: Relabel | None = None
    learned: bool = False


SCENE_LABEL_SOURCES = {
    "given": SceneLabelSource(lambda info, settings: info),
    "objects": SceneLabelSource(of_objects, _objects),
    "cluster": SceneLabelSource(clustered, _clusters, learned=True),
}
