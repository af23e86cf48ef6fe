"""Reads `scenes.csv`, `splits.csv` and `classes.txt`."""

import colorsys
import csv
import io
import pathlib
import re
from collections.abc import Collection, Mapping

from datasets.files import names as unicode_names
from datasets.files import text
from datasets.folder.contents import IMAGE_SUFFIXES, Contents
from datasets.folder.problems import listed

SPLIT_NAMES = ("train", "validation", "test", "weak")
MOST_CLASSES = 255
Color = tuple[int, int, int]  # red, green, blue
_COLOR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def read_scenes(
    path: pathlib.Path, contents: Contents
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Reads the labels of images.

    Returns:
      (labels by name, problems); an image that is not listed has no label.
    """
    rows, problems = _rows(path, ("name", "label"), contents)
    scenes = {}
    for line, name, cell in rows:
        labels = tuple(label.strip() for label in cell.split(";"))
        if not all(labels):
            problems.append(
                f"{path.name}, line {line}: {name!r} has an empty label; leave out the "
                "line of an image without one"
            )
        elif len(set(labels)) < len(labels):
            problems.append(
                f"{path.name}, line {line}: {name!r} has a label twice: {cell}"
            )
        else:
            scenes[name] = labels
    return scenes, problems


def read_splits(
    path: pathlib.Path, contents: Contents
) -> tuple[dict[str, list[str]], list[str]]:
    """Reads which split each image belongs to.

    Returns:
      (names by split, sorted; problems). Every image has to be listed.
    """
    rows, problems = _rows(path, ("name", "split"), contents)
    parts: dict[str, list[str]] = {}
    for line, name, split in rows:
        if split in SPLIT_NAMES:
            parts.setdefault(split, []).append(name)
        else:
            problems.append(
                f"{path.name}, line {line}: {name!r} is in the unknown split "
                f"{split!r}; expected {', '.join(SPLIT_NAMES)}"
                f"{unicode_names.nearest(split, SPLIT_NAMES)}"
            )
    missing = set(contents.images) - {name for _, name, _ in rows}
    if missing:
        problems.append(
            f"{path.name} leaves out {len(missing)} of the images: "
            f"{listed(sorted(missing))}"
        )
    return {split: sorted(names) for split, names in parts.items()}, problems


def read_classes(
    path: pathlib.Path,
) -> tuple[tuple[str, ...], tuple[Color, ...], list[str]]:
    """Reads the classes of segmentation: a name a line, `NAME` or `NAME, #rrggbb`.

    The number of the line is the class number, counted from 0.

    Returns:
      (names, colours, problems)
    """
    lines = _composed(path).rstrip().splitlines()
    palette = colors(len(lines))
    names: list[str] = []
    class_colors = []
    problems = []
    for number, line in enumerate(lines):
        name, comma, color = (part.strip() for part in line.rpartition(","))
        if not comma:
            name, color = color, ""
        match = _COLOR.fullmatch(color)
        if not name:
            problems.append(f"{path.name}, line {number + 1}: the line has no name")
        elif name in names:
            problems.append(f"{path.name}, line {number + 1}: {name!r} is there twice")
        elif comma and not match:
            problems.append(
                f"{path.name}, line {number + 1}: expected NAME or NAME, #rrggbb; "
                f"found {line!r}"
            )
        names.append(name)
        class_colors.append(_parsed(match) if match else palette[number])
    if not 0 < len(names) <= MOST_CLASSES:
        problems.append(
            f"{path.name}: expected 1 to {MOST_CLASSES} classes, found {len(names)}"
        )
    return tuple(names), tuple(class_colors), problems


def colors(number: int) -> tuple[Color, ...]:
    """Returns `number` colours, neighbours unlike each other."""
    result = []
    for k in range(number):
        # Steps of the golden ratio never fall on an earlier hue.
        hue, lightness = k * 0.618034 % 1, (0.55, 0.4, 0.7)[k % 3]
        red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.65)
        result.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(result)


def _parsed(match: re.Match[str]) -> Color:
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def scene_names(scenes: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Returns all labels, sorted."""
    return tuple(sorted({label for labels in scenes.values() for label in labels}))


def _composed(path: pathlib.Path) -> str:
    """Returns the text of a table in one form of Unicode, that of the files' names."""
    return unicode_names.composed(text.read(path))


def _rows(
    path: pathlib.Path, header: tuple[str, str], contents: Contents
) -> tuple[list[tuple[int, str, str]], list[str]]:
    """Returns ([(line, name, value)], problems); names are known and there once."""
    reader = csv.reader(io.StringIO(_composed(path), newline=""), strict=True)
    rows: list[tuple[int, str, str]] = []
    problems: list[str] = []
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        return rows, [f"{path.name}, line {reader.line_num}: {error}"]
    if not lines or tuple(lines[0][1]) != header:
        first = ",".join(lines[0][1]) if lines else ""
        return rows, [
            f"{path.name}: expected the header {','.join(header)!r}, found {first!r}"
        ]
    seen: dict[str, int] = {}
    for line, row in lines[1:]:
        if not any(row):
            continue
        place = f"{path.name}, line {line}"
        if len(row) != 2:
            problems.append(f"{place}: expected 2 cells, found {len(row)}: {row}")
        elif row[0] not in contents.images:
            problems.append(f"{place}: {_unknown(row[0], contents)}")
        elif row[0] in seen:
            problems.append(
                f"{place}: {row[0]!r} is there twice, first in line {seen[row[0]]}"
            )
        else:
            seen[row[0]] = line
            rows.append((line, row[0], row[1]))
    if not rows and not problems:
        problems.append(f"{path.name} has no rows")
    return rows, problems


def _unknown(name: str, contents: Contents) -> str:
    path = pathlib.PurePosixPath(name)
    stem = path.with_suffix("").as_posix() if path.name else name
    is_file = path.suffix.lower() in IMAGE_SUFFIXES and stem in contents.images
    hint = f"; names go without suffix: {stem}" if is_file else ""
    hint = hint or unicode_names.nearest(name, contents.images)
    return f"there is no image {name!r} in rgb/{hint}"
