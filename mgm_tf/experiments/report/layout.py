"""The parts of a report, whether it becomes HTML or Markdown.

`templates/report.html.j2` and `templates/report.md.j2` have a macro for each.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

# Styles of lines and paragraphs; "" is plain.
STRONG, SMALL, ERROR, WARNING = "strong", "small", "error", "warning"
PROSE = "prose"  # the style of a grid whose cells are sentences


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture, or a sentence where there is none.

    Attributes:
      title: a short title.
      text: what is to be seen, for those who cannot see it; or why there is nothing.
      svg: the text of an SVG file, or empty.
      pixels: the picture uint8 [H, W, 3], or None.
    """

    title: str
    text: str
    svg: str = ""
    pixels: np.ndarray | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether there is a picture."""
        return bool(self.svg) or self.pixels is not None


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a cell."""

    text: str
    style: str = ""


Cell = Sequence[Line]


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table whose first column names the rows."""

    macro: ClassVar = "grid"
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    style: str = ""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    macro: ClassVar = "paragraph"
    text: str
    style: str = ""


@dataclasses.dataclass(frozen=True)
class Notes:
    """Numbered remarks, from 1; cells refer to them as [1]."""

    macro: ClassVar = "notes"
    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Drawings side by side; `stem` begins the names of their files."""

    macro: ClassVar = "pictures"
    stem: str
    drawings: Sequence[Drawing]

    def files(self) -> list[tuple[str, Drawing]]:
        """Returns the drawings that are pictures, with the names of their files."""
        return [
            (f"{self.stem}-{number}.{'svg' if drawing.svg else 'png'}", drawing)
            for number, drawing in enumerate(self.drawings, 1)
            if drawing.is_drawn
        ]


@dataclasses.dataclass(frozen=True)
class Heading:
    """The title of what follows within a section."""

    macro: ClassVar = "heading"
    text: str


@dataclasses.dataclass(frozen=True)
class Folded:
    """Details that are opened by their title."""

    macro: ClassVar = "folded"
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
    """A report from its title to its last section."""

    title: str
    introduction: Sequence[Part]
    sections: Sequence[Section]


def cell(text: object, style: str = "") -> Cell:
    """Returns a cell of one line."""
    return (Line(str(text), style),)
