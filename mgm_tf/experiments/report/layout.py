"""What a report is made of, whether it becomes HTML or Markdown."""

import dataclasses
from collections.abc import Sequence

from mgm_tf.experiments.report.drawn import Drawing

# Styles of lines and paragraphs; "" is plain.
STRONG, SMALL, ERROR, WARNING = "strong", "small", "error", "warning"
PROSE = "prose"  # of a grid whose cells are sentences


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a cell."""

    text: str
    style: str = ""


Cell = Sequence[Line]


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table whose first column names the rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    style: str = ""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str
    style: str = ""


@dataclasses.dataclass(frozen=True)
class Notes:
    """Numbered remarks, from 1; cells refer to them as [1]."""

    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Drawings beside each other; `stem` begins the names of their files."""

    stem: str
    drawings: Sequence[Drawing]


@dataclasses.dataclass(frozen=True)
class Heading:
    """The title of what follows within a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Folded:
    """Details that are opened by their title."""

    title: str
    parts: Sequence["Part"]


Part = Grid | Paragraph | Notes | Pictures | Heading | Folded


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the report with a title of its own, `more` of it not in links."""

    title: str
    parts: Sequence[Part]
    more: str = ""


@dataclasses.dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    introduction: Sequence[Part]
    sections: Sequence[Section]


def cell(text: object, style: str = "") -> Cell:
    """A cell of one line."""
    return (Line(str(text), style),)


def files(pictures: Pictures) -> list[tuple[str, Drawing]]:
    """The drawings that are pictures, with the names of their files."""
    return [
        (f"{pictures.stem}-{number}.{'svg' if one.svg else 'png'}", one)
        for number, one in enumerate(pictures.drawings, 1)
        if one.is_drawn
    ]
