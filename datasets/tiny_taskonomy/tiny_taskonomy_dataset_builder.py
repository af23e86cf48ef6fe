"""Tiny-Taskonomy as a TFDS data set, from the files of Taskonomy.

Builder(config="random_128").download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=…))
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from datasets import builder, metadata, quarantine
from datasets.files import records
from datasets.tiny_taskonomy import (
    frames,
    layout,
    pipeline,
    places,
    splits,
    store,
    tasks,
)

SOURCE = "source.json"


@dataclasses.dataclass(eq=False, kw_only=True)
class TinyTaskonomyConfig(tfds.core.BuilderConfig):
    """A split and a size.

    Attributes:
      protocol: `random`, `official` or `three_buildings`, see `splits`.
      size: images and maps are [size, size].
      categories: how many of the most frequent scene categories are kept.
      minimum_per_scene: images that each should have; fewer are told, not refused.
    """

    protocol: str
    size: int
    categories: int = 35
    minimum_per_scene: int = 1000


@dataclasses.dataclass(frozen=True)
class _Source:
    """What the data set was built from: the names of all buildings that were there."""

    buildings: tuple[str, ...]


class _Frames(NamedTuple):
    """All whole frames: names, scenes of 365, and the number of each one's chunk."""

    names: list[str]
    scenes: np.ndarray
    chunk: np.ndarray


class Builder(builder.RandomAccessBuilder):
    """Tiny-Taskonomy: six label maps and the 35 most frequent scenes."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        TinyTaskonomyConfig(
            name=f"{protocol}_{size}",
            protocol=protocol,
            size=size,
            minimum_per_scene=splits.MINIMUM_PER_SCENE[protocol],
        )
        for protocol in splits.PROTOCOLS
        for size in (64, 128, 256)
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "random_128"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Fetch the buildings of Taskonomy (https://github.com/StanfordVL/taskonomy, "
        "folder data; accept its terms) with the domains rgb, class_scene and any of "
        f"{', '.join(tasks.DOMAINS.values())} and unpack them into the folder given by "
        "`manual_dir`, as DOMAIN/BUILDING/point_P_view_V_domain_D.png."
    )

    beam_defaults = (f"runner={pipeline.RUNNER}",)

    def _info(self) -> tfds.core.DatasetInfo:
        # Which tasks and scenes there are is known when the files have been read.
        unknown = self._data_info(tasks={}, scene_names=(), notes="")
        complete = self._data_info(tasks=tasks.task_infos(), scene_names=(), notes="")
        return self.dataset_info_from_configs(
            features=complete.features(),
            homepage="http://taskonomy.stanford.edu",
            metadata=unknown.metadata(),
        )

    def _data_info(self, **fields: Any) -> metadata.DataInfo:
        return metadata.DataInfo(
            image_size=self.builder_config.size,
            scene_source="class_scene: most probable of 365 categories of Places",
            **fields,
        )

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig,
    ) -> None:
        self._beam = download_config.beam_options, download_config.beam_runner
        super()._download_and_prepare(dl_manager, download_config)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        """Decodes the frames that are not decoded yet; one generator a split."""
        found = layout.find_buildings(dl_manager.manual_dir)
        names = splits.choose_buildings(self.builder_config.protocol, found)
        domains = layout.choose_domains([found[name] for name in names])
        buildings = [found[name].only([*domains, layout.MASK]) for name in names]
        self._check_number(buildings)
        where = self._store
        with builder.alone(epath.Path(where.root)):
            chunks, whole, damaged = self._decode(where, buildings, domains)
        return self._divided(where, list(found), domains, chunks, whole, damaged)

    def _check_number(self, buildings: list[layout.Building]) -> None:
        """Refuses frames that are too few for the splits, before they are decoded."""
        names = {each.name: list(layout.list_frames(each)) for each in buildings}
        owners = [building for building, mine in names.items() for _ in mine]
        splits.SPLIT_BY[self.builder_config.protocol](
            [name for mine in names.values() for name in mine], owners
        )

    @property
    def _store(self) -> store.Store:
        """Beside the data sets of all protocols, which share it."""
        root = self.data_dir_root / self.name / f"frames_{self.builder_config.size}"
        return store.Store(str(root))

    def _decode(
        self,
        where: store.Store,
        buildings: list[layout.Building],
        domains: tuple[str, ...],
    ) -> tuple[list[store.Chunk], _Frames, int]:
        """Returns the chunks, their whole frames and the number of damaged ones."""
        work = pipeline.Work(where, domains, self.builder_config.size, self.max_damaged)
        pipeline.run(work, buildings, *self._beam)
        chunks = [
            chunk
            for building in buildings
            for chunk in where.read_index(building.name) or ()
        ]
        stems = {building.name: where.done(building.name) for building in buildings}
        done = [chunk for chunk in chunks if chunk.stem in stems[chunk.building]]
        listed = quarantine.Quarantine(
            self.data_dir_root
            / self.name
            / f"quarantine_{self.builder_config.name}.json",
            self.max_damaged,
        )
        names, scenes, numbers = [], [], []
        for number, chunk in enumerate(done):
            report = where.read_report(chunk)
            for row in report.damaged:
                listed.add(**row)
            names += report.names
            scenes += report.scenes
            numbers += [number] * len(report.names)
        _check(listed, sum(map(len, done)), sum(map(len, chunks)))
        listed.write()
        listed.path.copy(
            epath.Path(self.data_dir) / quarantine.FILE_NAME, overwrite=True
        )
        whole = _Frames(names, np.array(scenes, np.int64), np.array(numbers, np.int64))
        return chunks, whole, len(listed)

    def _divided(
        self,
        where: store.Store,
        found: list[str],
        domains: tuple[str, ...],
        chunks: list[store.Chunk],
        whole: _Frames,
        damaged: int,
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        """Returns a generator of the kept frames of each split; tells what they are."""
        config = self.builder_config
        if not whole.names:
            raise ValueError(f"None of {damaged} frames is whole.")
        counts = splits.frequent_scenes(whole.scenes, config.categories)
        kept = np.flatnonzero(np.isin(whole.scenes, list(counts)))
        names = [whole.names[k] for k in kept]
        owners = [chunks[whole.chunk[k]].building for k in kept]
        split = splits.SPLIT_BY[config.protocol](names, owners)
        sizes = {
            name: int((split == number).sum())
            for number, name in enumerate(splits.SPLITS)
        }
        infos = tasks.task_infos(domains)
        notes = self._notes(
            sizes, counts, sorted(set(owners)), len(whole.names), damaged
        )
        notes += _lacking_tasks(infos)
        info = self._data_info(
            tasks=infos,
            scene_names=tuple(places.NAMES[scene] for scene in counts),
            notes=notes,
        )
        self.info.metadata.clear()
        self.info.metadata.update(info.metadata())
        self.expect(sizes)
        self._write_source(found)
        print(notes, flush=True)
        size = where.bytes(sorted({chunk.building for chunk in chunks})) / 2**20
        print(
            f"The decoded frames, {size:.0f} MiB in {where.root}, serve the other "
            "protocols too. Nothing reads them once the data sets are built.",
            flush=True,
        )
        number_of = {scene: number for number, scene in enumerate(counts)}
        scenes = np.array([number_of[whole.scenes[k]] for k in kept])
        return {
            name: self._generate_examples(
                where, chunks, whole, kept[split == number], scenes[split == number]
            )
            for number, name in enumerate(splits.SPLITS)
        }

    def _generate_examples(
        self,
        where: store.Store,
        chunks: list[store.Chunk],
        whole: _Frames,
        indices: np.ndarray,
        scenes: np.ndarray,
    ) -> Iterator[tuple[str, dict]]:
        """Yields (name, example) with the PNGs as they are in the store."""
        size = self.builder_config.size
        blank = {
            name: frames.no_labels(info, size)
            for name, info in tasks.task_infos().items()
        }
        scene_of = {
            whole.names[k]: int(scene) for k, scene in zip(indices, scenes, strict=True)
        }
        owners = whole.chunk[indices]
        for number in np.unique(owners):
            names = [whole.names[k] for k in indices[owners == number]]
            for name, images in where.read(chunks[number], names):
                yield name, {**blank, **images, "name": name, "scene": scene_of[name]}

    def _notes(
        self,
        sizes: Mapping[str, int],
        counts: Mapping[int, int],
        buildings: Sequence[str],
        whole: int,
        damaged: int,
    ) -> str:
        """Returns what a user of these data has to know."""
        config = self.builder_config
        scenes = ", ".join(f"{places.NAMES[k]} {n}" for k, n in counts.items())
        notes = [
            f"{sum(sizes.values())} frames of {len(buildings)} buildings: "
            + ", ".join(f"{count} {name}" for name, count in sizes.items()),
            f"{whole - sum(sizes.values())} frames of other scenes and {damaged} "
            "damaged ones were left out",
            f"Images by scene: {scenes}",
        ]
        few = [k for k, n in counts.items() if n <= config.minimum_per_scene]
        if few:
            notes.append(
                f"Other than in the paper, where each scene has more than "
                f"{config.minimum_per_scene} images, {len(few)} have not"
            )
        if len(counts) < config.categories:
            notes.append(
                f"Other than in the paper, there are {len(counts)} scenes, not "
                f"{config.categories}"
            )
        notes += _other_buildings(config.protocol, buildings)
        return ". ".join(notes) + "."

    def _write_source(self, found: Sequence[str]) -> None:
        path = epath.Path(self.data_dir) / SOURCE
        path.write_text(json.dumps({"buildings": sorted(found)}, indent=1) + "\n")

    def check_source(self, manual_dir: str | os.PathLike) -> None:
        """Refuses a folder with buildings that were not there when this was built.

        Raises:
          ValueError: it has such, or no buildings at all.
        """
        path = self.data_path / SOURCE
        remedy = f"Remove {self.data_path} and build it again."
        record = records.read(path, remedy)
        built = records.build(_Source, record, path, remedy=remedy).buildings
        new = sorted(set(layout.find_buildings(manual_dir)) - set(built))
        if new:
            raise ValueError(
                f"{self.data_path} was built without {', '.join(new)}, which "
                f"{manual_dir} holds: it had {', '.join(built)}. Remove it to build it "
                "again, or give no --manual_dir."
            )


def _check(listed: quarantine.Quarantine, done: int, frames_in_all: int) -> None:
    """Refuses too many damaged frames; decoding stops as soon as they are known."""
    try:
        listed.check(frames_in_all)
    except quarantine.TooManyDamaged as error:
        if done == frames_in_all:
            raise
        raise quarantine.TooManyDamaged(
            f"{error}\nWith so many, decoding stopped after {done} frames."
        ) from error
    if done < frames_in_all:
        raise OSError(f"Only {done} of {frames_in_all} frames were decoded.")


def _other_buildings(protocol: str, buildings: Sequence[str]) -> list[str]:
    expected = splits.PROTOCOLS[protocol] or splits.TINY
    lacking = [name for name in expected if name not in buildings]
    others = [name for name in buildings if name not in expected]
    notes = []
    if lacking:
        notes.append(
            f"Buildings of the subset that are not there: {', '.join(lacking)}"
        )
    if others:
        notes.append(f"Buildings that are not of the subset: {', '.join(others)}")
    return notes


def _lacking_tasks(infos: Mapping[str, metadata.TaskInfo]) -> str:
    lacking = [domain for task, domain in tasks.DOMAINS.items() if task not in infos]
    return f" There are no files of {', '.join(lacking)}." if lacking else ""
