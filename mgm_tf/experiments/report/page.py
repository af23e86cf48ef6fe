"""A report as one HTML file that needs nothing else: `report.html`."""

import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from mgm_tf.experiments.report.drawn import Drawing
from mgm_tf.experiments.report.layout import (
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
)
from mgm_tf.plotting import html
from mgm_tf.plotting.html import Markup, escaped

STYLE = """
h3{font-size:1rem;margin:1.6rem 0 .3rem}
th,td{vertical-align:top}
tbody th{color:var(--ink);min-width:6rem}
td span,td b{display:block}
td .small{color:var(--soft);font-size:.86em;line-height:1.35}
p.strong,td .strong{font-weight:700}
p.error,p.warning,summary{border-radius:4px;overflow-wrap:anywhere}
p.error,p.warning{padding:.3rem .8rem;border-left:4px solid;font-size:.85rem}
h2 span{font-weight:400}
.prose th,.prose td{white-space:normal;font-weight:400;min-width:5rem}
.prose tbody th{min-width:8.5rem}
.prose td span{min-width:7rem}
.held,.not-held,.not-enough-seeds,.not-run{font-weight:600}
.held{color:var(--good)}
.not-held{color:var(--error)}
.not-enough-seeds{color:var(--warning)}
.not-run{color:var(--soft)}
ol{font-size:.85rem;color:var(--soft);padding-left:1.6rem;margin:.5rem 0;
max-width:50rem;overflow-wrap:anywhere}
details{margin:.5rem 0}
summary{cursor:pointer;font-size:.9rem}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));
gap:.8rem;margin:.8rem 0}
figure{margin:.6rem 0;min-width:0;break-inside:avoid}
figure svg{display:block;width:100%;height:auto}
figure svg *{stroke-linejoin:round;stroke-linecap:butt}
figure img{width:auto;max-width:none;image-rendering:auto}
.wide{margin:.6rem 0}
:root{--good:#1a6b3c}
@media (prefers-color-scheme:dark){:root{--good:#7fd6a2}}
@media print{:root{--good:#0b4d27}figure img{max-width:100%;height:auto}
h2,h3{break-after:avoid}
.plots{grid-template-columns:1fr 1fr}
details::details-content{content-visibility:visible;display:block}}
"""


def page(report: Document) -> str:
    """The report as HTML."""
    sections = [
        html.section(section.title, _parts(section.parts), section.more)
        for section in report.sections
    ]
    introduction = _parts(report.introduction)
    return html.document(report.title, introduction, sections, STYLE)


def _parts(parts: Iterable[Part]) -> str:
    return "".join(RENDER[type(part)](part) for part in parts)


def _grid(grid: Grid) -> str:
    rows = [[_cell(cell) for cell in row] for row in grid.rows]
    return html.table(grid.heads, rows, named=True, style=grid.style)


def _cell(cell: Cell) -> Markup:
    lines = list(cell)
    if len(lines) == 1 and not lines[0].style:
        return Markup(escaped(lines[0].text))
    return Markup("".join(map(_line, lines)))


def _line(line: Line) -> str:
    return f'<span class="{line.style or "plain"}">{escaped(line.text)}</span>'


def _paragraph(paragraph: Paragraph) -> str:
    style = f' class="{paragraph.style}"' if paragraph.style else ""
    return f"<p{style}>{escaped(paragraph.text)}</p>"


def _notes(notes: Notes) -> str:
    return f"<ol>{''.join(f'<li>{escaped(item)}</li>' for item in notes.items)}</ol>"


def _heading(heading: Heading) -> str:
    return f"<h3>{escaped(heading.text)}</h3>"


def _folded(folded: Folded) -> str:
    title = escaped(folded.title)
    return f"<details><summary>{title}</summary>{_parts(folded.parts)}</details>"


def _pictures(pictures: Pictures) -> str:
    plots, others = [], []
    for number, one in enumerate(pictures.drawings, 1):
        if one.svg:
            plots.append(_plot(one, f"{pictures.stem}-{number}"))
        elif one.pixels is not None:
            others.append(_picture(one, one.pixels))
        else:
            others.append(f"<p>{escaped(one.title)}. {escaped(one.text)}</p>")
    extra = f'<div class="plots">{"".join(plots)}</div>' if plots else ""
    return extra + "".join(others)


def _picture(one: Drawing, pixels: np.ndarray) -> str:
    height, width = pixels.shape[:2]
    image = (
        f'<img src="{html.png(pixels)}" width="{width}" height="{height}" '
        f'alt="{escaped(one.text)}">'
    )
    return (
        f"<figure><figcaption>{escaped(one.title)}. {escaped(one.text)}</figcaption>"
        f"{html.scrolling(image)}</figure>"
    )


def _plot(one: Drawing, name: str) -> str:
    return (
        f"<figure>{_inline(one.svg, name, one.text)}"
        f"<figcaption>{escaped(one.title)}</figcaption></figure>"
    )


def _inline(svg: str, name: str, text: str) -> str:
    """An SVG file as a part of a page, which has many: its ids get the drawing's name.

    Its rules of style would be the page's: they go; namespaces HTML knows.
    """
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escaped(text)}"', 1)


RENDER: Mapping[type, Callable] = {
    Grid: _grid,
    Paragraph: _paragraph,
    Notes: _notes,
    Pictures: _pictures,
    Heading: _heading,
    Folded: _folded,
}
