"""An exported model predicts as the networks that were trained, or is an error."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import mgm_tf
from mgm_tf.benchmark import exported as measured
from mgm_tf.benchmark.reading import Windows
from mgm_tf.export import comparison, saved_model, signatures, versions
from mgm_tf.export.predictor import Predictor
from mgm_tf.tasks.scenes import MultiHot
from mgm_tf.train import devices
from tests.export.toy_export import (
    SCENE_CLASSES,
    SCENES,
    SIZE,
    TASKS,
    build_networks,
)


@pytest.fixture
def networks():
    return build_networks()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A version that tests read only."""
    return saved_model.export(
        build_networks(),
        TASKS,
        SCENE_CLASSES,
        SIZE,
        tmp_path_factory.mktemp("exported") / "model",
        fingerprint="a",
        sample=np.full((20, 30, 3), 100, np.uint8),
        extra={"step": 7},
    )


@pytest.fixture
def export(networks, tmp_path):
    def run(fingerprint="a", scene_classes=SCENE_CLASSES, **options):
        return saved_model.export(
            networks,
            TASKS,
            scene_classes,
            SIZE,
            tmp_path / "model",
            fingerprint=fingerprint,
            **options,
        )

    return run


def test_predictions_by_hand(networks):
    white = np.full((1, 5, 9, 3), 255, np.uint8)  # x = 1
    outputs = Predictor(networks, TASKS, SCENE_CLASSES, SIZE)(white)
    np.testing.assert_allclose(outputs["depth"], np.full((1, SIZE, SIZE), 5.0))
    np.testing.assert_array_equal(outputs["segmentation"], np.zeros((1, SIZE, SIZE)))
    sigmoid = 1 / (1 + np.exp(-np.array([2.0, -2.0])))
    np.testing.assert_allclose(
        outputs["segmentation_probabilities"][0, 0, 0], sigmoid, rtol=1e-6
    )
    # Coded 0.75, 0.75, 1 is 0.5, 0.5, 1 before it gets unit length.
    normal = np.array([1.0, 1.0, 2.0]) / np.sqrt(6)
    np.testing.assert_allclose(outputs["normals"][0, 3, 3], normal, rtol=1e-6)
    np.testing.assert_allclose(
        outputs["scene_probabilities"], [[0.7310586, 0.2689414]], rtol=1e-6
    )
    assert outputs["segmentation"].dtype == tf.int32


def test_without_scenes_no_refiner_is_needed(networks):
    del networks["refiner"]
    outputs = Predictor(networks, TASKS, None, SIZE)(np.zeros((1, 4, 4, 3), np.uint8))
    assert "scene_probabilities" not in outputs
    with pytest.raises(ValueError, match=r"missing: refiner \(given: encoder, decoder"):
        Predictor(networks, TASKS, SCENE_CLASSES, SIZE)


def test_the_loaded_model_predicts_the_same(networks, exported):
    path = exported
    model = versions.load(path.parent)
    assert model.path == path and model.info.scene_names == SCENES
    assert model.record["extra"] == {"step": 7} and model.info.image_size == SIZE
    assert model.info.tasks == {task.name: task.info for task in TASKS}
    predictor = Predictor(networks, TASKS, SCENE_CLASSES, SIZE)
    for number in (1, 2, 5):
        images = np.random.default_rng(0).integers(0, 256, (number, 13, 6, 3))
        expected = {
            name: value.numpy()
            for name, value in predictor(images.astype(np.uint8)).items()
        }
        for dtype in (np.uint8, np.float32):
            actual = model(images.astype(dtype))
            comparison.compare(expected, actual, TASKS, "test")


def test_several_labels_have_a_probability_each(networks, export):
    model = versions.load(export(scene_classes=MultiHot(SCENES)))
    assert model.info.label_kind == "multi_hot" and model.info.scene_names == SCENES
    white = np.full((1, 5, 9, 3), 255, np.uint8)
    # Logits 1 and 0.
    np.testing.assert_allclose(
        model(white)["scene_probabilities"], [[0.7310586, 0.5]], rtol=1e-6
    )


def test_without_labels_there_are_no_scene_classes(export):
    model = versions.load(export(scene_classes=None))
    assert (model.info.scene_names, model.info.label_kind) == ((), "categorical")
    assert "scene_probabilities" not in model(np.zeros((1, 4, 4, 3), np.uint8))


def test_signatures(exported):
    model = tf.saved_model.load(str(exported))
    for endpoint, dtype in signatures.RAW.items():
        signature = model.signatures[endpoint]
        spec = signature.structured_input_signature[1]["images"]
        assert (spec.dtype, spec.shape.as_list()) == (dtype, [None, None, None, 3])
        outputs = signature(images=tf.zeros((2, 4, 4, 3), dtype))
        assert set(outputs) == {
            "segmentation",
            "segmentation_probabilities",
            "depth",
            "normals",
            "scene_probabilities",
        }


@pytest.fixture
def first(exported, tmp_path):
    """The exported version as the first one of `export`."""
    return shutil.copytree(exported, tmp_path / "model" / "1")


def test_versions_count_up_and_the_same_model_is_reused(first, export, capsys):
    reused = export("a")
    assert reused == first and f"{reused} already holds" in capsys.readouterr().out
    (first.parent / "10").mkdir()  # someone else's
    (first.parent / "notes").mkdir()
    assert export("a").name == "11"
    assert versions.load(first.parent).path.name == "11"
    assert versions.load(first).path.name == "1"


def test_a_version_with_fewer_signatures_predicts_and_is_not_reused(first, export):
    record = json.loads((first / versions.RECORD).read_text())
    del record["signatures"]
    (first / versions.RECORD).write_text(json.dumps(record))
    white = np.full((1, 5, 9, 3), 255, np.uint8)
    np.testing.assert_allclose(versions.load(first)(white)["depth"][0, 0, 0], 5.0)
    assert export("a").name == "2"


def test_another_format_is_not_reused(first, export):
    path = first
    record = json.loads((path / versions.RECORD).read_text())
    (path / versions.RECORD).write_text(json.dumps(record | {"format": 0}))
    with pytest.raises(ValueError, match="expected format 1, got 0"):
        versions.load(path)
    assert export("a").name == "2"


def test_other_weights_in_the_saved_model_are_an_error(export, tmp_path, monkeypatch):
    restore = versions.restore

    def tampered(path):
        model = restore(path)
        variables = model.signatures["serving_default"].variables
        (bias,) = (v for v in variables if v.shape == (3,))
        bias.assign_add(np.full(3, 2e-5, np.float32))
        return model

    monkeypatch.setattr(saved_model, "restore", tampered)
    with pytest.raises(
        ValueError, match="saved model's serving_default differs .* depth by"
    ):
        export()
    assert not list((tmp_path / "model").glob("*"))


def test_networks_of_two_replicas_are_exported_once(tmp_path):
    with devices.strategy_of(2).scope():
        networks = build_networks()
    path = saved_model.export(
        networks, TASKS, SCENE_CLASSES, SIZE, tmp_path, fingerprint="replicas"
    )
    white = np.full((1, 5, 9, 3), 255, np.uint8)
    np.testing.assert_allclose(versions.load(path)(white)["depth"][0, 0, 0], 5.0)


def test_the_speed_of_every_signature_is_measured(exported):
    record, table = measured.measure(exported, Windows(1, 0.0), batch_sizes=(1, 3))
    assert not any("ratio" in row["1"] for row in record.values())
    features = Predictor(build_networks(), TASKS, None, SIZE).features
    beside, _ = measured.measure(
        exported, Windows(3, 0.0), (2,), {"features": features}
    )
    row = beside["features"]["2"]
    pairs = zip(row["timing"].seconds, row["in_process"].seconds, strict=True)
    quotients = sorted(one / other for one, other in pairs)
    assert row["ratio"] == (quotients[1], quotients[0], quotients[2])
    assert tuple(record) == signatures.NAMES[:-1]  # there is no generator
    for row in record.values():
        assert set(row) == {"1", "3"}
        rate = row["3"]["images_per_second"]
        assert rate == 3 / row["3"]["timing"].median
    assert "serving_bytes_full" in table


def test_weights_are_stored_once(exported):
    variables = tf.train.list_variables(str(exported / "variables" / "variables"))
    assert sorted(shape for _, shape in variables if shape) == [[3], [3, 3]]


def test_an_endpoint_that_differs_is_named(export, monkeypatch):
    restore = versions.restore

    def tampered(path):
        model = restore(path)
        model.signatures._signatures["serving_uint8"] = lambda images: model.signatures[
            "serving_default"
        ](images=tf.cast(images, tf.float32) + 1)
        return model

    monkeypatch.setattr(saved_model, "restore", tampered)
    with pytest.raises(ValueError, match="serving_uint8"):
        export()


def outputs(depth=1.0, ids=0, probabilities=(0.7, 0.3)):
    return {
        "depth": np.array([[depth]]),
        "segmentation": np.array([[ids]]),
        "segmentation_probabilities": np.array([[probabilities]]),
    }


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        (outputs(depth=1.0), outputs(depth=1.00002), "depth by 2e-05; at"),
        (outputs(depth=1.0), outputs(depth=np.nan), "depth by nan"),
        (outputs(ids=0), outputs(ids=1), "segmentation by 1;"),
        (outputs(), {"depth": np.zeros(1)}, "has outputs .'depth'., not"),
        (outputs(), outputs() | {"depth": np.zeros(2)}, "has shape"),
    ],
)
def test_differences_are_errors(expected, actual, message):
    with pytest.raises(ValueError, match=message):
        comparison.compare(expected, actual, TASKS, "here")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (outputs(depth=1.0), outputs(depth=1.000009)),
        (outputs(depth=100.0), outputs(depth=100.0009)),  # relative beyond 1
        # Both classes are as likely, up to rounding.
        (outputs(0, 0, (0.5, 0.5)), outputs(0, 1, (0.499996, 0.500004))),
    ],
)
def test_rounding_is_no_error(expected, actual):
    comparison.compare(expected, actual, TASKS, "here")


def test_loading_says_what_is_missing(exported, tmp_path):
    with pytest.raises(ValueError, match="No saved model in .*nowhere: expected"):
        versions.load(tmp_path / "nowhere")
    path = shutil.copytree(exported, tmp_path / "model" / "1")
    (path / versions.RECORD).unlink()
    with pytest.raises(ValueError, match=r"mgm\.json is missing"):
        versions.load(path.parent)


def test_the_package_loads_an_exported_model(exported):
    path = exported
    model = mgm_tf.load(path.parent)
    assert isinstance(model, versions.LoadedModel) and model.path == path
    white = np.full((1, 5, 9, 3), 255, np.uint8)
    np.testing.assert_allclose(model(white)["depth"], np.full((1, SIZE, SIZE), 5.0))
    assert mgm_tf.load(str(path)).path == path
    with pytest.raises(ValueError, match="No saved model in .*nowhere: expected"):
        mgm_tf.load(path / "nowhere")


def test_the_package_is_imported_without_tensorflow():
    code = "import sys, mgm_tf; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_damaged_version_is_exported_anew(export, tmp_path, capsys):
    first = export()
    (data,) = (first / "variables").glob("variables.data-*")
    contents = bytearray(data.read_bytes())
    contents[len(contents) // 2] ^= 1
    data.write_bytes(contents)
    second = export()
    assert second.name == "2"
    assert f"{data} is not as it was exported: exported anew" in capsys.readouterr().out
    assert export() == second
    (second / versions.RECORD).write_text("[]")
    assert export().name == "3"
    assert "expected format" in capsys.readouterr().out
    # A folder that TensorFlow takes for a pattern.
    odd = tmp_path / "lr[0.1]"
    second.rename(odd)
    assert versions.restore(odd).signatures
