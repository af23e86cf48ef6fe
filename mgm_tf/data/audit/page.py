"""The page of an audit: one HTML file that needs nothing else."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from datasets.metadata import TaskInfo
from mgm_tf.data.audit import alignment
from mgm_tf.data.audit.report import Example, Report, in_words, short_unit
from mgm_tf.plotting import colors, html, svg

LARGEST = 160  # pixels of a picture on the page
BORDER = (255, 230, 0)  # of labels, drawn on the image
STEPS = 16  # colours of a drawn scale
STATISTICS = "min", "p1", "median", "p99", "max", "mean"
KINDS_OF_DUPLICATES = {
    "across": "Images in several splits",
    "within": "Images several times in a split",
    "near_across": "Pairs that look the same, in different splits",
    "near_within": "Pairs that look the same, in one split",
}
NONE = "–"


@dataclasses.dataclass(frozen=True)
class Share:
    """A number drawn as a bar.

    Attributes:
      text: the number in words.
      width: the length of the bar, in percent of the longest.
      color: the CSS colour of the bar; empty for the usual one.
      is_empty: whether the number is zero.
    """

    text: str
    width: str
    color: str
    is_empty: bool


def page(report: Report) -> str:
    """Returns the report as HTML."""
    record = report.record
    errors = _plural(len(report.errors), "error")
    splits = record["splits"].values()
    total = sum(split["examples"] for split in splits)
    read = sum(split["looked_at"] for split in splits)
    return html.render(
        "audit.html.j2",
        title=f"Data audit: {record['data_set']}",
        record=record,
        counts=f"{errors}, {_plural(len(report.warnings), 'warning').lower()}",
        coverage=f"{read} of {total} images of {record['image_size']} pixels",
        findings=report.findings,
        pictures=list(report.pictures.items()),
        overview=list(_overview(record)),
        sheets=[_sheet(record, *sheet) for sheet in report.sheets.items()],
        units=_units(record),
        value_rows=list(_value_rows(record)),
        classes=list(_class_tables(record)),
        label_rows=list(_label_rows(record)),
        alignment_heads=_alignment_heads(),
        alignment_rows=list(_alignment_rows(record)),
        duplicates=[
            (title, record["duplicates"][key])
            for key, title in KINDS_OF_DUPLICATES.items()
        ],
    )


# --- Parts of the page --------------------------------------------------------------


def _overview(record: dict) -> Iterator[Sequence[object]]:
    for split, part in record["splits"].items():
        read = f"{part['looked_at']} of {part['examples']}"
        for task, maps in part["tasks"].items():
            ignored = f"{maps['ignored']:.1%}" if maps["images"] else NONE
            yield split, read, task, maps["images"], ignored, in_words(maps)
        if not part["tasks"]:
            yield split, read, "none", NONE, NONE, NONE


def _sheet(record: dict, split: str, examples: Sequence[Example]) -> dict:
    tasks = {name: TaskInfo(**task["info"]) for name, task in record["tasks"].items()}
    ranges = {name: task["range"] for name, task in record["tasks"].items()}
    scales = (_scale(info, *ranges[name]) for name, info in tasks.items())
    return {
        "title": f"Examples: {split}",
        "scales": [scale for scale in scales if scale],
        "examples": [
            {
                "name": example.name,
                "label": example.label,
                "tiles": list(_tiles(example, tasks, ranges)),
            }
            for example in examples
        ],
    }


def _value_rows(record: dict) -> Iterator[dict]:
    for task, entry in record["tasks"].items():
        if entry["classes"]:
            continue
        for split, part in record["splits"].items():
            maps = part["tasks"].get(task)
            if not maps or not maps["images"]:
                continue
            pairs = zip(maps["values"], maps["histograms"], strict=True)
            for channel, (values, bars) in enumerate(pairs):
                name = f"{task} {channel}" if len(maps["values"]) > 1 else task
                numbers = [_number(values[key]) for key in STATISTICS]
                text = f"Histogram of {name} in {split}"
                file = svg.histogram(bars["pixels"])
                drawing = svg.inline(file, html.anchor(text), text)
                cells = name, split, *numbers
                yield {"cells": cells, "histogram": Markup(drawing)}


def _units(record: dict) -> list[str]:
    return [
        f"{task}: {entry['unit']}"
        for task, entry in record["tasks"].items()
        if entry["unit"] and not entry["classes"]
    ]


def _class_tables(record: dict) -> Iterator[dict]:
    for task, entry in record["tasks"].items():
        if not entry["classes"]:
            continue
        counts = {
            split: part["tasks"][task]["classes"]
            for split, part in record["splits"].items()
            if part["tasks"].get(task, {}).get("classes")
        }
        yield {
            "title": f"Classes of {task}",
            "heads": ["class", *(f"{split}: pixels, images" for split in counts)],
            "rows": [
                _class_row(number, entry["classes"][number], counts.values())
                for number in range(len(entry["classes"]))
            ],
        }


def _class_row(number: int, entry: dict, splits: Iterable[dict]) -> dict:
    color = "#" + "".join(f"{value:02x}" for value in entry["color"])
    shares = [
        _share(split["pixels"], number, f", {split['images'][number]}", color)
        for split in splits
    ]
    return {"name": entry["name"], "color": color, "shares": shares}


def _label_rows(record: dict) -> Iterator[tuple[str, list[Share]]]:
    splits = record["splits"].values()
    for number, name in enumerate(record["scene_names"]):
        yield name, [_share(split["labels"]["counts"], number) for split in splits]


def _alignment_heads() -> list[str]:
    heads = ["task", "split", "images", "as it is", "other images"]
    return [*heads, *alignment.ARRANGEMENTS, "normals against depth, x and y"]


def _alignment_rows(record: dict) -> Iterator[Sequence[object]]:
    for split, part in record["splits"].items():
        for task, maps in part["tasks"].items():
            fit = maps["alignment"]
            if not fit or not fit["images"]:
                continue
            others = [result["mean"] for result in fit["arrangements"].values()]
            axes = [_number(axis["mean"]) for axis in fit.get("axes", {}).values()]
            means = map(_number, (fit["own"], fit["others"], *others))
            yield task, split, fit["images"], *means, ", ".join(axes) or NONE


# --- Pictures -----------------------------------------------------------------------


def _tiles(
    example: Example, tasks: Mapping[str, TaskInfo], ranges: Mapping[str, list[float]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields names and pictures: the image, the borders of a map on it, each map."""
    yield "image", _smaller(example.image, Image.Resampling.BOX)
    for name in list(example.maps)[:1]:
        picture = _with_borders(tasks[name], example.image, example.maps[name])
        yield f"borders of {name}", picture
    for name, raw in example.maps.items():
        picture = _colored(tasks[name], raw, *ranges[name])
        yield name, _smaller(picture, Image.Resampling.NEAREST)


def _colored(info: TaskInfo, raw: np.ndarray, low: float, high: float) -> np.ndarray:
    physical, valid = info.decode(raw)
    if info.name in colors.COLORS:
        return colors.colorize(info, physical, valid, low, high)
    span = high - low or 1.0
    grey = np.clip((physical.mean(axis=-1) - low) / span, 0, 1) * valid * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _with_borders(info: TaskInfo, image: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Returns the image with the edges of a label map drawn on it."""
    raw = raw[None]
    known = np.any(raw != info.missing, axis=-1)[0]
    size = alignment.steps(raw.astype(np.float32))[0] * known
    least = 0 if info.class_names else np.percentile(size, 92)
    picture = (image * 0.7).astype(np.uint8)
    picture[size > least] = BORDER
    return _smaller(picture, Image.Resampling.NEAREST)


def _smaller(picture: np.ndarray, how: Image.Resampling) -> np.ndarray:
    longest = max(picture.shape[:2])
    if longest <= LARGEST:
        return picture
    height, width = (round(side * LARGEST / longest) for side in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((width, height), how))


def _scale(info: TaskInfo, low: float, high: float) -> dict | None:
    """Returns what the colours of a task mean; None if they are no scale."""
    paint = colors.SCALES.get(info.name)
    if paint is None:
        return None
    steps = np.linspace(low, high, STEPS)[None, :, None].repeat(info.channels, axis=2)
    return {
        "name": info.name,
        "low": _number(low),
        "high": f"{_number(high)} {short_unit(info.unit)}".strip(),
        "colors": [f"rgb({r},{g},{b})" for r, g, b in paint(info, steps, low, high)[0]],
    }


# --- Numbers ------------------------------------------------------------------------


def _share(
    counts: Sequence[int], number: int, extra: str = "", color: str = ""
) -> Share:
    count = counts[number]
    width = 100 * count / max(max(counts), 1)
    text = f"{count / max(sum(counts), 1):.2%}{extra}" if extra else str(count)
    return Share(text, f"{width:.1f}", color, is_empty=not count)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else NONE


def _plural(number: int, word: str) -> str:
    return f"{number or 'No'} {word}{'s' * (number != 1)}"
