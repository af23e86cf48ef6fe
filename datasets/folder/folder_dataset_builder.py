"""Your own folder of photographs and labels as a TFDS data set.

Builder(config="128").download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=…))
"""

import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from datasets import builder, files, metadata, quarantine, resizing
from datasets.files import walk
from datasets.folder import contents, problems, source
from datasets.folder.plan import Plan, plan
from datasets.folder.whole_set import WholeSet


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(tfds.core.BuilderConfig):
    """A size.

    Attributes:
      size: images and maps are [size, size].
    """

    size: int


class Builder(builder.RandomAccessBuilder):
    """Your own photographs, with any of six kinds of label maps and image labels.

    What the data are (tasks, classes, hence features) is only known when the folder
    has been read: until then `info` has no features and a record without tasks.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        FolderConfig(name=str(size), size=size) for size in (64, 128, 256)
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "128"
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"The folder of manual_dir holds {contents.LAYOUT}."

    _read_info: tfds.core.DatasetInfo | None = None

    @property
    def info(self) -> tfds.core.DatasetInfo:
        """What is known of the data; during a build, what was found in the folder."""
        return self._read_info or super().info

    def download_and_prepare(self, **arguments: Any) -> None:
        """Builds the data set, unless that is done; see TFDS.

        Raises:
          ValueError: something is wrong with the folder; the message tells all of it.
          TooManyDamaged: more files cannot be used than `max_damaged` allows.
        """
        try:
            super().download_and_prepare(**arguments)
        finally:
            was_read, self._read_info = self._read_info, None
        if was_read:
            # From here on as in a process that finds the data set built.
            self.info.read_from_directory(self.data_dir)

    def check_source(self, manual_dir: str) -> None:
        """Compares a folder with what the data set was built from.

        Raises:
          ValueError: it is another folder, or was changed since.
        """
        path = pathlib.Path(self.data_dir) / source.FILE_NAME
        differences = source.differences(path, pathlib.Path(manual_dir))
        if differences:
            raise ValueError(
                f"{manual_dir} is not what {self.data_dir} was built from "
                f"({differences}). Delete {self.data_dir} to build it anew, or give "
                "another --data_dir."
            )

    def _info(self) -> tfds.core.DatasetInfo:
        # Without features here, TFDS takes those of the finished data set.
        return self._dataset_info(
            metadata.DataInfo(
                image_size=self.builder_config.size, tasks={}, scene_names=()
            ),
            features=None,
        )

    def _dataset_info(
        self, info: metadata.DataInfo, features: tfds.features.FeaturesDict | None
    ) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features, metadata=info.metadata()
        )

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig,
    ) -> None:
        # Before TFDS asks for the features, which is before `_split_generators`.
        folder = pathlib.Path(dl_manager.manual_dir)
        print(f"Reading names and sizes in {folder}.", flush=True)
        planned = plan(folder, self.builder_config.size)
        passed_over = walk.passed_over(planned.contents.hidden, folder)
        if passed_over:
            print(passed_over, flush=True)
        before = source.states(planned.contents)
        info = self._dataset_info(planned.info, planned.info.features())
        info.set_file_format(self.info.file_format)
        self._plan = planned
        self._read_info = info
        self._quarantine = quarantine.Quarantine(self._list_path(), self.max_damaged)
        self._whole_set = WholeSet(planned.info.tasks)
        super()._download_and_prepare(dl_manager, download_config)
        self._finish(before)

    def _finish(self, before: dict[str, dict]) -> None:
        """Refuses what is too much or impossible as a whole; notes the source."""
        here = pathlib.Path(self.data_dir)
        left_out = self._quarantine
        left_out.check(sum(map(len, self._plan.parts.values())))
        left_out.write()
        shutil.copyfile(left_out.path, here / quarantine.FILE_NAME)
        if len(left_out):
            print(f"{len(left_out)} images are left out, see {left_out.path}.")
        folder = self._plan.contents.folder
        problems.refuse(folder, self._whole_set.problems())
        if source.states(self._plan.contents) != before:
            raise ValueError(f"{folder} was changed while it was read; start again.")
        source.remember(here / source.FILE_NAME, self._plan.contents)

    def _list_path(self) -> pathlib.Path:
        name = f"quarantine_{self.builder_config.name}.json"
        return pathlib.Path(self.data_dir_root) / self.name / name

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        parts = self._plan.parts
        self.expect({split: len(names) for split, names in parts.items()})
        return {split: self._generate_examples(split) for split in parts}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict]]:
        whole = 0
        for name in self._plan.parts[split]:
            example = self._example(name)
            if example is not None:
                whole += 1
                yield name, example
        if not whole:
            self._refuse_empty(split)

    def _refuse_empty(self, split: str) -> None:
        """Raises the ValueError of a split of damaged images, which TFDS would not say.

        The splits behind it are looked at first, to list all that is damaged.
        """
        parts = self._plan.parts
        for later in list(parts)[list(parts).index(split) + 1 :]:
            for name in parts[later]:
                self._example(name)
        self._quarantine.check(sum(map(len, parts.values())))
        raise ValueError(
            f"{self._plan.contents.folder}: all {len(parts[split])} images of split "
            f"{split!r} are damaged."
        )

    def _example(self, name: str) -> dict | None:
        """Returns an example as stored; None if a file of it cannot be used."""
        example, damaged = _read(self._plan, name)
        if not damaged:
            self._whole_set.add(example)
            return example
        reasons = {
            self._plan.contents.relative(pathlib.Path(error.path)): error.reason
            for error in damaged
        }
        lines = [f"{place}: {reason}" for place, reason in reasons.items()]
        self._quarantine.add(name, next(iter(reasons)), "; ".join(lines))
        return None


def _read(planned: Plan, name: str) -> tuple[dict, list[files.DamagedFile]]:
    """Returns (the example, the errors of its damaged files)."""
    size = planned.info.image_size
    image_path = planned.contents.images[name]
    damaged: list[files.DamagedFile] = []
    example = {"name": name, "scene": planned.scenes[name]}
    for key, read in _readings(planned, name, image_path, size):
        try:
            example[key] = read()
        except files.DamagedFile as error:
            damaged.append(error)
    return example, damaged


def _readings(
    planned: Plan, name: str, image_path: pathlib.Path, size: int
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yields (feature, function that reads it)."""
    yield "image", lambda: resizing.resize_image(files.read_image(image_path), size)
    for task, reader in planned.readers.items():
        path = planned.contents.maps[task].get(name)
        if path is None:
            yield task, functools.partial(reader.missing, size)
        else:
            yield task, functools.partial(reader.stored, path, size)
