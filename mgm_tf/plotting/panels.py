"""Panels: each task's input, prediction, target and error; grids of images.

Arrays in, uint8 RGB [H, W, 3] out. A task is described by its `TaskInfo`; maps are
physical values [H, W, C] or [H, W] (class numbers, metres, unit vectors, ...).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from datasets.metadata import TaskInfo
from mgm_tf.plotting.colors import SCALES, colorize, error_map, extremes, value_range
from mgm_tf.plotting.tiles import Color, Tile, fit, grid

COLUMNS = 4  # tiles in a row of a panel that shows predictions only

# task name -> the ends of its colour scale
Ends = Mapping[str, tuple[float, float]]


def task_panel(
    infos: Mapping[str, TaskInfo],
    image: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Draws a row for each task: input, prediction, target and error.

    Args:
      infos: the tasks to show, by name.
      image: the input, uint8 [H, W, 3].
      predictions: the predicted physical maps, by task.
      targets: the true physical maps, by task; a task without one is shown as one
        without labels.
      valids: where the target is labelled, [H, W] booleans, by task.
    """
    rows = [
        _task_row(
            info,
            image,
            predictions[name],
            targets.get(name),
            valids.get(name),
            is_first=row == 0,
        )
        for row, (name, info) in enumerate(infos.items())
    ]
    legends = [
        _legend(info, predictions[name], _labelled(targets.get(name), valids.get(name)))
        for name, info in infos.items()
    ]
    return grid(rows, list(infos), sum(legends, []))


def prediction_panel(
    infos: Mapping[str, TaskInfo],
    image: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    scene: str | None = None,
    all_ends: Ends | None = None,
) -> np.ndarray:
    """Draws the input and every prediction; `scene` is written below the input.

    With `all_ends`, colours mean the same in every panel of a series: scales have these
    ends, and the legend lists all classes.
    """
    tiles = [Tile(fit(_picture(image)), "input", scene or "")]
    legend = []
    for name, info in infos.items():
        physical = predictions[name]
        ends = all_ends[name] if all_ends else value_range(info, physical)
        tiles.append(_map_tile(info, physical, None, ends, info.name, bar=True))
        shown = np.arange(len(info.class_names)) if all_ends else physical
        legend += _legend(info, shown)
    rows = [tiles[at : at + COLUMNS] for at in range(0, len(tiles), COLUMNS)]
    return grid(rows, legend=legend)


def image_grid(
    rows: Sequence[Sequence[np.ndarray]], row_titles: Sequence[str]
) -> np.ndarray:
    """Draws rows of images, uint8 [H, W, 3], with a title each, as of scene classes."""
    tiles = [[Tile(fit(_picture(image), smallest=96)) for image in row] for row in rows]
    return grid(tiles, row_titles)


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1], as networks see and generate them, as uint8."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def _task_row(
    info: TaskInfo,
    image: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray | None,
    valid: np.ndarray | None,
    *,
    is_first: bool,
) -> list[Tile]:
    titles = ("input", "prediction", "target", "error") if is_first else ("",) * 4
    if target is None:
        target, valid = prediction, np.zeros(np.shape(prediction)[:2], bool)
    has_label = valid is None or bool(np.any(valid))
    ends = (
        value_range(info, target, valid) if has_label else value_range(info, prediction)
    )
    error, words = error_map(info, prediction, target, valid)
    return [
        Tile(fit(_picture(image)), titles[0]),
        _map_tile(info, prediction, None, ends, titles[1], bar=True),
        _map_tile(info, target, valid, ends, titles[2], bar=has_label),
        Tile(fit(error), titles[3], words),
    ]


def _map_tile(
    info: TaskInfo,
    physical: np.ndarray,
    valid: np.ndarray | None,
    ends: tuple[float, float],
    title: str,
    *,
    bar: bool,
) -> Tile:
    """Returns a map, its scale and, where the scale clips it, the range of values."""
    picture = fit(colorize(info, physical, valid, *ends))
    paint = SCALES.get(info.name)
    if paint is None or not bar:
        return Tile(picture, title)
    low, high = ends
    steps = np.linspace(low, high, 256)[None, :, None].repeat(info.channels, axis=2)
    texts = _number(low, info.unit), _number(high, info.unit)
    smallest, largest = extremes(info, physical, valid)
    caption = f"values {smallest:.3g} to {_number(largest, info.unit)}"
    fits = low <= smallest and largest <= high
    return Tile(
        picture, title, "" if fits else caption, paint(info, steps, low, high)[0], texts
    )


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()


def _legend(info: TaskInfo, *maps: np.ndarray) -> list[tuple[str, Color]]:
    """Returns the names and colours of the classes that occur in the maps."""
    if not info.class_names:
        return []
    present = np.unique(np.concatenate([np.ravel(values) for values in maps]))
    classes = [int(i) for i in present if 0 <= i < len(info.class_names)]
    return [(info.class_names[i], info.class_colors[i]) for i in classes]


def _labelled(target: np.ndarray | None, valid: np.ndarray | None) -> np.ndarray:
    """Returns the values of the labelled pixels; none if there is no target."""
    if target is None:
        return np.zeros(0, np.int32)
    values = np.asarray(target).reshape(np.shape(target)[0], np.shape(target)[1], -1)
    return values if valid is None else values[np.asarray(valid, bool)]


def _picture(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "Expected an image uint8 [H, W, 3] (as_bytes makes one of [-1, 1]), got "
            f"{image.dtype} {image.shape}."
        )
    return image
