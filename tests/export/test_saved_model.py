"""An exported model predicts as the networks that were trained, or is an error."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import mgm_tf
from datasets.metadata import depth_info, normals_info, segmentation_info
from mgm_tf.export import saved_model, versions
from mgm_tf.export.predictor import Predictor
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical, MultiHot
from mgm_tf.train import devices

SIZE = 8
SCENES = ("bedroom", "kitchen")
SCENE_CLASSES = Categorical(SCENES)
TASKS = tuple(
    task_of(info)
    for info in (
        segmentation_info(("wall", "bed"), ((1, 2, 3), (4, 5, 6))),
        depth_info(target_shift=2.0, target_scale=3.0),
        normals_info(),
    )
)


class Encoder(keras.Model):
    """A network that returns images as they are, by weights."""

    def __init__(self):
        super().__init__()
        self.same = keras.layers.Dense(3, kernel_initializer="identity")

    def call(self, images, training=False):
        if training:
            raise ValueError("Prediction is no training.")
        return self.same(images)


class Decoders(keras.Model):
    """Decoders: logits (x, -x) and depth x of grey x in [-1, 1]; normals (1, 1, 2)."""

    def call(self, features, training=False):
        grey = tf.reduce_mean(features, axis=-1, keepdims=True)
        return {
            "segmentation": tf.concat([grey, -grey], -1),
            "depth": grey,
            "normals": 0.75 + 0.0 * features + tf.constant([0.0, 0.0, 0.25]),
        }


class Refiner(keras.Model):
    """A refiner with the logits (mean x, 0)."""

    def call(self, predictions, training=False):
        mean = tf.reduce_mean(predictions["depth"], axis=(1, 2))
        return tf.concat([mean, tf.zeros_like(mean)], -1)


def build_networks():
    networks = {"encoder": Encoder(), "decoders": Decoders(), "refiner": Refiner()}
    features = networks["encoder"](tf.zeros((1, SIZE, SIZE, 3)))
    networks["refiner"](networks["decoders"](features))
    return networks


@pytest.fixture
def networks():
    return build_networks()


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


def test_the_loaded_model_predicts_the_same(networks, export):
    path = export(sample=np.full((20, 30, 3), 100, np.uint8), extra={"step": 7})
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
            saved_model.compare(expected, actual, TASKS, "test")


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


def test_signatures(export):
    model = tf.saved_model.load(str(export()))
    for endpoint, dtype in saved_model.ENDPOINTS.items():
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


def test_versions_count_up_and_the_same_model_is_reused(export, capsys):
    assert export("a").name == "1"
    assert export("b").name == "2"
    reused = export("b")
    assert reused.name == "2" and f"{reused} already holds" in capsys.readouterr().out
    (reused.parent / "10").mkdir()  # someone else's
    (reused.parent / "notes").mkdir()
    assert export("b").name == "11"
    assert versions.load(reused.parent).path.name == "11"
    assert versions.load(reused).path.name == "2"


def test_another_format_is_not_reused(export):
    path = export("a")
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
    with pytest.raises(ValueError, match="serving_default: the saved .* depth by"):
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


def test_weights_are_stored_once(export):
    variables = tf.train.list_variables(str(export() / "variables" / "variables"))
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
        saved_model.compare(expected, actual, TASKS, "here")


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
    saved_model.compare(expected, actual, TASKS, "here")


def test_loading_says_what_is_missing(export, tmp_path):
    with pytest.raises(ValueError, match="No saved model in .*nowhere: expected"):
        versions.load(tmp_path / "nowhere")
    path = export()
    (path / versions.RECORD).unlink()
    with pytest.raises(ValueError, match=r"mgm\.json is missing"):
        versions.load(path.parent)


def test_the_package_loads_an_exported_model(export):
    path = export()
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
    # A folder that TensorFlow takes for a pattern.
    odd = tmp_path / "lr[0.1]"
    second.rename(odd)
    assert versions.restore(odd).signatures
