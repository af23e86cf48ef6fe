"""Reports of finished runs: the paper's tables and figures with our figures in them.

    runs = find(["runs"])
    record = assemble(TABLES, runs, habits=...)
    write(record, drawings(record, runs), "report")

`report.json` is the record (see `assemble`), `report.html` opens anywhere without a
server or a network, `report.md` shows the pictures beside it. No TensorFlow is needed.
"""

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from mgm_tf.experiments.report import content, markdown, page
from mgm_tf.experiments.report.assemble import assemble
from mgm_tf.experiments.report.drawn import Drawing
from mgm_tf.experiments.report.figures import drawings
from mgm_tf.experiments.report.layout import Document, Pictures, files
from mgm_tf.experiments.report.runs import find
from mgm_tf.plotting import html

__all__ = ["assemble", "drawings", "find", "write"]


def write(
    record: dict, drawn: Mapping[str, Sequence[Drawing]], folder: str | pathlib.Path
) -> pathlib.Path:
    """Writes the report into a folder, in three forms; returns the page.

    Args:
      record: of `assemble`.
      drawn: of `drawings`.
      folder: made if it is not there.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    report = content.document(record, drawn)
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown.markdown(report), encoding="utf-8")
    for pictures in _pictures(report):
        (folder / markdown.FOLDER).mkdir(exist_ok=True)
        for name, one in files(pictures):
            (folder / markdown.FOLDER / name).write_bytes(_file(one))
    path = folder / "report.html"
    path.write_text(page.page(report), encoding="utf-8")
    return path


def _pictures(report: Document) -> Iterator[Pictures]:
    for section in report.sections:
        yield from (part for part in section.parts if isinstance(part, Pictures))


def _file(one: Drawing) -> bytes:
    return one.svg.encode() if one.pixels is None else html.png_file(one.pixels)
