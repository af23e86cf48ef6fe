"""The maps of an image as picture files, one or two for each task.

    NAME.segmentation.png         class numbers, 8 bits (16 beyond 256 classes)
    NAME.segmentation.colors.png  the same in the colours of the classes
    NAME.depth.png                millimetres, 16 bits; 65535: 65.535 m or more
    NAME.normals.png              (n + 1) / 2 of x, y, z as red, green, blue, 8 bits
    NAME.edges.png, …             others as their colours in panels

A stripe of an image is coloured at a time: colours of a huge one take gigabytes.
"""

import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from datasets.metadata import DataInfo, TaskInfo
from mgm_tf.files import whole
from mgm_tf.plotting import colors

_ROWS = 512

# (task, values) -> pixels
Draw = Callable[[TaskInfo, np.ndarray], np.ndarray]


def names(info: DataInfo) -> tuple[str, ...]:
    """Returns the ends of the names of all files of an image."""
    return tuple(end for name in info.tasks for end in _drawings(name))


def write(base: pathlib.Path, info: DataInfo, maps: Mapping[str, np.ndarray]) -> None:
    """Writes the picture files of an image.

    Args:
      base: the path of the files, to which the ends of their names are added.
      info: the tasks.
      maps: the maps in the image's size, [H, W] or [H, W, C], by task.
    """
    for name, task in info.tasks.items():
        for end, draw in _drawings(name).items():
            pixels = draw(task, maps[name])
            whole.write_picture(base.with_name(base.name + end), pixels)


def _drawings(name: str) -> Mapping[str, Draw]:
    return DRAWINGS.get(name, {f".{name}.png": _colors})


def _numbers(info: TaskInfo, values: np.ndarray) -> np.ndarray:
    return values


def _millimetres(info: TaskInfo, values: np.ndarray) -> np.ndarray:
    pixels = np.empty(values.shape, np.uint16)
    for start in range(0, len(values), _ROWS):
        stripe = np.nan_to_num(values[start : start + _ROWS], posinf=0, neginf=0)
        pixels[start : start + _ROWS] = np.clip(np.round(stripe * 1000), 0, 65535)
    return pixels


def _colors(info: TaskInfo, values: np.ndarray) -> np.ndarray:
    low, high = _ends(info, values)
    pixels = np.empty((*values.shape[:2], 3), np.uint8)
    for start in range(0, len(values), _ROWS):
        stripe = values[start : start + _ROWS]
        pixels[start : start + _ROWS] = colors.colorize(info, stripe, None, low, high)
    return pixels


def _ends(info: TaskInfo, values: np.ndarray) -> tuple[float, float]:
    """Returns the ends of the colour scale, of every nth pixel of a huge map."""
    step = max(1, max(values.shape[:2]) // 1024)
    return colors.value_range(info, values[::step, ::step])


DRAWINGS: dict[str, Mapping[str, Draw]] = {
    "segmentation": {
        ".segmentation.png": _numbers,
        ".segmentation.colors.png": _colors,
    },
    "depth": {".depth.png": _millimetres},
}
