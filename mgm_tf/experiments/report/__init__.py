"""Reports of finished runs: the paper's tables and figures with our figures in them.

    runs = find(["runs"])
    record = assemble(TABLES, runs, changeable=...)
    write(record, drawings(record, runs), "report")

`report.json` is the record (see `assemble`), `report.csv` has its cells, a line each,
`report.html` opens anywhere without a
server or a network, `report.md` shows the files in `pictures/`. No TensorFlow is
needed.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

from mgm_tf.experiments.report import content, flat_tables
from mgm_tf.experiments.report.assemble import assemble
from mgm_tf.experiments.report.figures import drawings
from mgm_tf.experiments.report.layout import Document, Drawing, Pictures
from mgm_tf.experiments.report.runs import find
from mgm_tf.files import whole
from mgm_tf.plotting import html

__all__ = ["assemble", "drawings", "find", "parts", "write"]

PICTURES = "pictures"  # the folder of the files that the Markdown shows


def write(
    record: dict,
    drawings_by_id: Mapping[str, Sequence[Drawing]],
    folder: str | pathlib.Path,
) -> pathlib.Path:
    """Writes the report into a folder as JSON, CSV, Markdown and HTML.

    Args:
      record: the result of `assemble`.
      drawings_by_id: the result of `drawings`.
      folder: the place of the files, made if it is not there.

    Returns:
      The path of the HTML page.
    """
    folder = pathlib.Path(folder)
    whole.make_folder(folder)
    report = content.document(record, drawings_by_id)
    values = {
        field.name: getattr(report, field.name) for field in dataclasses.fields(report)
    }
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    whole.write_text(folder / "report.json", text + "\n")
    whole.write_text(folder / "report.csv", flat_tables.as_csv(record))
    text = html.render("report.md.j2", **values, folder=PICTURES)
    whole.write_text(folder / "report.md", text)
    _write_pictures(report, folder / PICTURES)
    path = folder / "report.html"
    whole.write_text(path, html.render("report.html.j2", **values))
    return path


def parts(record: dict) -> dict[str, str]:
    """Returns the parts that a Markdown file may have, see `markdown_file`.

    Args:
      record: the result of `assemble`.

    Returns:
      `table NAME`: the figures, costs and remarks of a table; `tried NAME`: what was
      tried beside its rows; `claims NAME`: how its claims came out.
    """
    return {
        name: html.render("sections.md.j2", parts=section, folder=PICTURES)
        for name, section in content.sections(record).items()
    }


def _write_pictures(report: Document, folder: pathlib.Path) -> None:
    for section in report.sections:
        for part in section.parts:
            if isinstance(part, Pictures):
                whole.make_folder(folder)
                for name, drawing in part.files():
                    whole.write_bytes(folder / name, _file(drawing))


def _file(drawing: Drawing) -> bytes:
    if drawing.pixels is None:
        return drawing.svg.encode()
    return html.png_file(drawing.pixels)
