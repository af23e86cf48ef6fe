"""The frames of Zurich in the official folders, and which train, select and test."""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np
from etils import epath

from datasets import files
from datasets.cityscapes_zurich import classes

SEED = 0
OFFICIAL_FRAMES = 122
HEIGHT, WIDTH = 1024, 2048

_IMAGES = ("leftImg8bit/train/zurich", "_leftImg8bit.png")
_LABELS = ("gtFine/train/zurich", "_gtFine_labelIds.png")
_NAME = re.compile(r"zurich_\d{6}_\d{6}")
# Of the 122 frames, the paper trains on 98 (10 of them here select) and tests on 24.
_PAPER = {"train": 88, "validation": 10, "test": 24}

HOW_TO_GET = (
    "It needs an account at https://www.cityscapes-dataset.com: fetch "
    "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, then "
    f"`unzip leftImg8bit_trainvaltest.zip '{_IMAGES[0]}/*'` and "
    f"`unzip gtFine_trainvaltest.zip '{_LABELS[0]}/*'` in the folder."
)


@dataclasses.dataclass(frozen=True)
class Frame:
    """An image and its map of label ids.

    Attributes:
      name: `zurich_000000_000019`: city, sequence, number of the frame in it.
      image, labels: the files.
    """

    name: str
    image: epath.Path
    labels: epath.Path

    def read_image(self) -> np.ndarray:
        """Reads the photograph, uint8 [1024, 2048, 3].

        Raises:
          files.DamagedFile: it is truncated or not of that form.
        """
        return files.read_map(self.image, "uint8", 3, (HEIGHT, WIDTH))

    def read_classes(self) -> np.ndarray:
        """Reads class numbers, uint8 [1024, 2048]: 0..29, 255 where there is no class.

        Raises:
          files.DamagedFile: it is truncated, not of that form, holds an unknown id or
            no class at all.
        """
        ids = files.read_map(self.labels, "uint8", 1, (HEIGHT, WIDTH))[..., 0]
        try:
            numbers = classes.classes_of(ids)
        except ValueError as error:
            raise files.DamagedFile(self.labels, str(error)) from error
        if (numbers == classes.UNLABELLED).all():
            raise files.DamagedFile(
                self.labels,
                f"no pixel of any of the {len(classes.CLASS_NAMES)} classes",
            )
        return numbers


def find(folder: epath.PathLike) -> list[Frame]:
    """Returns the frames of a folder in the official layout, by name.

    Raises:
      FileNotFoundError: there are no frames, an image has no label map, or a label map
        no image.
      ValueError: a file is of another city, or there are more frames than 122.
    """
    images, labels = (
        _by_name(epath.Path(folder), *kind) for kind in (_IMAGES, _LABELS)
    )
    _check_pairs(images, labels, "image", "label map", epath.Path(folder) / _LABELS[0])
    _check_pairs(labels, images, "label map", "image", epath.Path(folder) / _IMAGES[0])
    if len(images) > OFFICIAL_FRAMES:
        raise ValueError(
            f"{epath.Path(folder) / _IMAGES[0]}: Zurich has {OFFICIAL_FRAMES} frames, "
            f"found {len(images)}."
        )
    return [Frame(name, images[name], labels[name]) for name in sorted(images)]


def split(frames: list[Frame]) -> dict[str, list[Frame]]:
    """Returns the paper's split, drawn with a fixed seed: 80 % train, 20 % test.

    The frames, by name, in the order of `numpy.random.default_rng(0).permutation`: of
    122 frames the first 88 train, the next 10 validate, the last 24 test.

    Interpretation: the paper has no validation part. A tenth of its 98 training frames
    is held out, so that models are never selected on test frames.

    Interpretation: of a folder of fewer frames the parts are in the same proportions,
    one frame at least.

    Raises:
      ValueError: too few frames for three parts.
    """
    held_out, tested = (
        max(1, round(len(frames) * _PAPER[name] / OFFICIAL_FRAMES))
        for name in ("validation", "test")
    )
    trained = len(frames) - held_out - tested
    if trained < 1:
        raise ValueError(
            f"Expected at least 3 frames of Zurich to split in three, found "
            f"{len(frames)} in {frames[0].image.parent}."
        )
    order = np.random.default_rng(SEED).permutation(len(frames))
    parts = np.split(order, [trained, trained + held_out])
    return {
        name: [frames[index] for index in np.sort(part)]
        for name, part in zip(_PAPER, parts, strict=True)
    }


def _by_name(folder: epath.Path, below: str, suffix: str) -> dict[str, epath.Path]:
    """Returns the files with that suffix, by the name of their frame."""
    place = folder / below
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is missing. {HOW_TO_GET}")
    paths = {path.name[: -len(suffix)]: path for path in place.glob(f"*{suffix}")}
    if not paths:
        raise FileNotFoundError(f"{place} holds no *{suffix}. {HOW_TO_GET}")
    for name, path in sorted(paths.items()):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{path}: expected a frame of Zurich, zurich_NNNNNN_NNNNNN{suffix}."
            )
    return paths


def _check_pairs(
    these: Mapping[str, epath.Path],
    others: Mapping[str, epath.Path],
    this: str,
    other: str,
    place: epath.Path,
) -> None:
    alone = sorted(set(these) - set(others))
    if alone:
        more = f" ({len(alone)} such {this}s)" if len(alone) > 1 else ""
        raise FileNotFoundError(
            f"{these[alone[0]]}: this {this} has no {other} in {place}{more}."
        )
