"""The benchmark runs, its figures are positive and its file says what was measured."""

import json
import sys

import pytest
from absl import flags

from mgm_tf.benchmark import __main__ as benchmark
from tests import commands, fake_dataset

FAST = {"windows": 3, "window_seconds": 0.01, "log_every": 2}
ALONE = fake_dataset.ALONE | {"tasks": "segmentation,depth"}
GRAPH = ALONE | {"run_eagerly": False}


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


def test_reading_is_measured(tmp_path, data_dir, capsys):
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
    machine = record["machine"]
    assert machine["cpus"] >= 1 and machine["tensorflow"] and machine["processor"]


def test_a_flag_names_the_only_data_set(tmp_path, data_dir):
    record = measure(tmp_path, data_dir, what="input", dataset="rooms")
    assert set(record["input"]) == {"rooms"}


def test_a_step_and_its_updates_are_measured(tmp_path, data_dir, capsys):
    changes = {"multi_task_length": "0steps", "joint_length": "1steps"}
    changes |= {"refinement": "eml", "passes": "sequential"}
    of_two_updates = GRAPH | changes
    record = measure(tmp_path, data_dir, what="step", **of_two_updates)["step"]
    assert list(record) == ["joint"] and list(record["joint"]["variants"]) == [""]
    parts = record["joint"]["variants"][""]
    assert list(parts) == ["step", "multi_task", "refine", "reading"]
    check(parts["reading"]["step"])
    check(parts["reading"]["read"])
    step, multi_task, refine = (parts[n] for n in ("step", "multi_task", "refine"))
    # The step is its updates, each of which passes M; the batch is read once.
    flops = multi_task["flops"] + refine["flops"]
    assert step["flops"] == pytest.approx(flops, rel=0.005)
    assert 0 < multi_task["flops"] < refine["flops"]
    for row in (step, multi_task, refine):
        assert len(row["timing"]["seconds"]) == 3
        speed = row["flops"] / row["timing"]["median"]
        assert row["flops_per_second"] == pytest.approx(speed)
        share = row["flops_per_second"] / record["joint"]["peak_flops"]
        assert row["share_of_peak"] == pytest.approx(share)
        assert row["first_call_seconds"] > 0 and row["activation_bytes"] > 0
        assert row["ratio"] == [1, 1, 1]
    assert "of peak" in capsys.readouterr().out


def test_variants_of_a_step_are_compared(tmp_path, data_dir, capsys):
    changes = GRAPH | {"tasks": "depth", "compare": "precision:float32,bfloat16"}
    record = measure(tmp_path, data_dir, what="step", **changes)["step"]
    variants = record["multi_task"]["variants"]
    assert list(variants) == ["precision=float32", "precision=bfloat16"]
    one, other = (variants[name]["step"] for name in variants)
    pairs = zip(other["timing"]["seconds"], one["timing"]["seconds"], strict=True)
    ratios = sorted(a / b for a, b in pairs)
    assert other["ratio"] == [ratios[1], ratios[0], ratios[2]]
    assert one["ratio"] == [1, 1, 1]
    # In half the bits, images are padded and values cast by operations of their own.
    assert one["flops"] < other["flops"] < 1.1 * one["flops"]
    # Each is held against convolutions of its own precision.
    peaks = record["multi_task"]["peaks"]
    assert list(peaks) == list(variants)
    for name, peak in peaks.items():
        row = variants[name]["step"]
        share = row["flops_per_second"] / peak
        assert row["share_of_peak"] == pytest.approx(share)
    assert "multi_task precision=bfloat16" in capsys.readouterr().out


def test_variants_of_other_stages_are_refused(tmp_path, data_dir):
    changes = GRAPH | {"compare": "multi_task_length:1steps,0steps"}
    with pytest.raises(ValueError, match="stage"):
        measure(tmp_path, data_dir, what="step", **changes)


def test_a_step_without_a_graph_is_refused(tmp_path, data_dir):
    with pytest.raises(ValueError, match="--run_eagerly: operations are counted"):
        measure(tmp_path, data_dir, what="step", **ALONE)


@pytest.mark.parametrize("text", ["pass:a,b", "width", "windows:1,2"])
def test_what_is_no_flag_of_a_setting_is_not_compared(tmp_path, data_dir, text):
    with pytest.raises(ValueError, match=f"--compare={text}: expected FLAG:VALUE"):
        measure(tmp_path, data_dir, what="step", compare=text)


def test_all_combinations_are_compared_and_no_flag_is_left_changed():
    with commands.flags_of(benchmark):
        flags.FLAGS(["program", "--width=0.5"])
        variants = benchmark.variants_of(["width:0.25,1", "seed:3,4"])
        assert flags.FLAGS["width"].value == 0.5
    assert {
        name: (settings.network.width, settings.run.seed)
        for name, settings in variants.items()
    } == {
        "width=0.25 seed=3": (0.25, 3),
        "width=0.25 seed=4": (0.25, 4),
        "width=1 seed=3": (1, 3),
        "width=1 seed=4": (1, 4),
    }


def test_predictions_are_measured(tmp_path, data_dir):
    record = measure(tmp_path, data_dir, what="evaluation", **ALONE)["evaluation"]
    assert list(record) == ["1", "8", "32"]
    for number, row in record.items():
        speed = int(number) / row["timing"]["median"]
        assert row["images_per_second"] == pytest.approx(speed)


def test_an_unknown_data_set_is_refused(tmp_path, data_dir):
    with pytest.raises(ValueError, match="--benchmark_datasets=kitchens: rooms, "):
        measure(tmp_path, data_dir, what="input", benchmark_datasets="kitchens")


def test_every_argument_is_a_flag(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    with commands.flags_of(benchmark):
        assert flags.FLAGS["what"].parser.enum_values == list(benchmark.MEASURED)
