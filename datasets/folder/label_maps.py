"""From a file of labels to physical values, every one of them checked."""

import dataclasses
import math
import pathlib
from collections.abc import Callable

import numpy as np

from datasets import files, resizing
from datasets.files import DamagedFile, arrays
from datasets.folder import exr, normals
from datasets.folder.headers import Form, form_of
from datasets.folder.settings import UNITS, TaskSettings
from datasets.metadata import TaskInfo

CHANNELS = {
    "segmentation": (1,),
    "depth": (1,),
    "normals": (3,),
    "edges": (1,),
    "reshading": (1,),
    # Of a PNG in colours, red and green; there is no PNG of two numbers a pixel.
    "curvature": (2, 3),
}
_PLAIN = ("uint8", "uint16", "float")
KINDS = dict.fromkeys(CHANNELS, _PLAIN) | {"segmentation": ("uint8", "uint16", "int")}

_LARGEST = {"uint8": 255, "uint16": 65535}
_MISSING = {"segmentation": (255.0,), "depth": (0.0,)}
_MISSING_OF_INTEGERS = {"normals": (0.0,)}
# Taskonomy, 2D-3D-Semantics and others mark "no depth" by the largest number.
_SUSPECT = {("depth", "uint16"): (65535.0,)}
# 8 bits round a vector of length 0 to one of 0.007, a unit vector to 0.99 … 1.01.
_SHORTEST, _LONGEST = 0.05, 1.1


@dataclasses.dataclass(frozen=True)
class Coding:
    """The meaning of the numbers in a task's files.

    Attributes:
      scale, offset: physical = number * scale + offset.
      missing: the numbers that, in every channel of a pixel, mean "no label".
      suspect: numbers that mostly mean "no label" where nobody has said what does.
    """

    scale: float
    offset: float
    missing: tuple[float, ...]
    suspect: tuple[float, ...] = ()


def coding_of(task: str, settings: TaskSettings, kind: str) -> Coding:
    """Returns the coding of a task's files of one kind (see `Form.kind`).

    Usual, where `settings` say nothing: depth of 16 bits in millimetres, of floats in
    metres, 0 missing; normals and numbers in 0..1 over the whole range of the integers;
    normals of integers missing where all channels are 0; class 255 is ignored.

    Raises:
      ValueError: `settings` have to say more.
    """
    scale, offset = _AFFINE.get(task, _as_they_are)(settings, kind)
    if settings.missing is not None:
        return Coding(scale, offset, settings.missing)
    usual = (_MISSING | _MISSING_OF_INTEGERS) if kind in _LARGEST else _MISSING
    suspect = _SUSPECT.get((task, kind), ())
    return Coding(scale, offset, usual.get(task, ()), suspect)


def _as_they_are(settings: TaskSettings, kind: str) -> tuple[float, float]:
    return 1.0, 0.0


def _depth_affine(settings: TaskSettings, kind: str) -> tuple[float, float]:
    usual = {"uint16": "mm", "float": "m"}
    if settings.unit is None and kind not in usual:
        raise ValueError(
            f"depth of {kind}: dataset.json has to say what the numbers mean, such as "
            '{"depth": {"unit": "cm"}} or {"depth": {"unit": "m", "scale": 0.05}}'
        )
    metres = UNITS[settings.unit or usual[kind]]
    scale = 1.0 if settings.scale is None else settings.scale
    return metres * scale, metres * (settings.offset or 0.0)


def _unit_affine(
    low: float, high: float
) -> Callable[[TaskSettings, str], tuple[float, float]]:
    """Lets the whole range of an integer type stand for low..high."""

    def affine(settings: TaskSettings, kind: str) -> tuple[float, float]:
        scale, offset = 1.0, 0.0
        if kind in _LARGEST:
            scale, offset = (high - low) / _LARGEST[kind], low
        scale = scale if settings.scale is None else settings.scale
        return scale, offset if settings.offset is None else settings.offset

    return affine


def _curvature_affine(settings: TaskSettings, kind: str) -> tuple[float, float]:
    if kind in _LARGEST and (settings.scale is None or settings.offset is None):
        raise ValueError(
            f"curvature of {kind}: dataset.json has to say what the numbers mean, such "
            'as {"curvature": {"scale": 0.5, "offset": -64}}, in 1/m'
        )
    scale = 1.0 if settings.scale is None else settings.scale
    return scale, settings.offset or 0.0


_AFFINE = {
    "depth": _depth_affine,
    "normals": _unit_affine(-1, 1),
    "edges": _unit_affine(0, 1),
    "reshading": _unit_affine(0, 1),
    "curvature": _curvature_affine,
}


@dataclasses.dataclass(frozen=True)
class MapReader:
    """The reader of a task's maps.

    Attributes:
      task: the record of what is stored.
      coding: the coding of the files.
      axes: the directions of normals, see `TaskSettings`.
    """

    task: TaskInfo
    coding: Coding
    axes: tuple[str, ...]

    def stored(self, path: pathlib.Path, size: int) -> np.ndarray:
        """Returns the raw map [size, size, channels] that is stored for a file.

        Raises:
          DamagedFile: as `read`.
        """
        values, valid = self.read(path)
        resized, labelled = _RESIZE[self.task.name](values, valid, size)
        return self.task.encode(resized, labelled)

    def read(self, path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
        """Reads a file.

        Returns:
          (physical values [H, W, channels], valid [H, W]: where there is a label)

        Raises:
          DamagedFile: it cannot be read, or holds a value that makes no sense.
        """
        raw = read_raw(path, form_of(path))[..., : self.task.channels]
        valid = ~np.any([_equal(raw, mark) for mark in self.coding.missing], axis=0)
        valid = np.broadcast_to(valid, raw.shape[:2])
        for mark in self.coding.suspect:
            _refuse_where(path, raw, _equal(raw, mark), _suspect)
        _refuse_where(path, raw, valid & ~np.isfinite(raw).all(-1), _not_finite)
        # In place: a large map as numbers takes most of the memory.
        values = raw.astype(np.result_type(raw, 1.0))
        values[~valid] = 0
        values *= self.coding.scale
        values += self.coding.offset
        values[~valid] = 0
        check = _CHECKS.get(self.task.name, _check_range)
        return check(self, path, values, valid), valid

    def missing(self, size: int) -> np.ndarray:
        """Returns the raw map of an image without labels of this task."""
        shape = (size, size, self.task.channels)
        return np.full(shape, self.task.missing, self.task.dtype)


def read_raw(path: pathlib.Path, form: Form) -> np.ndarray:
    """Reads the numbers of a map as they are in the file, [H, W, channels].

    Raises:
      DamagedFile: it cannot be read.
    """
    return _READ[path.suffix.lower()](path, form)


def _read_png(path: pathlib.Path, form: Form) -> np.ndarray:
    shape = (form.height, form.width)
    return files.read_map(path, form.kind, form.channels, shape)


def _read_npy(path: pathlib.Path, form: Form) -> np.ndarray:
    return arrays.read(path).reshape(form.height, form.width, form.channels)


def _read_exr(path: pathlib.Path, _form: Form) -> np.ndarray:
    return exr.read_depth(path)


_READ = {".png": _read_png, ".npy": _read_npy, ".exr": _read_exr}


def _equal(raw: np.ndarray, mark: float) -> np.ndarray:
    same = np.isnan(raw) if math.isnan(mark) else raw == mark
    return same.all(axis=-1)


def _not_finite(value: str) -> str:
    return (
        f"a label is {value}; if this means that there is none, say so in "
        'dataset.json, such as "missing": "nan"'
    )


def _suspect(value: str) -> str:
    return (
        f"{value} is the largest number of its type, which mostly means that there is "
        f'no label; let dataset.json say "missing": [0, {value}], or "missing": 0 if '
        "it is a label"
    )


def _refuse_where(
    path: pathlib.Path,
    values: np.ndarray,
    wrong: np.ndarray,
    reason: Callable[[str], str],
    coding: Coding | None = None,
) -> None:
    """Raises DamagedFile with `reason(value)` of the first wrong pixel, and where.

    With a coding, the value is as it is in the file: what a user has to call missing.
    """
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value = values[row, column]
    if coding:
        value = np.round((value - coding.offset) / coding.scale, 6)
    shown = ", ".join(f"{number:g}" for number in value)
    raise DamagedFile(
        path,
        f"{reason(shown)} (row {row}, column {column}; {int(wrong.sum())} of "
        f"{wrong.size} pixels)",
    )


def _check_classes(
    reader: MapReader, path: pathlib.Path, values: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    number = len(reader.task.class_names)
    outside = valid & ~((values >= 0) & (values < number))[..., 0]
    _refuse_where(
        path,
        values,
        outside,
        lambda value: (
            f"label id {value} is none of the {number} classes 0..{number - 1}"
            " (classes.txt) nor ignored (dataset.json)"
        ),
    )
    return values


def _check_range(
    reader: MapReader, path: pathlib.Path, values: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    task = reader.task
    low, high = task.physical_range
    # Half a step is what rounding may move; the rest is of this arithmetic.
    slack = (0.5 + 1e-6) * task.scale
    outside = ((values < low - slack) | (values > high + slack)).any(-1) & valid
    _refuse_where(path, values, outside, lambda value: _outside(task, value, low, high))
    return values


def _outside(task: TaskInfo, value: str, low: float, high: float) -> str:
    return (
        f"{task.name} of {value} is outside {low:g}..{high:g}; are unit and scale in "
        "dataset.json right?"
    )


def _check_depth(
    reader: MapReader, path: pathlib.Path, values: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    _refuse_where(
        path, values, valid & (values < 0)[..., 0], lambda v: f"negative depth {v} m"
    )
    high = reader.task.physical_range[1]
    too_far = valid & (values > high + reader.task.scale / 2)[..., 0]
    _refuse_where(
        path,
        values,
        too_far,
        lambda value: (
            f"depth {value} m is beyond {high:g} m; if the unit is right, let "
            'dataset.json say "farthest"'
        ),
    )
    return _check_range(reader, path, values, valid)


def _check_normals(
    reader: MapReader, path: pathlib.Path, values: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    units, length = normals.unit_vectors(values, valid, reader.axes)
    hint = 'if they mean that there is none, say so in dataset.json with "missing"'
    _refuse_where(
        path,
        values,
        valid & (length < _SHORTEST),
        lambda three: f"the numbers {three} are a normal without length; {hint}",
        reader.coding,
    )
    _refuse_where(
        path,
        values,
        valid & (length > _LONGEST),
        lambda three: (
            f"the numbers {three} are a normal longer than 1; {hint}, or is the scale "
            "wrong?"
        ),
        reader.coding,
    )
    reason = normals.why_impossible(values, valid, reader.axes)
    if reason:
        raise DamagedFile(path, reason)
    return units


def _check_curvature(
    reader: MapReader, path: pathlib.Path, values: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    _check_range(reader, path, values, valid)
    wrong = valid & (values[..., 0] < values[..., 1])
    _refuse_where(
        path,
        values,
        wrong,
        lambda value: f"the first principal curvature is the smaller one: {value}",
    )
    return values


_CHECKS = {
    "segmentation": _check_classes,
    "depth": _check_depth,
    "normals": _check_normals,
    "curvature": _check_curvature,
}


def _nearest(
    values: np.ndarray, valid: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    return resizing.resize_nearest(values, size), resizing.resize_nearest(valid, size)


_RESIZE = {
    "segmentation": _nearest,
    "depth": _nearest,
    "normals": resizing.resize_normals,
    "edges": resizing.resize_mean,
    "reshading": resizing.resize_mean,
    "curvature": resizing.resize_mean,
}
