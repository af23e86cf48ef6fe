"""A report as Markdown, with its pictures beside it: `report.md`."""

import html
from collections.abc import Callable, Iterable, Mapping

from mgm_tf.experiments.report.layout import (
    ERROR,
    STRONG,
    WARNING,
    Cell,
    Document,
    Folded,
    Grid,
    Heading,
    Line,
    Notes,
    Paragraph,
    Part,
    Pictures,
    files,
)

FOLDER = "pictures"
MARKS = {STRONG: "**{}**", ERROR: "**Error:** {}", WARNING: "**Warning:** {}"}
ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#"})


def markdown(report: Document) -> str:
    """The report as Markdown; it shows the files of `layout.files` in `FOLDER`."""
    parts = [f"# {_text(report.title)}", _parts(report.introduction)]
    for section in report.sections:
        more = f": {section.more}" if section.more else ""
        parts += [f"## {_text(section.title + more)}", _parts(section.parts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _parts(parts: Iterable[Part]) -> str:
    return "\n\n".join(RENDER[type(part)](part) for part in parts)


def _text(text: str) -> str:
    return " ".join(text.translate(ESCAPED).split())


def _line(line: Line) -> str:
    mark = MARKS.get(line.style, "{}")
    return mark.format(_text(line.text)) if line.text else ""


def _cell(cell: Cell) -> str:
    return "<br>".join(filter(None, map(_line, cell)))


def _grid(grid: Grid) -> str:
    rows = [[_text(head) for head in grid.heads], ["---"] * len(grid.heads)]
    rows += [[_cell(cell) for cell in row] for row in grid.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _paragraph(paragraph: Paragraph) -> str:
    return MARKS.get(paragraph.style, "{}").format(_text(paragraph.text))


def _notes(notes: Notes) -> str:
    return "\n".join(
        f"{number}. {_text(item)}" for number, item in enumerate(notes.items, 1)
    )


def _heading(heading: Heading) -> str:
    return f"### {_text(heading.text)}"


def _folded(folded: Folded) -> str:
    title = f"<details><summary>{html.escape(folded.title)}</summary>"
    return f"{title}\n\n{_parts(folded.parts)}\n\n</details>"


def _pictures(pictures: Pictures) -> str:
    shown = [
        f"![{_text(one.text)}]({FOLDER}/{name})\n\n{_text(one.title)}"
        for name, one in files(pictures)
    ]
    told = [
        f"{_text(one.title)}. {_text(one.text)}"
        for one in pictures.drawings
        if not one.is_drawn
    ]
    return "\n\n".join(shown + told)


RENDER: Mapping[type, Callable] = {
    Grid: _grid,
    Paragraph: _paragraph,
    Notes: _notes,
    Pictures: _pictures,
    Heading: _heading,
    Folded: _folded,
}
