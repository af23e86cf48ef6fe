"""Scalars as JSON lines and in TensorBoard, pictures in TensorBoard."""

import io
import json
import math

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mgm_tf.train import logs


def tensorboard(workdir) -> EventAccumulator:
    """Reads what TensorBoard finds in the folder of a run."""
    events = EventAccumulator(str(workdir / "tensorboard"), {"images": 0, "tensors": 0})
    return events.Reload()


def values(events: EventAccumulator, name: str) -> dict[int, float]:
    """Returns the values of a scalar by step."""
    return {
        event.step: float(np.frombuffer(event.tensor_proto.tensor_content, "f4")[0])
        if event.tensor_proto.tensor_content
        else event.tensor_proto.float_val[0]
        for event in events.Tensors(name)
    }


@pytest.fixture
def log(tmp_path):
    return logs.Log(tmp_path)


def test_scalars_are_lines_of_json(log, tmp_path):
    log.scalars(3, "joint", {"loss/a/b": 0.5, "images_per_second": 10.0})
    log.scalars(6, "joint", {"loss/a/b": 0.25})
    log.event(6, "joint", "finished")
    lines = [
        json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().split("\n")[:-1]
    ]
    assert lines == logs.read(tmp_path)
    times = [line.pop("time") for line in lines]
    assert times == sorted(times)
    assert lines == [
        {"step": 3, "stage": "joint", "loss/a/b": 0.5, "images_per_second": 10.0},
        {"step": 6, "stage": "joint", "loss/a/b": 0.25},
        {"step": 6, "stage": "joint", "event": "finished"},
    ]


def test_a_scalar_that_is_not_finite_is_null(log, tmp_path):
    log.scalars(1, "joint", {"a": math.nan, "b": math.inf, "c": 1.0})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in text and "Infinity" not in text
    line = json.loads(text)
    assert (line["a"], line["b"], line["c"]) == (None, None, 1.0)


def test_tensorboard_finds_scalars_by_step(log, tmp_path):
    log.scalars(3, "joint", {"loss/a/b": 0.5})
    log.scalars(6, "joint", {"loss/a/b": 0.25})
    log.flush()
    assert values(tensorboard(tmp_path), "loss/a/b") == {3: 0.5, 6: 0.25}


def test_tensorboard_finds_pictures_and_texts(log, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    log.picture(4, "generated", picture)
    log.text(0, "settings", "--width=1")
    log.flush()
    events = tensorboard(tmp_path)
    event = events.Tensors("generated")[0]
    width, height, png = event.tensor_proto.string_val
    assert (event.step, width, height) == (4, b"7", b"5")
    np.testing.assert_array_equal(Image.open(io.BytesIO(png)), picture)
    assert events.Tensors("settings")[0].tensor_proto.string_val == [b"--width=1"]


def test_a_resumed_run_goes_on_in_the_same_files(log, tmp_path):
    log.scalars(3, "joint", {"a": 1.0})
    log.flush()
    resumed = logs.Log(tmp_path)
    resumed.scalars(6, "joint", {"a": 2.0})
    resumed.flush()
    assert [line["step"] for line in logs.read(tmp_path)] == [3, 6]
    assert values(tensorboard(tmp_path), "a") == {3: 1.0, 6: 2.0}
