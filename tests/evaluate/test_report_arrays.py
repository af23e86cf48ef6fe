"""The arrays of a report, of a stand-in for the run."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import TaskInfo
from mgm_tf.data.examples import Reader, network_images
from mgm_tf.data.splits import Split
from mgm_tf.evaluate import report_arrays
from mgm_tf.method.adversarial import Noise
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical
from mgm_tf.train.batch_statistics import TestTime
from tests import fake_dataset
from tests.fake_dataset import INFO, SCENES

TASKS = tuple(task_of(INFO.tasks[name]) for name in ("segmentation", "depth"))
NAMES = tuple(task.name for task in TASKS)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    builder = fake_dataset.build(tmp_path_factory.mktemp("data"))
    return {name: Split(builder, name, NAMES, "memory") for name in ("train", "test")}


def predict(images):
    """Predicts a floor where an image is green, and 3 m everywhere."""
    size = images.shape[1]
    likely = tf.stack([-images[..., 1], images[..., 1], -2 - images[..., 0]], axis=-1)
    return {
        "segmentation": likely,
        "depth": tf.fill((len(images), size, size, 1), 3.0),
    }


def paint(z, condition, training):
    """Paints z in red, and 1 in green for the second class."""
    colours = tf.stack([tf.tanh(z[:, 0]), condition[:, 1], condition[:, 1]], axis=-1)
    return tf.broadcast_to(colours[:, None, None], (len(z), 8, 8, 3))


def fake_experiment(splits, networks=None, helpers=None):
    reader, latent = Reader(TASKS, Categorical(SCENES), 3, 4), Noise(2)
    train, networks = splits["train"], networks or {}
    return types.SimpleNamespace(
        tasks=TASKS,
        data=types.SimpleNamespace(test=splits["test"]),
        predict=predict,
        networks=networks,
        helpers=helpers or {},
        stages=("multi_task", "joint"),
        examples=lambda stage, workdir: (train, {}),
        reader=lambda stage: reader,
        method=types.SimpleNamespace(generate=types.SimpleNamespace(latent=latent)),
        test_time=TestTime(networks, train, reader, latent, images=4, eagerly=True),
    )


def saved_arrays(workdir, name):
    with np.load(workdir / "exhibits" / f"{name}.npz") as file:
        return dict(file)


def test_predictions_are_saved_with_the_labels(splits, tmp_path):
    report_arrays.write(fake_experiment(splits), tmp_path)
    arrays = saved_arrays(tmp_path, "predictions")
    parts = ("prediction", "target", "valid")
    assert set(arrays) == {"image"} | {f"{p}_{name}" for p in parts for name in NAMES}
    # All three test images, in order.
    expected = [fake_dataset.example("test", number) for number in range(3)]
    np.testing.assert_array_equal(arrays["image"], [e["image"] for e in expected])
    for task in TASKS:
        physical, valid = task.info.decode(np.stack([e[task.name] for e in expected]))
        target = arrays[f"target_{task.name}"]
        np.testing.assert_allclose(target, physical, rtol=1e-6)
        np.testing.assert_array_equal(arrays[f"valid_{task.name}"], valid)
    # Metres and class numbers, not the network's coding of them.
    assert np.all(arrays["prediction_depth"] == 3)
    classes = predict(network_images(arrays["image"]))["segmentation"]
    np.testing.assert_array_equal(
        arrays["prediction_segmentation"][..., 0], np.argmax(classes, axis=-1)
    )


def test_records_of_the_tasks_can_be_read_again(splits, tmp_path):
    report_arrays.write(fake_experiment(splits), tmp_path)
    records = json.loads((tmp_path / "exhibits" / "tasks.json").read_text())
    assert list(records) == list(NAMES)
    for task in TASKS:
        info = TaskInfo(**records[task.name])
        assert info.class_names == list(task.info.class_names)
        assert (info.scale, info.unit) == (task.info.scale, task.info.unit)


def test_without_a_generator_nothing_is_generated(splits, tmp_path):
    report_arrays.write(fake_experiment(splits), tmp_path)
    files = {path.name for path in (tmp_path / "exhibits").iterdir()}
    assert files == {"predictions.npz", "tasks.json"}


def test_generated_images_have_a_row_for_each_scene(splits, tmp_path):
    report_arrays.write(fake_experiment(splits, {"generator": paint}), tmp_path)
    arrays = saved_arrays(tmp_path, "samples")
    assert tuple(arrays["titles"]) == SCENES
    assert arrays["images"].shape == (3, 6, 8, 8, 3)
    assert arrays["images"].dtype == np.uint8
    # Green in the second row; the same noise in each.
    assert (arrays["images"][:, 0, 0, 0, 1] > 200).tolist() == [False, True, False]
    np.testing.assert_array_equal(
        arrays["images"][0, ..., 0], arrays["images"][2, ..., 0]
    )
    assert not (tmp_path / "exhibits" / "oracle.npz").exists()


def test_the_labels_of_an_oracle_for_generated_images(splits, tmp_path):
    experiment = fake_experiment(splits, {"generator": paint}, {"oracle": predict})
    report_arrays.write(experiment, tmp_path)
    arrays, samples = (
        saved_arrays(tmp_path, "oracle"),
        saved_arrays(tmp_path, "samples"),
    )
    # The first six: the first row.
    np.testing.assert_array_equal(arrays["image"], samples["images"][0])
    assert arrays["segmentation"].shape == (6, 8, 8, 1)
    expected = np.argmax(predict(network_images(arrays["image"]))["segmentation"], -1)
    np.testing.assert_array_equal(arrays["segmentation"][..., 0], expected)
