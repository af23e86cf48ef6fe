"""RESULTS.md says what the records in `results/` say."""

import itertools
import pathlib
import re

from mgm_tf.experiments import gpu_hours
from mgm_tf.experiments.registry import TABLES
from mgm_tf.experiments.report import assemble, find, markdown_file, parts

ROOT = pathlib.Path(__file__).parent.parent
MOST = 5 * 2**20  # bytes of all records


def test_the_marked_parts_are_those_of_the_records(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / "RESULTS.md").read_text()
    record = assemble(TABLES, find(["results"]), names=["X5"])
    made = parts(record) | {
        name: cost
        for name in markdown_file.marked(text)
        if (cost := gpu_hours.part(name)) is not None
    }
    assert {"table X5", "cost of table 2 on nyuv2"} <= set(markdown_file.marked(text))
    assert markdown_file.filled(text, made) == text, "make results writes it anew"


def test_records_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "results").iterdir()) < MOST


def test_the_table_of_the_first_page_is_that_of_the_records(monkeypatch):
    monkeypatch.chdir(ROOT)
    lines = (ROOT / "README.md").read_text().splitlines()
    (head,) = (line for line in lines if re.match(r"\| \d+ labelled rooms of", line))
    labelled, all_rooms = map(int, re.findall(r"\d+", head)[:2])
    setting = f"rooms {100 * labelled / all_rooms:g} %"
    (table,) = assemble(TABLES, find(["results"]), names=["X5"])["tables"]
    (block,) = (block for block in table["blocks"] if block["name"] == setting)
    cells = {row["name"]: row["cells"] for row in block["rows"]}
    begin = lines.index(head) + 2
    shown = list(itertools.takewhile(lambda line: line.startswith("|"), lines[begin:]))
    assert len(shown) >= 5
    for line in shown:
        name, *figures = (part.strip() for part in line.strip("|").split("|"))
        ours = [cell["ours"] for cell in cells[name.split(":")[0]].values()]
        expected = [f"{each['mean']:.3f} ± {each['std']:.3f}" for each in ours]
        assert figures == expected, line
        assert {each["n"] for each in ours} == {3}
