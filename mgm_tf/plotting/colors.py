"""The colours of a task's maps, and of its errors.

Arrays in, uint8 RGB [H, W, 3] out. A task is described by its `TaskInfo`; maps are
physical values [H, W, C] or [H, W] (class numbers, metres, unit vectors, ...).
Black is "no label" everywhere.
"""

from collections.abc import Callable

import matplotlib
import numpy as np

from datasets.metadata import TaskInfo

MISSING = (0, 0, 0)
WRONG, RIGHT = (220, 30, 30), (45, 45, 45)

# (task, values [H, W, C], ends of the scale) -> colours uint8 [H, W, 3]
Paint = Callable[[TaskInfo, np.ndarray, float, float], np.ndarray]
# values that have a label [n] -> ends of the scale
Range = Callable[[np.ndarray], tuple[float, float]]
# (task, prediction, target [H, W, C]) -> (sizes of the errors [H, W], their unit)
Errors = Callable[[TaskInfo, np.ndarray, np.ndarray], tuple[np.ndarray, str]]


def colorize(
    info: TaskInfo,
    physical: np.ndarray,
    valid: np.ndarray | None = None,
    low: float | None = None,
    high: float | None = None,
) -> np.ndarray:
    """Returns a map in the colours of its task, uint8 [H, W, 3].

    A value that is not finite is black, like one that has no label.

    Args:
      info: the task.
      physical: the values, [H, W, C] or [H, W].
      valid: where the map has a label, [H, W]; None: everywhere.
      low: the lower end of the scale, of a task that has one; smaller values take its
        colour. None: the smallest value.
      high: the upper end of the scale, likewise.

    Raises:
      ValueError: there are no colours for the task, or the map has another shape.
    """
    physical, valid = _checked(info, physical, valid)
    paint = _paint_of(info)
    if low is None or high is None:
        start, end = value_range(info, physical, valid)
        low, high = start if low is None else low, end if high is None else high
    shown = np.where(valid[..., None], physical, 0)
    return _blackened(paint(info, shown, low, high), valid)


def value_range(
    info: TaskInfo, physical: np.ndarray, valid: np.ndarray | None = None
) -> tuple[float, float]:
    """Returns the ends of the colour scale of values; (0, 1) if there are none."""
    physical, valid = _checked(info, physical, valid)
    if not valid.any():
        return 0.0, 1.0
    return RANGES.get(info.name, _extremes)(_scalar(physical)[valid])


def extremes(
    info: TaskInfo, physical: np.ndarray, valid: np.ndarray | None = None
) -> tuple[float, float]:
    """Returns the smallest and the largest value; (0, 0) if there are none."""
    physical, valid = _checked(info, physical, valid)
    return _extremes(_scalar(physical)[valid]) if valid.any() else (0.0, 0.0)


def error_map(
    info: TaskInfo,
    prediction: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray | None = None,
    end: float | None = None,
) -> tuple[np.ndarray, str]:
    """Returns where a prediction is wrong, uint8 [H, W, 3], and its errors in words.

    Classes are red where wrong and dark where right. The colours of other tasks are the
    size of the error, from violet (none) to yellow (`end` or more).

    Args:
      info: the task.
      prediction: the predicted values, [H, W, C] or [H, W].
      target: the true values, likewise.
      valid: where the target has a label, [H, W]; None: everywhere.
      end: the error at the end of the scale; None: the largest error.
    """
    prediction, finite = _checked(info, prediction, None)
    target, valid = _checked(info, target, valid)
    if not valid.any():
        return _blackened(np.zeros((*valid.shape, 3), np.uint8), valid), "no label"
    if info.class_names:
        wrong = prediction[..., 0] != target[..., 0]
        picture = np.where(wrong[..., None], WRONG, RIGHT).astype(np.uint8)
        return _blackened(picture, valid), f"{wrong[valid].mean():.1%} wrong"
    # A diverged network predicts NaN: that is no "missing label", so it is counted.
    broken = int((valid & ~finite).sum())
    valid = valid & finite
    size, unit = _errors(info, prediction, target)
    largest = float(size[valid].max(initial=0))
    picture = _mapped("viridis", size, 0.0, largest if end is None else end)
    mean = float(size[valid].mean()) if valid.any() else 0.0
    words = f"max {largest:.3g}, mean {mean:.3g} {unit}".strip()
    return _blackened(picture, valid), f"{broken} NaN, {words}" if broken else words


def largest_error(
    info: TaskInfo,
    prediction: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray | None = None,
) -> float:
    """Returns the largest error where the target has a label; of classes 1, if any."""
    prediction, finite = _checked(info, prediction, None)
    target, valid = _checked(info, target, valid)
    if info.class_names:
        return float((prediction != target)[valid].any())
    size, _ = _errors(info, prediction, target)
    return float(size[valid & finite].max(initial=0))


# --- Colours, by task ---------------------------------------------------------------


def _class_colors(
    info: TaskInfo, physical: np.ndarray, low: float, high: float
) -> np.ndarray:
    colors = np.array([*info.class_colors, MISSING], np.uint8)
    ids = physical[..., 0].astype(np.int64)
    return colors[np.where((ids >= 0) & (ids < len(colors) - 1), ids, -1)]


def _turbo(info: TaskInfo, physical: np.ndarray, low: float, high: float) -> np.ndarray:
    return _mapped("turbo", _scalar(physical), low, high)


def _grey(info: TaskInfo, physical: np.ndarray, low: float, high: float) -> np.ndarray:
    return _mapped("gray", _scalar(physical), low, high)


def _diverging(
    info: TaskInfo, physical: np.ndarray, low: float, high: float
) -> np.ndarray:
    return _mapped("coolwarm", _scalar(physical), low, high)


def _normal_colors(
    info: TaskInfo, physical: np.ndarray, low: float, high: float
) -> np.ndarray:
    """Returns (n + 1) / 2 as red (right), green (up) and blue (towards the camera)."""
    return np.clip(np.round((physical + 1) * 127.5), 0, 255).astype(np.uint8)


def _mapped(name: str, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Returns the colours of values [H, W] in a colour map of matplotlib."""
    span = high - low if high > low else 1.0
    return matplotlib.colormaps[name]((values - low) / span, bytes=True)[..., :3].copy()


COLORS: dict[str, Paint] = {
    "segmentation": _class_colors,
    "depth": _turbo,
    "normals": _normal_colors,
    "edges": _grey,
    "reshading": _grey,
    # Mean curvature (k1 + k2) / 2: blue and red for its two signs, grey for flat.
    "curvature": _diverging,
}
SCALES = {  # tasks whose colours are a scale that can be drawn as a bar
    name: COLORS[name] for name in ("depth", "edges", "reshading", "curvature")
}


def _extremes(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _balanced(values: np.ndarray) -> tuple[float, float]:
    # A few sharp edges would make everything else grey: the scale ends at 98 %.
    largest = float(np.percentile(np.abs(values), 98))
    return -(largest or 1.0), largest or 1.0


RANGES: dict[str, Range] = {"curvature": _balanced}


# --- Errors, by task ----------------------------------------------------------------


def _distance(
    info: TaskInfo, prediction: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, str]:
    """Returns the mean over the channels of the absolute difference."""
    return np.abs(prediction - target).mean(axis=-1), info.unit


def _angle(
    info: TaskInfo, prediction: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, str]:
    lengths = np.linalg.norm(prediction, axis=-1) * np.linalg.norm(target, axis=-1)
    cosine = (prediction * target).sum(axis=-1) / np.maximum(lengths, 1e-12)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))), "degrees"


ERRORS: dict[str, Errors] = {"normals": _angle}


def _errors(
    info: TaskInfo, prediction: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, str]:
    """Returns the sizes of the errors [H, W], and their unit."""
    return ERRORS.get(info.name, _distance)(info, prediction, target)


# --- Checks -------------------------------------------------------------------------


def _paint_of(info: TaskInfo) -> Paint:
    if info.name not in COLORS:
        raise ValueError(
            f"No colours for the task {info.name!r}: known are {', '.join(COLORS)}. "
            "Add a row to COLORS in mgm_tf/plotting/colors.py."
        )
    return COLORS[info.name]


def _checked(
    info: TaskInfo, physical: np.ndarray, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a map as finite float64 [H, W, C], and where it may be shown [H, W]."""
    physical = np.asarray(physical, np.float64)
    physical = physical[..., None] if physical.ndim == 2 else physical
    if physical.ndim != 3 or physical.shape[-1] != info.channels:
        raise ValueError(
            f"{info.name}: expected a map [H, W, {info.channels}], got shape "
            f"{physical.shape}."
        )
    finite = np.isfinite(physical).all(axis=-1)
    valid = finite if valid is None else np.asarray(valid, bool)
    if valid.shape != finite.shape:
        raise ValueError(
            f"{info.name}: expected valid of shape {finite.shape}, got {valid.shape}."
        )
    return np.where(finite[..., None], physical, 0.0), valid & finite


def _scalar(physical: np.ndarray) -> np.ndarray:
    """Returns one number a pixel, the mean of the channels, [H, W]."""
    return physical.mean(axis=-1)


def _blackened(picture: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid[..., None], picture, np.uint8(0)).astype(np.uint8)
