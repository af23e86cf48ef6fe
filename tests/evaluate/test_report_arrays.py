"""What a report shows of a run is in its folder, of a stand-in for the run."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import TaskInfo
from mgm_tf.data import inputs
from mgm_tf.data.examples import Reader, network_images
from mgm_tf.evaluate import report_arrays
from mgm_tf.method.adversarial import Noise
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical
from tests import fake_dataset
from tests.fake_dataset import INFO, SCENES

TASKS = tuple(task_of(INFO.tasks[name]) for name in ("segmentation", "depth"))
NAMES = tuple(task.name for task in TASKS)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    builder = fake_dataset.build(tmp_path_factory.mktemp("data"))
    return {
        name: inputs.Split(builder, name, NAMES, "memory") for name in ("train", "test")
    }


def predict(images):
    """A floor where an image is green, and 3 m everywhere."""
    size = images.shape[1]
    likely = tf.stack([-images[..., 1], images[..., 1], -2 - images[..., 0]], axis=-1)
    return {
        "segmentation": likely,
        "depth": tf.fill((len(images), size, size, 1), 3.0),
    }


def paint(z, condition, training):
    """z in red, and 1 in green for the second class."""
    colours = tf.stack([tf.tanh(z[:, 0]), condition[:, 1], condition[:, 1]], axis=-1)
    return tf.broadcast_to(colours[:, None, None], (len(z), 8, 8, 3))


def run_of(splits, networks=None, helpers=None):
    return types.SimpleNamespace(
        tasks=TASKS,
        data=types.SimpleNamespace(test=splits["test"]),
        predict=predict,
        networks=networks or {},
        helpers=helpers or {},
        stages=("multi_task", "joint"),
        examples=lambda stage, workdir: (splits["train"], {}),
        reader=lambda stage: Reader(TASKS, Categorical(SCENES), 3, 4),
        method=types.SimpleNamespace(generate=types.SimpleNamespace(latent=Noise(2))),
    )


def kept(workdir, name):
    with np.load(workdir / "exhibits" / f"{name}.npz") as arrays:
        return dict(arrays)


def test_predictions_stand_beside_the_labels(splits, tmp_path):
    report_arrays.write(run_of(splits), tmp_path)
    found = kept(tmp_path, "predictions")
    parts = ("prediction", "target", "valid")
    assert set(found) == {"image"} | {f"{p}_{name}" for p in parts for name in NAMES}
    # All three test images, in order.
    expected = [fake_dataset.example("test", number) for number in range(3)]
    np.testing.assert_array_equal(found["image"], [e["image"] for e in expected])
    for task in TASKS:
        physical, valid = task.info.decode(np.stack([e[task.name] for e in expected]))
        target = found[f"target_{task.name}"]
        np.testing.assert_allclose(target, physical, rtol=1e-6)
        np.testing.assert_array_equal(found[f"valid_{task.name}"], valid)
    # Metres and class numbers, not the network's coding of them.
    assert np.all(found["prediction_depth"] == 3)
    classes = predict(network_images(found["image"]))["segmentation"]
    np.testing.assert_array_equal(
        found["prediction_segmentation"][..., 0], np.argmax(classes, axis=-1)
    )


def test_records_of_the_tasks_can_be_read_again(splits, tmp_path):
    report_arrays.write(run_of(splits), tmp_path)
    records = json.loads((tmp_path / "exhibits" / "tasks.json").read_text())
    assert list(records) == list(NAMES)
    for task in TASKS:
        again = TaskInfo(**records[task.name])
        assert again.class_names == list(task.info.class_names)
        assert (again.scale, again.unit) == (task.info.scale, task.info.unit)


def test_without_a_generator_nothing_is_generated(splits, tmp_path):
    report_arrays.write(run_of(splits), tmp_path)
    files = {path.name for path in (tmp_path / "exhibits").iterdir()}
    assert files == {"predictions.npz", "tasks.json"}


def test_generated_images_have_a_row_for_each_scene(splits, tmp_path):
    report_arrays.write(run_of(splits, {"generator": paint}), tmp_path)
    found = kept(tmp_path, "samples")
    assert tuple(found["titles"]) == SCENES
    assert found["images"].shape == (3, 6, 8, 8, 3)
    assert found["images"].dtype == np.uint8
    # Green in the second row; the same noise in each.
    assert (found["images"][:, 0, 0, 0, 1] > 200).tolist() == [False, True, False]
    np.testing.assert_array_equal(
        found["images"][0, ..., 0], found["images"][2, ..., 0]
    )
    assert not (tmp_path / "exhibits" / "oracle.npz").exists()


def test_what_an_oracle_says_of_generated_images(splits, tmp_path):
    run = run_of(splits, {"generator": paint}, {"oracle": predict})
    report_arrays.write(run, tmp_path)
    found, samples = kept(tmp_path, "oracle"), kept(tmp_path, "samples")
    # The first six: the first row.
    np.testing.assert_array_equal(found["image"], samples["images"][0])
    assert found["segmentation"].shape == (6, 8, 8, 1)
    expected = np.argmax(predict(network_images(found["image"]))["segmentation"], -1)
    np.testing.assert_array_equal(found["segmentation"][..., 0], expected)
