"""Legends: what the colours of a predicted map stand for, in words and units."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from datasets.metadata import TaskInfo
from mgm_tf.plotting.colors import SCALES, extremes, value_range

STOPS = 24  # colours of a scale
_RED, _GREEN, _BLUE = (230, 70, 70), (70, 180, 70), (70, 70, 230)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A colour, what it stands for, and the share of the pixels that have it.

    Attributes:
      name: what the colour stands for.
      color: red, green and blue in 0..255.
      share: the share in 0..1; None where that says nothing.
    """

    name: str
    color: tuple[int, int, int]
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class Legend:
    """The meaning of the colours of a map.

    Attributes:
      unit: the unit of the values, in words; empty of classes.
      entries: the colours that stand for something each.
      scale: the colours of a scale from `low` to `high`; or none.
      low, high: the values at the ends of the scale, in words.
      values: the smallest and the largest value, where the scale does not reach them.
    """

    unit: str
    entries: tuple[Entry, ...] = ()
    scale: tuple[tuple[int, int, int], ...] = ()
    low: str = ""
    high: str = ""
    values: str = ""


def legend(info: TaskInfo, physical: np.ndarray) -> Legend:
    """Returns the legend of a map, as `colors.colorize` paints it.

    Args:
      info: the task.
      physical: its values, [H, W] or [H, W, C].
    """
    if info.class_names:
        return _of_classes(info, physical)
    if info.name in SCALES:
        return _of_scale(info, physical)
    return Legend(info.unit, DIRECTIONS.get(info.name, ()))


# Tasks whose colours are directions: (n + 1) / 2 as red, green and blue.
DIRECTIONS: Mapping[str, tuple[Entry, ...]] = {
    "normals": (
        Entry("to the right", _RED),
        Entry("up", _GREEN),
        Entry("towards the camera", _BLUE),
    )
}


def _of_classes(info: TaskInfo, physical: np.ndarray) -> Legend:
    numbers, counts = np.unique(physical, return_counts=True)
    by_area = sorted(zip(counts, numbers, strict=True), key=lambda pair: -pair[0])
    entries = (
        Entry(info.class_names[n], info.class_colors[n], count / np.size(physical))
        for count, n in by_area
        if 0 <= n < len(info.class_names)
    )
    return Legend("", tuple(entries))


def _of_scale(info: TaskInfo, physical: np.ndarray) -> Legend:
    low, high = value_range(info, physical)
    steps = np.linspace(low, high, STOPS)[None, :, None].repeat(info.channels, axis=2)
    colors = SCALES[info.name](info, steps, low, high)[0]
    smallest, largest = extremes(info, physical)
    is_clipped = smallest < low or largest > high
    return Legend(
        info.unit,
        scale=tuple((int(r), int(g), int(b)) for r, g, b in colors),
        low=f"{low:.3g}",
        high=f"{high:.3g}",
        values=f"{smallest:.3g} to {largest:.3g}" * is_clipped,
    )
