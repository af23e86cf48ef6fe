"""What constants score on AdaShare's four published frames (MGM_REAL_DATA)."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from datasets.metadata import normals_info
from datasets.nyuv2 import normals_images
from mgm_tf.tasks import dense, metrics
from mgm_tf.train import constant_predictor

TASK = dense.task_of(normals_info())

# The mean coded vector, by AdaShare's rule and axes; the same made unit first; and made
# unit first in our axes, which the paper's networks (.309-.337) would not beat.
BY_THE_RULE = 0.331
MADE_UNIT = 0.394
IN_OUR_AXES = 0.300


@pytest.fixture
def folder(real_data):
    return real_data / "nyuv2" / "complete_frames" / "normals"


@pytest.fixture
def labels(folder):
    """All labelled unit vectors [n, 3], in AdaShare's axes: white alone is no label."""
    maps = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
    assert len(maps) == 4
    vectors = np.concatenate([m[(m != 255).any(axis=-1)] for m in maps]) / 127.5 - 1
    return unit(vectors)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def our_axes(vectors):
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([x, z, -y], axis=-1)


def mean_angle(constant, labels):
    """The mean angle in radians between a coded vector and coded labels, by numpy."""
    coded = (labels + 1) / 2
    lengths = np.linalg.norm(coded, axis=-1) * np.linalg.norm(constant)
    return np.arccos(np.clip(coded @ constant / lengths, -1, 1)).mean()


def measured(constant, labels):
    """The program's metrics of a vector (of any length), both in AdaShare's axes."""
    target = TASK.target(tf.constant(our_axes(labels)[None, None], tf.float32))
    prediction = TASK.target(tf.constant(our_axes(constant), tf.float32))
    prediction = tf.broadcast_to(prediction, target.shape)
    return of_statistics(prediction, target, tf.ones(target.shape[:3], tf.bool))


def of_statistics(*arrays):
    sums = TASK.statistics(*arrays)
    return TASK.summarize({name: value.numpy() for name, value in sums.items()})


def test_the_mean_coded_vector(labels):
    mean = labels.mean(axis=0)
    summary = measured(mean, labels)
    assert summary["mad"] == pytest.approx(BY_THE_RULE, abs=5e-4)
    assert summary["mad"] == pytest.approx(mean_angle((mean + 1) / 2, labels), abs=1e-5)
    made_unit = measured(unit(mean), labels)
    assert made_unit["mad"] == pytest.approx(MADE_UNIT, abs=5e-4)
    # True angles are those of the direction.
    for name in ("mean_degrees", "median_degrees", *metrics.WITHIN):
        assert summary[name] == pytest.approx(made_unit[name], abs=1e-3)
    # What `mad` was in version 1 of the metrics.
    ours = our_axes(labels)
    earlier = mean_angle((unit(ours.mean(axis=0)) + 1) / 2, ours)
    assert earlier == pytest.approx(IN_OUR_AXES, abs=5e-4)


def test_the_constant_predictor_has_medians_and_is_measured_alike(labels):
    targets = TASK.target(tf.constant(our_axes(labels)[:, None, None], tf.float32))
    everywhere = np.ones(targets.shape[:3], bool)
    constant = constant_predictor.median(targets.numpy(), everywhere, 3)
    prediction = tf.broadcast_to(constant, targets.shape)
    summary = of_statistics(prediction, targets, everywhere)
    expected = mean_angle((np.median(labels, axis=0) + 1) / 2, labels)
    assert summary["mad"] == pytest.approx(expected, abs=1e-4)
    assert summary["mad"] == pytest.approx(0.343, abs=5e-4)


def test_the_files_as_the_program_reads_them(folder, tmp_path):
    """Grey, 1 % of the pixels, is no label to it: a thousandth less than AdaShare's."""
    (tmp_path / normals_images.FOLDER).symlink_to(folder)
    read = normals_images.NormalsImages(tmp_path)
    depth = np.ones((480, 640), np.float32)
    indices = [int(path.stem) - 1 for path in sorted(folder.glob("*.png"))]
    raw = np.stack([TASK.info.encode(*read(index, depth)) for index in indices])
    target, valid = TASK.decode(tf.constant(raw))
    mean = target.numpy()[valid.numpy()].mean(axis=0, dtype=np.float64)
    prediction = tf.broadcast_to(tf.constant(mean, tf.float32), target.shape)
    summary = of_statistics(prediction, target, valid)
    assert summary["mad"] == pytest.approx(BY_THE_RULE, abs=1.5e-3)
