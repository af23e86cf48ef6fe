"""A data set of twenty made-up 64 px examples with the interface of the real ones.

A floor and a wall meet at some row; the type of room decides the wall's colour. Tests
put it in the place of Rooms: `install(monkeypatch)`, then `--dataset=rooms`.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

import datasets
from datasets import metadata
from mgm_tf.config import options
from mgm_tf.config.settings import Config

SIZE = 64
COUNTS = {"train": 12, "validation": 5, "test": 3}
WEAK = {"weak": 6}
SCENES = ("red room", "green room", "blue room")
INFO = metadata.DataInfo(
    image_size=SIZE,
    tasks={
        task.name: task
        for task in (
            metadata.segmentation_info(
                ("wall", "floor", "ball"), ((200, 200, 0), (0, 90, 0), (0, 0, 255))
            ),
            metadata.depth_info(),
            metadata.normals_info(),
            metadata.TaskInfo(name="curvature", channels=2, scale=1e-3, offset=-30.0),
        )
    },
    scene_names=SCENES,
    notes="made up",
)


@dataclasses.dataclass(eq=False, kw_only=True)
class FakeConfig(tfds.core.BuilderConfig):
    """The number of examples of each split, and the record of what they are."""

    counts: dict[str, int]
    info: metadata.DataInfo = INFO


class Builder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """Twenty generated examples."""

    name = "fake"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        FakeConfig(name="64", counts=COUNTS),
        FakeConfig(name="few_64", counts=COUNTS | {"train": 3}),
        FakeConfig(name="weak_64", counts=COUNTS | WEAK),
        FakeConfig(
            name="nameless_64",
            counts=COUNTS,
            info=dataclasses.replace(INFO, scene_names=()),
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        info = self.builder_config.info
        return self.dataset_info_from_configs(
            features=info.features(), metadata=info.metadata(), disable_shuffling=True
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict]]]:
        counts = self.builder_config.counts
        return {k: self._generate_examples(k, n) for k, n in counts.items()}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict]]:
        has_scenes = bool(self.builder_config.info.scene_names)
        for index in range(count):
            values = example(split, index)
            yield index, values | {"scene": values["scene"] if has_scenes else -1}


def example(split: str, index: int) -> dict:
    """Returns one example as it is stored, a function of its split and number.

    The first column of pixels has no label. The first example of training has no depth
    at all, and its scene is not known.
    """
    random = np.random.default_rng([list(COUNTS | WEAK).index(split), index])
    scene = index % len(SCENES)
    floor = np.arange(SIZE)[:, None] >= random.integers(24, 40)
    floor = np.broadcast_to(floor, (SIZE, SIZE))
    is_first = (split, index) == ("train", 0)
    labelled = np.broadcast_to(np.arange(SIZE) > 0, (SIZE, SIZE))

    image = random.integers(0, 60, (SIZE, SIZE, 3))
    image[..., scene] += np.where(floor, 90, 180)
    depth = np.where(floor, 5 - np.arange(SIZE)[:, None] / 16, 2.5 + scene / 2)
    normals = np.where(floor[..., None], (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    curvature = random.uniform(-1, 1, (SIZE, SIZE, 2))
    tasks = INFO.tasks
    return {
        "image": image.astype(np.uint8),
        "name": f"{split}_{index}",
        "scene": -1 if is_first else scene,
        "segmentation": tasks["segmentation"].encode(floor, labelled),
        "depth": tasks["depth"].encode(depth, labelled & (not is_first)),
        "normals": tasks["normals"].encode(normals, labelled),
        "curvature": tasks["curvature"].encode(curvature, labelled),
    }


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts this data set in the place of Rooms, as long as the test runs."""
    monkeypatch.setitem(datasets.BUILDERS, "rooms", __name__)


def build(folder: pathlib.Path, name: str = "64") -> Builder:
    """Builds the data set of a config in `folder`; returns its builder."""
    builder = Builder(config=name, data_dir=folder, file_format="array_record")
    builder.download_and_prepare()
    return builder


@contextlib.contextmanager
def installed(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the folder, with the data set built in it, in the place of Rooms."""
    build(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch)
        yield folder


TINY = {
    "image_size": SIZE,
    "width": 0.0625,
    "encoder": "resnet10",
    "multi_task_length": "4steps",
    "generative_length": "2steps",
    "joint_length": "3steps",
    "multi_task_batch_size": 4,
    "generative_batch_size": 6,
    "joint_batch_size": 4,
    "evaluation_batch_size": 4,
    "log_every": 2,
    "cache": "memory",
    # Graphs take longer to make than these few steps take without.
    "run_eagerly": True,
}


# One stage of one cheap update: the multi-task network alone.
ALONE = {
    "weak": "none",
    "refinement": "none",
    "self_supervision": "none",
    "joint_length": "0steps",
}


def settings(data_dir: pathlib.Path, **changes: Any) -> Config:
    """Returns the settings of a tiny run on this data set, changed by flag name."""
    values = options.settings(Config()) | TINY | {"data_dir": str(data_dir)}
    return options.build(Config, values | changes)
