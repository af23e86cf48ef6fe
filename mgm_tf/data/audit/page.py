"""The page of an audit: one HTML file that needs nothing else."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from datasets.metadata import TaskInfo
from mgm_tf.data.audit import alignment
from mgm_tf.data.audit.report import Example, Report, in_words, short_unit
from mgm_tf.data.audit.style import STYLE
from mgm_tf.plotting import colors
from mgm_tf.plotting.html import Markup, document, escaped, png, section, table

LARGEST = 160  # pixels of a picture on the page
BORDER = (255, 230, 0)  # of labels, drawn on the image
STEPS = 16  # colours of a drawn scale


def page(report: Report) -> str:
    """The report as HTML."""
    record = report.record
    errors = _plural(len(report.errors), "error")
    counts = f"{errors}, {_plural(len(report.warnings), 'warning').lower()}"
    examples = sum(part["examples"] for part in record["splits"].values())
    seen = sum(part["looked_at"] for part in record["splits"].values())
    looked = f"{seen} of {examples} images of {record['image_size']} pixels"
    sections = [
        section("Findings", _findings(report)),
        section("Splits and tasks", _overview(record)),
        *(_sheet(record, name, part) for name, part in report.sheets.items()),
        section("Values", _values(record)),
        *(_classes(record, name) for name in record["tasks"]),
        section("Image labels", _image_labels(record)),
        section("Alignment", _alignment(record)),
        section("Duplicates", _duplicates(record["duplicates"])),
        section("Damaged files", _damaged(record["damaged"])),
    ]
    introduction = (
        f"<p>{counts}. {looked} were looked at.</p><p>{escaped(record['notes'])}</p>"
    )
    return document(f"Data audit: {record['data_set']}", introduction, sections, STYLE)


# --- Parts of the page --------------------------------------------------------------


def _findings(report: Report) -> str:
    if not report.findings:
        return "<p>Nothing was found.</p>"
    items = [
        f'<li class="{one.level}"><b>{one.level}: {escaped(one.check)}</b> '
        f"{escaped(one.message)}</li>"
        for one in report.findings
    ]
    return f'<ul class="findings">{"".join(items)}</ul>'


def _overview(record: dict) -> str:
    heads = "split", "images", "task", "with labels", "ignored pixels", "values"
    rows = []
    for split, part in record["splits"].items():
        seen = f"{part['looked_at']} of {part['examples']}"
        for task, found in part["tasks"].items():
            ignored = f"{found['ignored']:.1%}" if found["images"] else "–"
            rows.append((split, seen, task, found["images"], ignored, in_words(found)))
        if not part["tasks"]:
            rows.append((split, seen, "none", "–", "–", "–"))
    return table(heads, rows)


def _sheet(record: dict, split: str, examples: Sequence[Example]) -> str:
    tasks = {name: TaskInfo(**task["info"]) for name, task in record["tasks"].items()}
    ranges = {name: task["range"] for name, task in record["tasks"].items()}
    scales = [_scale(info, *ranges[name]) for name, info in tasks.items()]
    rows = []
    for example in examples:
        tiles = [_tile("image", _smaller(example.image, Image.Resampling.BOX))]
        shown = {name: tasks[name] for name in example.maps}
        for info in list(shown.values())[:1]:
            picture = _with_borders(info, example.image, example.maps[info.name])
            tiles.append(_tile(f"borders of {info.name}", picture))
        for name, info in shown.items():
            picture = _drawn(info, example.maps[name], *ranges[name])
            tiles.append(_tile(name, _smaller(picture, Image.Resampling.NEAREST)))
        label = f" · {escaped(example.label)}" if example.label else ""
        rows.append(
            f'<figure class="example"><div class="tiles">{"".join(tiles)}</div>'
            f"<figcaption>{escaped(example.name)}{label}</figcaption></figure>"
        )
    explained = f'<p class="scales">{"".join(scales)} Black: no label.</p>'
    title = f"Examples: {split}"
    return section(title, explained + f'<div class="sheet">{"".join(rows)}</div>')


def _values(record: dict) -> str:
    heads = (
        "task",
        "split",
        "min",
        "1 %",
        "median",
        "99 %",
        "max",
        "mean",
        "from 1 to 99 %",
    )
    keys = "min", "p1", "median", "p99", "max", "mean"
    rows = []
    for task, about in record["tasks"].items():
        if about["classes"]:
            continue
        for split, part in record["splits"].items():
            found = part["tasks"].get(task)
            if not found or not found["images"]:
                continue
            pairs = zip(found["values"], found["histograms"], strict=True)
            for channel, (values, bars) in enumerate(pairs):
                name = f"{task} {channel}" if len(found["values"]) > 1 else task
                numbers = [_number(values[key]) for key in keys]
                rows.append((name, split, *numbers, Markup(_bars(bars["pixels"]))))
    units = [
        f"{task}: {about['unit']}"
        for task, about in record["tasks"].items()
        if about["unit"] and not about["classes"]
    ]
    if not rows:
        return "<p>No task has numbers.</p>"
    return f"<p>{escaped('; '.join(units))}</p>" + table(heads, rows)


def _classes(record: dict, task: str) -> str:
    classes = record["tasks"][task]["classes"]
    if not classes:
        return ""
    found = {
        split: part["tasks"][task]["classes"]
        for split, part in record["splits"].items()
        if part["tasks"].get(task, {}).get("classes")
    }
    heads = ["class", *(f"{split}: pixels, images" for split in found)]
    rows = []
    for number, one in enumerate(classes):
        color = "#" + "".join(f"{value:02x}" for value in one["color"])
        chip = f'<i class="chip" style="background:{color}"></i>{escaped(one["name"])}'
        cells = [
            _share(part["pixels"], number, f", {part['images'][number]}", color)
            for part in found.values()
        ]
        rows.append((Markup(chip), *cells))
    return section(f"Classes of {task}", table(heads, rows))


def _image_labels(record: dict) -> str:
    names = record["scene_names"]
    if not names:
        return "<p>The images have no labels.</p>"
    splits = record["splits"]
    kind = record["label_kind"].replace("_", "-")
    rows = [
        (name, *(_share(p["labels"]["counts"], number) for p in splits.values()))
        for number, name in enumerate(names)
    ]
    unknown = (p["labels"]["unknown"]["count"] for p in splits.values())
    rows.append(("not known", *unknown))
    source = f", from {record['scene_source']}" if record["scene_source"] else ""
    return f"<p>{escaped(kind + source)}; images of each class</p>" + table(
        ["class", *splits], rows
    )


def _alignment(record: dict) -> str:
    heads = ["task", "split", "images", "as it is", "other images"]
    heads += [*alignment.ARRANGEMENTS, "normals against depth, x and y"]
    rows = []
    for split, part in record["splits"].items():
        for task, found in part["tasks"].items():
            fit = found["alignment"]
            if not fit or not fit["images"]:
                continue
            others = [one["mean"] for one in fit["arrangements"].values()]
            axes = [_number(one["mean"]) for one in fit.get("axes", {}).values()]
            row = [fit["images"], *map(_number, (fit["own"], fit["others"], *others))]
            rows.append((task, split, *row, ", ".join(axes) or "–"))
    told = (
        "<p>Correlation of the edges of images and label maps: as it is it must be "
        "the highest.</p>"
    )
    return told + table(heads, rows) if rows else "<p>No edges to compare.</p>"


def _duplicates(record: dict) -> str:
    parts = []
    for key, title in KINDS_OF_DUPLICATES.items():
        found = record[key]
        items = [
            f"<li>{escaped(' = '.join(one['images']))}</li>" for one in found["pairs"]
        ]
        more = found["count"] - len(items)
        items += [f"<li>and {more} more</li>"] * (more > 0)
        parts.append(f"<p>{title}: {found['count']}</p><ul>{''.join(items)}</ul>")
    if record["skipped"]:
        text = "comparisons within crowds of similar images were left out"
        parts.append(f"<p>{record['skipped']} {text}.</p>")
    return "".join(parts)


KINDS_OF_DUPLICATES = {
    "across": "Images in several splits",
    "within": "Images several times in a split",
    "near_across": "Pairs that look the same, in different splits",
    "near_within": "Pairs that look the same, in one split",
}


def _damaged(damaged: Sequence[dict]) -> str:
    if not damaged:
        return "<p>None is known.</p>"
    return table(
        ("name", "file", "reason"),
        [(d["name"], d["file"], d["reason"]) for d in damaged],
    )


# --- Pictures -----------------------------------------------------------------------


def _drawn(info: TaskInfo, raw: np.ndarray, low: float, high: float) -> np.ndarray:
    physical, valid = info.decode(raw)
    if info.name in colors.COLORS:
        return colors.colorize(info, physical, valid, low, high)
    span = high - low or 1.0
    grey = np.clip((physical.mean(axis=-1) - low) / span, 0, 1) * valid * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _with_borders(info: TaskInfo, image: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """The image with the edges of a label map drawn on it."""
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


def _tile(title: str, picture: np.ndarray) -> str:
    name = escaped(title)
    return f'<div><img src="{png(picture)}" alt="{name}"><small>{name}</small></div>'


def _scale(info: TaskInfo, low: float, high: float) -> str:
    """What the colours of a task mean."""
    paint = colors.SCALES.get(info.name)
    if paint is None:
        return ""
    steps = np.linspace(low, high, STEPS)[None, :, None].repeat(info.channels, axis=2)
    stops = ",".join(
        f"rgb({r},{g},{b})" for r, g, b in paint(info, steps, low, high)[0]
    )
    ends = _number(low), f"{_number(high)} {short_unit(info.unit)}".strip()
    bar = f'<i class="scale" style="background:linear-gradient(90deg,{stops})"></i>'
    return f"<span>{escaped(info.name)} {ends[0]}{bar}{escaped(ends[1])}</span> "


# --- Numbers ------------------------------------------------------------------------


def _share(counts: Sequence[int], number: int, more: str = "", color: str = "") -> str:
    """A bar and a number: how much of all."""
    total, largest = max(sum(counts), 1), max(max(counts), 1)
    width = 100 * counts[number] / largest
    words = f"{counts[number] / total:.2%}{more}" if more else str(counts[number])
    paint = f";background:{color}" if color else ""
    bar = f'<i class="bar" style="width:{width:.1f}%{paint}"></i>'
    none = "" if counts[number] else " none"
    return Markup(f'<span class="share{none}">{bar}</span>{words}')


def _bars(pixels: Sequence[int]) -> str:
    """A histogram."""
    highest = max(max(pixels), 1)
    bars = "".join(
        f'<rect x="{place}" y="{20 - 20 * n / highest:.2f}" width="1" '
        f'height="{20 * n / highest:.2f}"/>'
        for place, n in enumerate(pixels)
    )
    size = len(pixels)
    return f'<svg viewBox="0 0 {size} 20" preserveAspectRatio="none">{bars}</svg>'


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "–"


def _plural(number: int, word: str) -> str:
    return f"{number or 'No'} {word}{'s' * (number != 1)}"
