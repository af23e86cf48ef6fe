"""Cityscapes-Zurich as a TFDS data set, from the official folders.

Builder(config="paper_128").download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=…))
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from datasets import builder, metadata, resizing
from datasets.cityscapes_zurich import classes, frames

_LISTED = 5  # names of frames in a message


@dataclasses.dataclass(eq=False, kw_only=True)
class CityscapesZurichConfig(tfds.core.BuilderConfig):
    """A size: images and maps are [size, size]."""

    size: int


class Builder(builder.RandomAccessBuilder):
    """Cityscapes-Zurich: 30 classes, and which of them an image shows."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        CityscapesZurichConfig(name=f"paper_{size}", size=size)
        for size in (64, 128, 256)
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "paper_128"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put the frames of Zurich, as Cityscapes lays them out, into the folder given "
        f"by `manual_dir`. {frames.HOW_TO_GET}"
    )

    def check_source(self, manual_dir: str | os.PathLike) -> None:
        """Compares the names of frames in a folder with those this was built of.

        Raises:
          ValueError: they differ. A folder without frames is not compared: what is
            built may outlive its source.
        """
        try:
            there = {frame.name for frame in frames.find(manual_dir)}
        except FileNotFoundError:
            return
        skip = {name: tfds.decode.SkipDecoding() for name in ("image", "segmentation")}
        built = {
            example["name"].decode()
            for split in self.info.splits
            for example in self.as_data_source(split, decoders=skip)
        }
        differences = {"new": there - built, "gone": built - there}
        listed = [
            f"{kind}: {', '.join(sorted(each)[:_LISTED])}{' …' * (len(each) > _LISTED)}"
            for kind, each in differences.items()
            if each
        ]
        if listed:
            raise ValueError(
                f"{self.data_path} was built of {len(built)} frames, but {manual_dir} "
                f"holds {len(there)} ({'; '.join(listed)}). Remove it to build it "
                "again, or take another --data_dir."
            )

    def _info(self) -> tfds.core.DatasetInfo:
        info = self._data_info(notes="")
        return self.dataset_info_from_configs(
            features=info.features(),
            homepage="https://www.cityscapes-dataset.com",
            metadata=info.metadata(),
        )

    def _data_info(self, notes: str) -> metadata.DataInfo:
        segmentation = metadata.segmentation_info(
            classes.CLASS_NAMES,
            classes.CLASS_COLORS,
            source="gtFine, label ids 4 to 33",
        )
        return metadata.DataInfo(
            image_size=self.builder_config.size,
            tasks={segmentation.name: segmentation},
            scene_names=classes.CLASS_NAMES,
            label_kind="multi_hot",
            scene_source="the classes that the full-size label map of the frame holds",
            notes=notes,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        parts = frames.split(frames.find(dl_manager.manual_dir))
        self.expect({name: len(part) for name, part in parts.items()})
        # Only now is it known what the folder holds.
        self.info.metadata.update(self._data_info(_notes(parts)).metadata())
        return {name: self._generate_examples(part) for name, part in parts.items()}

    def _generate_examples(
        self, part: list[frames.Frame]
    ) -> Iterator[tuple[str, dict]]:
        size = self.builder_config.size
        for frame in part:
            image, numbers = frame.read_image(), frame.read_classes()
            example = {
                "image": resizing.resize_image(image, size),
                "name": frame.name,
                # Before resizing: a far person is still present.
                "scene": classes.presence(numbers),
                "segmentation": resizing.resize_nearest(numbers, size)[..., None],
            }
            yield frame.name, example


def _notes(parts: Mapping[str, list[frames.Frame]]) -> str:
    """Returns what a user of these data has to know."""
    sizes = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    number = sum(map(len, parts.values()))
    partial = (
        ""
        if number == frames.OFFICIAL_FRAMES
        else " A part of the data, split in the same proportions."
    )
    return (
        f"{number} of {frames.OFFICIAL_FRAMES} Zurich frames: {sizes}; the paper "
        "trains on 80 % and tests on 20 %, and validation is held out of the 80 %."
        f"{partial}"
    )
