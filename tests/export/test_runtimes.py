"""The networks in other runtimes: they predict the same, or there is no file."""

import numpy as np
import pytest

from mgm_tf.export import runtimes
from mgm_tf.export.predictor import Predictor
from tests import toy

TASKS = ("segmentation", "depth")
# What brings each of them.
NEEDS = {"litert": ("ai_edge_litert",), "onnx": ("tf2onnx", "onnxruntime")}


@pytest.fixture(scope="module")
def predictor():
    networks = toy.tiny_networks(TASKS)
    return Predictor(networks, toy.tasks_of(TASKS), None, toy.SIZE)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", runtimes.RUNTIMES)
def test_a_runtime_predicts_as_the_networks_do(predictor, name, tmp_path):
    for package in NEEDS[name]:
        reason = f"{package} is brought by requirements-runtimes.txt"
        pytest.importorskip(package, reason=reason)
    (tmp_path / "assets.extra").mkdir()
    sample = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    assert runtimes.written(tmp_path) == set() and not runtimes.record_of(tmp_path)
    runtimes.write(predictor, [name], tmp_path, sample)
    file = tmp_path / "assets.extra" / runtimes.RUNTIMES[name].file
    record = runtimes.record_of(tmp_path)
    assert runtimes.written(tmp_path) == {name} and list(record) == [file.name]
    facts = record[file.name]
    assert runtimes.text(record).startswith(f"{file.name}: ")
    assert facts["bytes"] == file.stat().st_size
    names = {*TASKS, "segmentation_probabilities"}
    assert set(facts["differences"]) == names
    # The file by itself, on images that it was not compared on.
    images = np.random.default_rng(2).uniform(0, 255, (1, toy.SIZE, toy.SIZE, 3))
    images = images.astype(np.float32)
    outputs = runtimes.RUNTIMES[name].load(file.read_bytes())(images)
    expected = predictor.of_resized(images)
    np.testing.assert_allclose(outputs["depth"], expected["depth"], atol=1e-4)
    assert np.std(outputs["depth"]) > 1e-3


def test_what_differs_is_not_written(predictor, tmp_path, monkeypatch):
    def load(content):
        run = runtimes._in_tensorflow(predictor)
        return lambda images: run(images) | {"depth": run(images)["depth"] + 0.01}

    wrong = runtimes.Runtime("model.wrong", lambda predictor: b"x", load)
    monkeypatch.setitem(runtimes.RUNTIMES, "wrong", wrong)
    (tmp_path / "assets.extra").mkdir()
    sample = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="wrong differs from the networks: depth by"):
        runtimes.write(predictor, ["wrong"], tmp_path, sample)
    assert list((tmp_path / "assets.extra").iterdir()) == []


def test_a_runtime_that_is_not_installed_is_named(predictor, tmp_path, monkeypatch):
    def convert(predictor):
        raise ImportError(name="tf2onnx")

    missing = runtimes.Runtime("model.none", convert, lambda content: None)
    monkeypatch.setitem(runtimes.RUNTIMES, "none", missing)
    with pytest.raises(ValueError, match="--runtime=none needs tf2onnx: pip install"):
        runtimes.write(predictor, ["none"], tmp_path, np.zeros((8, 8, 3), np.uint8))
