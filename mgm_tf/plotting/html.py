"""Parts of pages that are one HTML file and need nothing else: no server, no network.

How they look on a desk, on a phone, on paper, light and dark, is in `STYLE`.
"""

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d5dae0;
--box:#f4f6f8;--bar:#4b7bec;--error:#b3261e;--error-back:#fdeceb;--warning:#7a4f00;
--warning-back:#fff4d6}
@media (prefers-color-scheme:dark){:root{--back:#14171a;--ink:#e6e9ec;--soft:#9aa5b1;
--line:#343b43;--box:#1d2226;--bar:#6f9bff;--error:#ffb4ab;--error-back:#3b1715;
--warning:#ffd27a;--warning-back:#362a0c}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line)}
p{margin:.4rem 0;max-width:50rem}
nav a{color:inherit;margin-right:.9rem;font-size:.9rem;white-space:nowrap}
.findings{list-style:none;padding:0;margin:0}
.findings li{padding:.5rem .8rem;margin:.4rem 0;border-left:4px solid;
border-radius:4px;overflow-wrap:anywhere}
.error{color:var(--error);background:var(--error-back)}
.warning{color:var(--warning);background:var(--warning-back)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem .25rem 0;text-align:left;vertical-align:middle;
border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;white-space:normal}
td{white-space:nowrap}
img{display:block;width:100%;image-rendering:pixelated}
small{display:block;color:var(--soft);font-size:.72rem;line-height:1.2;margin-top:.15rem;
overflow-wrap:anywhere}
figcaption{font-size:.85rem;margin-top:.3rem;overflow-wrap:anywhere}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
@media print{:root{--back:#fff;--ink:#000;--soft:#444;--line:#bbb;--box:#f4f4f4;
--bar:#4b7bec;--error:#8c0000;--error-back:#fff;--warning:#5a3a00;--warning-back:#fff}
main{max-width:none;padding:0}.wide{overflow:visible}table{font-size:.7rem}
td{white-space:normal}nav{display:none}tr{break-inside:avoid}}
"""


class Markup(str):
    """Text that is HTML already."""


def escaped(value: object) -> str:
    """The value in HTML, escaped if it is no `Markup`."""
    return value if isinstance(value, Markup) else html.escape(str(value))


def document(
    title: str, introduction: str, sections: Iterable[str], style: str = ""
) -> str:
    """A whole page.

    Args:
      title: plain text.
      introduction: HTML, between the title and the links to the sections.
      sections: HTML, each made by `section`.
      style: CSS, besides `STYLE`.
    """
    name, content = escaped(title), "".join(sections)
    headings = re.findall('<h2 id="(.*?)">(.*?)(?:<span>.*?)?</h2>', content)
    links = " ".join(f'<a href="#{place}">{heading}</a>' for place, heading in headings)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}{style}</style></head>"
        f"<body><main><header><h1>{name}</h1>{introduction}<nav>{links}</nav></header>"
        f"{content}</main></body></html>\n"
    )


def section(title: str, content: str, more: str = "") -> str:
    """A part of the page that its links lead to.

    Args:
      title: plain text, as in the links.
      content: HTML.
      more: of the title, not in the links.
    """
    heading = escaped(title)
    rest = f"<span>: {escaped(more)}</span>" if more else ""
    top = f'<h2 id="{anchor(heading)}">{heading}{rest}</h2>'
    return f"<section>{top}{content}</section>"


def anchor(title: str) -> str:
    """A title as an id."""
    return re.sub("[^a-z0-9]+", "-", title.lower())


def table(
    heads: Iterable[object],
    rows: Iterable[Sequence[object]],
    *,
    named: bool = False,
    style: str = "",
) -> str:
    """A table in a box of its own that scrolls where it is too wide.

    Args:
      heads: of the columns.
      rows: of cells.
      named: the first cell of a row is the row's name.
      style: a class of `style`, or none.
    """
    top = "".join(f'<th scope="col">{escaped(head)}</th>' for head in heads)
    lines = "".join(f"<tr>{_row(row, named)}</tr>" for row in rows)
    kind = f' class="{style}"' if style else ""
    return scrolling(
        f"<table{kind}><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _row(row: Sequence[object], named: bool) -> str:
    cells = [f"<td>{escaped(cell)}</td>" for cell in row]
    if named:
        cells[0] = f'<th scope="row">{escaped(row[0])}</th>'
    return "".join(cells)


def scrolling(content: str) -> str:
    """A box that scrolls sideways, also by the keys."""
    return f'<div class="wide" tabindex="0">{content}</div>'


def png(picture: np.ndarray) -> str:
    """A picture uint8 [H, W, 3] as the address of an `img`."""
    return "data:image/png;base64," + base64.b64encode(png_file(picture)).decode()


def png_file(picture: np.ndarray) -> bytes:
    """A picture uint8 [H, W, 3] as a file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()
