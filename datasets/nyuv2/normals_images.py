"""Surface normals from a folder of PNGs, as they are published beside NYU Depth V2."""

import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from datasets import files
from datasets.nyuv2.normals_from_depth import normals_from_depth

FOLDER = "normals"
MASKS = "normals_masks"

# Published normals are within a few degrees of those fitted to the depth (median);
# other axes, or the normals of another frame, are 24 degrees and more away.
_LARGEST_DISAGREEMENT = 20.0

# Vectors shorter than this are the zero vector, which 8 bits cannot hold exactly.
_ZERO = 0.1
# Eight bits change the length of a unit vector by a hundredth.
_UNIT = (0.5, 1.25)


class NormalsImages:
    """The normals in `normals/NNNN.png`, NNNN the official index 0001..1449.

    A pixel (red, green, blue) is the unit vector (x right, y away from the camera, z
    up) = png / 255 * 2 - 1. There is none where the pixel is white or the zero vector
    (grey, 127 or 128), nor where `normals_masks/NNNN.png`, if that is there, is zero.
    """

    source = "PNG files in the folder `normals`"

    def __init__(self, manual_dir: pathlib.Path):
        """Looks for the folders in `manual_dir`.

        Raises:
          ValueError: the files are counted from 0.
        """
        self._folder = manual_dir / FOLDER
        self._masks = manual_dir / MASKS if (manual_dir / MASKS).exists() else None
        if (self._folder / "0000.png").exists():
            raise ValueError(
                f"{self._folder} has a file 0000.png: expected the official indices, "
                "which count from 0001. Rename every file to its number plus one."
            )

    def __call__(self, index: int, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the normals of frame `index` (from 0) and where they are known.

        Args:
          index: of the frame, from 0.
          depth: [H, W] metres, 0 where missing.

        Returns:
          (unit vectors [H, W, 3] float32, x right, y up, z towards the camera; valid
          [H, W] bool)

        Raises:
          ValueError: a file is missing, damaged or of another size than the frame, or
            a known vector is no unit vector.
        """
        path = self._folder / f"{index + 1:04d}.png"
        png = _read(files.read_map, path, "uint8", 3, depth.shape)
        valid = (png != 255).any(axis=-1)
        if self._masks:
            mask = _read(files.read_image, self._masks / path.name)
            _check_size(self._masks / path.name, mask, depth)
            valid &= mask.any(axis=-1)
        right, away, up = np.moveaxis(png / np.float32(127.5) - 1, -1, 0)
        normals = np.stack([right, up, -away], axis=-1)
        length = np.linalg.norm(normals, axis=-1)
        valid &= length > _ZERO
        _check_lengths(path, png, np.where(valid, length, 1))
        return normals / np.maximum(length, _ZERO)[..., None], valid

    def check(self, frames: Iterable[tuple[int, np.ndarray]]) -> None:
        """Compares the normals of some frames with their depth.

        Args:
          frames: pairs of a frame's index (from 0) and its depth map [H, W].

        Raises:
          ValueError: they disagree, so these are normals of other frames or in other
            axes.
        """
        angles = [_angles(depth, *self(i, depth)) for i, depth in frames]
        if np.concatenate(angles).size == 0:
            return
        median = np.degrees(np.median(np.concatenate(angles)))
        if median > _LARGEST_DISAGREEMENT:
            raise ValueError(
                f"{self._folder}: the normals are {median:.0f} degrees (median) from "
                "the surfaces of the depth maps. Expected NNNN.png with the official "
                "index of the frame, from 0001, and (red, green, blue) = (x right, y "
                "away from the camera, z up), 0..255 for -1..1."
            )


class NormalsOfDepth:
    """The normals of planes fitted to the depth map, where no others are at hand."""

    source = "planes fitted to the depth map"

    def __call__(self, index: int, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the normals and where they are sure, as `NormalsImages` does."""
        return normals_from_depth(depth)

    def check(self, frames: Iterable[tuple[int, np.ndarray]]) -> None:
        """Does nothing: there are no others to compare."""


def find_normals(manual_dir: pathlib.Path) -> NormalsImages | NormalsOfDepth:
    """Returns the normals of the folder if it is there, else those of the depth."""
    has_folder = (manual_dir / FOLDER).exists()
    return NormalsImages(manual_dir) if has_folder else NormalsOfDepth()


def _angles(depth: np.ndarray, normals: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns the angles in radians to the normals of the depth, where both are."""
    fitted, sure = normals_from_depth(depth)
    cosines = (normals * fitted).sum(axis=-1)[valid & sure]
    return np.arccos(np.clip(cosines, -1, 1))


def _check_lengths(path: pathlib.Path, png: np.ndarray, length: np.ndarray) -> None:
    """Refuses what is not the length of a unit vector."""
    wrong = np.argwhere((length < _UNIT[0]) | (length > _UNIT[1]))
    if len(wrong):
        row, column = wrong[0]
        color = tuple(map(int, png[row, column]))
        raise ValueError(
            f"{path}: {len(wrong)} pixels are no unit vectors. In row {row} and column "
            f"{column}, (red, green, blue) = {color} has the length "
            f"{length[row, column]:.2f}. Where there is no normal, the pixel is white, "
            f"grey (127 or 128), or zero in {MASKS}/{path.name}."
        )


def _check_size(path: pathlib.Path, mask: np.ndarray, depth: np.ndarray) -> None:
    if mask.shape[:2] != depth.shape:
        raise ValueError(
            f"{path}: expected {depth.shape} pixels (height, width), found "
            f"{mask.shape[:2]}."
        )


def _read(
    read: Callable[..., np.ndarray], path: pathlib.Path, *expected: Any
) -> np.ndarray:
    try:
        return read(path, *expected)
    except FileNotFoundError as error:
        raise ValueError(
            f"{path} is missing. Every frame needs its file here; without the folder "
            f"{path.parent.name} the data are made without it."
        ) from error
