"""RESULTS.md says what the records in `results/` say."""

import pathlib

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
