"""Panels: a task's predictions beside input, target and error; grids of images.

Arrays in, uint8 RGB [H, W, 3] out. A task is described by its `TaskInfo`; maps are
physical values [H, W, C] or [H, W] (class numbers, metres, unit vectors, ...).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from datasets.metadata import TaskInfo
from mgm_tf.plotting.colors import SCALES, colorize, error_map, extremes, value_range
from mgm_tf.plotting.tiles import Tile, fit, grid

COLUMNS = 4  # of a panel that only shows predictions


def task_panel(
    infos: Mapping[str, TaskInfo],
    image: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
) -> np.ndarray:
    """One row per task: input, prediction, target and error.

    Args:
      infos: the tasks to show, by name.
      image: uint8 [H, W, 3].
      predictions, targets: physical maps by name; a task without a target is shown
        as one without labels.
      valids: where the target is labelled [H, W], by name.
    """
    rows = [
        _task_row(
            info, image, predictions[name], targets.get(name), valids.get(name), not row
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
) -> np.ndarray:
    """The input and every prediction; `scene` is written below the input."""
    tiles = [Tile(fit(_picture(image)), "input", scene or "")]
    legend = []
    for name, info in infos.items():
        physical = predictions[name]
        ends = value_range(info, physical)
        tiles.append(_map_tile(info, physical, None, ends, info.name, bar=True))
        legend += _legend(info, physical)
    rows = [tiles[at : at + COLUMNS] for at in range(0, len(tiles), COLUMNS)]
    return grid(rows, legend=legend)


def image_grid(
    rows: Sequence[Sequence[np.ndarray]], row_titles: Sequence[str]
) -> np.ndarray:
    """Rows of images, uint8 [H, W, 3], with a title each: scene classes, views, ..."""
    tiles = [[Tile(fit(_picture(image), smallest=96)) for image in row] for row in rows]
    return grid(tiles, row_titles)


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1], as networks see and generate them, as uint8."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def _task_row(info, image, prediction, target, valid, is_first):
    titles = ("input", "prediction", "target", "error") if is_first else ("",) * 4
    if target is None:
        target, valid = prediction, np.zeros(np.shape(prediction)[:2], bool)
    has_label = valid is None or np.any(valid)
    source = (target, valid) if has_label else (prediction, None)
    ends = value_range(info, *source)
    error, words = error_map(info, prediction, target, valid)
    return [
        Tile(fit(_picture(image)), titles[0]),
        _map_tile(info, prediction, None, ends, titles[1], bar=True),
        _map_tile(info, target, valid, ends, titles[2], bar=has_label),
        Tile(fit(error), titles[3], words),
    ]


def _map_tile(info, physical, valid, ends, title, *, bar):
    """A map, its scale and, where the scale clips it, the range of its values."""
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


def _number(value, unit):
    return f"{value:.3g} {unit}".strip()


def _legend(info, *maps):
    """The names and colours of the classes that occur in the maps."""
    if not info.class_names:
        return []
    present = np.unique(np.concatenate([np.ravel(values) for values in maps]))
    known = [int(i) for i in present if 0 <= i < len(info.class_names)]
    return [(info.class_names[i], info.class_colors[i]) for i in known]


def _labelled(target, valid):
    """The values of the labelled pixels, none if there is no target."""
    if target is None:
        return np.zeros(0, np.int32)
    values = np.asarray(target).reshape(np.shape(target)[0], np.shape(target)[1], -1)
    return values if valid is None else values[np.asarray(valid, bool)]


def _picture(image):
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "Expected an image uint8 [H, W, 3] (as_bytes makes one of [-1, 1]), got "
            f"{image.dtype} {image.shape}."
        )
    return image
