"""Reads `nyu_depth_v2_labeled.mat` (MATLAB v7.3, that is HDF5) one frame at a time."""

import dataclasses
import pathlib
from typing import Self

import h5py
import numpy as np

from datasets.files import limits, regular

FILE_NAME = "nyu_depth_v2_labeled.mat"

HOW_TO_GET = (
    f"{FILE_NAME} (2.8 GB) is the labelled part of NYU Depth V2, free for research. "
    "Download it from the data set's home page, "
    "https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html, under its terms."
)

# A chunk of the file may span dozens of frames; chunks stay decompressed in here, one
# cache an array. Reading frames in order then decompresses each chunk once.
_CACHE_BYTES = 64 * 2**20


@dataclasses.dataclass(frozen=True)
class Frame:
    """One labelled frame as the file has it, axes in their usual order.

    Attributes:
      image: the photograph [H, W, 3] uint8, red, green, blue.
      depth: the depth [H, W] float32, metres along the optical axis, 0 where missing.
      labels: the label ids [H, W] int, 0 where unlabelled.
      scene_type: the type of scene, such as `kitchen`.
    """

    image: np.ndarray
    depth: np.ndarray
    labels: np.ndarray
    scene_type: str


class LabeledMat:
    """The labelled frames of NYU Depth V2, a context manager.

    Attributes:
      path: the path of the file.
      frames: the number of frames; frame i, from 0, has the official index i + 1.
      class_names: the names of the label ids 1, 2, ….
      scene_types: the scene type of each frame.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is truncated, not HDF5 or not laid out as the official file.
    """

    def __init__(self, path: pathlib.Path):
        """Opens the file and checks what is in it."""
        self.path = path
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing. {HOW_TO_GET}")
        regular.check(path, most=None)
        try:
            self._file = h5py.File(path, rdcc_nbytes=_CACHE_BYTES, rdcc_nslots=10007)
        except OSError as error:
            raise ValueError(
                f"{path} ({path.stat().st_size} bytes) is truncated or is not HDF5: "
                f"{error}. {HOW_TO_GET}"
            ) from error
        try:
            self.frames = self._check_layout()
            self.class_names = self._texts("names")
            self.scene_types = self._texts("sceneTypes")
            # Kept open: a cache lives as long as its array is open.
            self._images, self._depths, self._labels = (
                self._file[name] for name in ("images", "depths", "labels")
            )
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes the file."""
        self._file.close()

    def frame(self, index: int) -> Frame:
        """Returns frame `index` (from 0).

        Raises:
          ValueError: the file is damaged there, a depth is negative or no number, or a
            label id has no name.
        """
        where = f"{self.path}: frame {index + 1}"
        try:
            # MATLAB's arrays appear with their axes reversed: (frame, …, column, row).
            image = self._images[index].transpose(2, 1, 0)
            depth = self._depths[index].T
            labels = self._labels[index].T
        except OSError as error:
            raise ValueError(
                f"{where} cannot be read: {error}. {HOW_TO_GET}"
            ) from error
        if not (np.isfinite(depth) & (depth >= 0)).all():
            raise ValueError(f"{where}: `depths` holds a negative value, NaN or inf.")
        low, high = labels.min(), labels.max()
        if low < 0 or high > len(self.class_names):
            raise ValueError(
                f"{where}: `labels` holds ids {low}..{high}; expected 0 or a "
                f"number of the {len(self.class_names)} names."
            )
        return Frame(image, depth, labels, self.scene_types[index])

    def scenes(self) -> list[str]:
        """Returns the name of each frame's recording, such as `kitchen_0004`.

        Raises:
          ValueError: the file does not have one for every frame.
        """
        shape = getattr(self._file.get("scenes"), "shape", None)
        if shape != (1, self.frames):
            raise ValueError(
                f"{self.path}: expected scenes (1, {self.frames}), by which frames are "
                f"split by recording, found {shape}. {HOW_TO_GET}"
            )
        return self._texts("scenes")

    def _check_layout(self) -> int:
        """Returns the number of frames, if all arrays are there and fit together."""
        shapes = {k: v.shape for k, v in self._file.items() if hasattr(v, "shape")}
        shape = shapes.get("images", ())
        is_whole = len(shape) == 4 and 0 not in shape
        frames, _, width, height = shape if is_whole else (1, 3, 640, 480)
        maps = (frames, width, height)
        expected = {
            "images": (frames, 3, width, height),
            "depths": maps,
            "labels": maps,
            "sceneTypes": (1, frames),
            "names": (1, *shapes.get("names", ())[1:2]),
        }
        wrong = [name for name, shape in expected.items() if shapes.get(name) != shape]
        if wrong:
            raise ValueError(
                f"{self.path}: expected images (N, 3, W, H), depths and labels "
                "(N, W, H), names (1, 894) and sceneTypes (1, N), axes as HDF5 has "
                f"them; {', '.join(wrong)} missing or of another shape in "
                f"{shapes}. {HOW_TO_GET}"
            )
        limits.check_size(self.path, height, width)
        kinds = {"images": np.uint8, "depths": np.floating, "labels": np.integer}
        for name, kind in kinds.items():
            dtype = self._file[name].dtype
            if not np.issubdtype(dtype, kind):
                raise ValueError(
                    f"{self.path}: expected {name} of type {kind.__name__}, found "
                    f"{dtype}. {HOW_TO_GET}"
                )
        return frames

    def _texts(self, name: str) -> list[str]:
        """Returns the texts of a (1, N) array of references to character codes."""
        try:
            return [self._text(reference) for reference in self._file[name][0]]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{self.path}: expected {name} to hold references to texts, found "
                f"{error!r}. {HOW_TO_GET}"
            ) from error

    def _text(self, reference: h5py.Reference) -> str:
        return "".join(map(chr, self._file[reference][()].ravel()))
