"""Pictures of what an audit finds: the worst example, and where it is wrong."""

import pathlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf
from PIL import Image

from datasets import plausibility
from datasets.files import image_size
from datasets.metadata import TaskInfo
from mgm_tf.data.audit.report import Finding, Worst
from mgm_tf.data.splits import Split
from mgm_tf.plotting import colors

WRONG = (255, 0, 60)  # the colour of what cannot be
MOST_FILES = 3  # damaged files that are shown
_LARGEST = 512  # pixels of a damaged file on the page

Pictures = list[tuple[str, np.ndarray]]


def _facing_away(info: TaskInfo, raw: np.ndarray) -> np.ndarray:
    vectors, known = info.decode(raw)
    return plausibility.facing_away(vectors) & known


def _at_top(info: TaskInfo, raw: np.ndarray) -> np.ndarray:
    return raw[..., 0] == info.raw_range[1]


# measure -> (record of the task, raw map [H, W, channels]) -> where it is wrong [H, W]
MASKS: Mapping[str, Callable[[TaskInfo, np.ndarray], np.ndarray]] = {
    "away": _facing_away,
    "at_top": _at_top,
}


def pictures(
    findings: Iterable[Finding], splits: Mapping[str, Split], record: Mapping
) -> dict[str, Pictures]:
    """Returns pictures of findings, by their messages.

    Args:
      findings: what was found.
      splits: the splits that were looked at.
      record: the record of the audit.
    """
    shown = {
        each.message: _of_example(splits[each.worst.split], each.worst)
        for each in findings
        if each.worst
    }
    files = [_of_file(row) for row in record["damaged"]]
    damaged = [picture for picture in files if picture][:MOST_FILES]
    for each in findings:
        if each.check in _OF_FILES and damaged:
            shown[each.message] = damaged
    return shown


_OF_FILES = frozenset({"damaged"})


def _of_example(split: Split, worst: Worst) -> Pictures:
    """Returns the image, the map, and the map with what is wrong marked."""
    example = split.batch(tf.constant([worst.number]))
    image = example["image"][0].numpy()
    name = split.names(np.array([worst.number]))[0]
    result = [(name, image)]
    if worst.task:
        info, raw = split.info.tasks[worst.task], example[worst.task][0].numpy()
        values, valid = info.decode(raw)
        known = values[valid] if valid.any() else np.zeros(1)
        map_picture = colors.colorize(info, values, valid, known.min(), known.max())
        marked = map_picture // 3
        marked[MASKS[worst.measure](info, raw)] = WRONG
        result += [(worst.task, map_picture), ("cannot be", marked)]
    return result


def _of_file(row: Mapping[str, str]) -> tuple[str, np.ndarray] | None:
    """Returns what a decoder makes of a damaged photograph; None if nothing."""
    path = pathlib.Path(row.get("path", row["file"]))
    try:
        image_size(path)  # which is bounded
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            image.draft("RGB", (_LARGEST, _LARGEST))
            image.thumbnail((_LARGEST, _LARGEST))
            pixels = np.asarray(image.convert("RGB"))
            return f"{row['file']}, as a decoder has it", pixels
    except Exception:  # it is damaged
        return None
