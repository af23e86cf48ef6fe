"""The benchmark runs, its figures are positive and its file says what was measured."""

import json
import sys

import pytest
from absl import flags

from mgm_tf import benchmark
from tests import commands, fake_dataset

FAST = {"windows": 3, "window_seconds": 0.01, "log_every": 2}
ALONE = fake_dataset.ALONE | {"tasks": "segmentation,depth"}


def measure(tmp_path, data_dir, **settings):
    """Returns the file that the command writes with these flags."""
    path = tmp_path / "figures.json"
    values = fake_dataset.TINY | FAST | {"data_dir": data_dir, "json": path} | settings
    with commands.flags_of(benchmark):
        flags.FLAGS(["program", *commands.given(**values)])
        benchmark.main()
    return json.loads(path.read_text())


def check(rate):
    """Checks that a rate is positive and its median between its windows."""
    assert len(rate["windows"]) == 3 and min(rate["windows"]) > 0
    assert rate["median"] == sorted(rate["windows"])[1]


def test_reading_is_measure(tmp_path, data_dir, capsys):
    record = measure(tmp_path, data_dir, what="input", benchmark_datasets="rooms,nyuv2")
    assert record["what"] == "input" and set(record["input"]) == {"rooms", "nyuv2"}
    rooms = record["input"]["rooms"]
    check(rooms["disk"])
    check(rooms["memory"])
    assert rooms["tasks"] == ["segmentation", "depth", "normals"]
    assert (rooms["examples"], rooms["image_size"], rooms["batch_size"]) == (12, 64, 4)
    output = capsys.readouterr().out
    for text in (output, record["input"]["nyuv2"]["not measured"]):
        assert "not built" in text
    assert "median (least-most) of 3" in output
    assert record["machine"]["cpus"] >= 1 and record["machine"]["tensorflow"]


def test_a_flag_names_the_only_data_set(tmp_path, data_dir):
    record = measure(tmp_path, data_dir, what="input", dataset="rooms")
    assert set(record["input"]) == {"rooms"}


def test_the_step_is_measured_and_compared_with_reading(tmp_path, data_dir, capsys):
    record = measure(tmp_path, data_dir, what="step", **ALONE)["step"]
    assert set(record) == {"multi_task"}
    row = record["multi_task"]
    check(row["step"])
    check(row["read"])
    assert row["ratio"] == row["read"]["median"] / row["step"]["median"]
    assert row["batch_size"] == 4 and row["beside"] == {}
    assert "multi_task" in capsys.readouterr().out


def test_a_ratio_that_is_too_small_is_marked():
    rates = {"step": benchmark.Rate((10.0,)), "read": benchmark.Rate((29.0,))}
    table = benchmark._step_table({"a": {**rates, "ratio": 2.9}})
    assert table.endswith("2.9  below 3")
    table = benchmark._step_table({"a": {**rates, "ratio": 3.0}})
    assert table.endswith("3.0")


def test_an_unknown_data_set_is_refused(tmp_path, data_dir):
    with pytest.raises(ValueError, match="--benchmark_datasets=kitchens: rooms, "):
        measure(tmp_path, data_dir, what="input", benchmark_datasets="kitchens")


def test_every_argument_is_a_flag(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    with commands.flags_of(benchmark):
        assert flags.FLAGS["what"].parser.enum_values == list(benchmark.MEASURED)
