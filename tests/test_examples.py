"""From stored batches to what networks see."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.examples import network_images
from tests import toy


def test_images_are_between_minus_one_and_one():
    stored = tf.constant([[[[0, 51, 255]]]], tf.uint8)
    np.testing.assert_allclose(network_images(stored), [[[[-1, -0.6, 1]]]], atol=1e-6)
    assert network_images(tf.constant(127.5)).numpy() == 0


@pytest.fixture(scope="module")
def read():
    return toy.reader(toy.ALL_TASKS)(toy.raw_batch(toy.ALL_TASKS))


def test_what_is_read(read):
    batch = toy.raw_batch(toy.ALL_TASKS)
    np.testing.assert_array_equal(read.images, network_images(batch["image"]))
    assert tuple(read.targets) == tuple(read.valid) == toy.ALL_TASKS
    # Scenes 0, 2, not known, 1.
    expected = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(read.condition, expected)
    size = (toy.BATCH, toy.SIZE, toy.SIZE)
    channels = {"normals": 3, "curvature": 2}
    for name in toy.ALL_TASKS:
        assert read.targets[name].shape == (*size, channels.get(name, 1))
        assert read.valid[name].shape == size
        assert read.valid[name].dtype == tf.bool


def test_depth_is_in_metres_where_it_is_known(read):
    raw = toy.raw_batch(toy.ALL_TASKS)["depth"].numpy()
    expected = (raw / 1000).astype(np.float32)
    np.testing.assert_allclose(read.targets["depth"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", toy.ALL_TASKS)
def test_missing_labels_are_not_valid(read, name):
    valid = read.valid[name].numpy()
    half = toy.SIZE // 2
    # Half of the first example has a segmentation, nothing another map.
    shares = valid.mean(axis=(1, 2))
    assert shares[0] == (0.5 if name == "segmentation" else 0)
    assert not valid[1, :half, :half].any() and shares[1] == 0.75
    assert shares[2] == 1
    assert not valid[3, 5].any() and shares[3] == 1 - 1 / toy.SIZE


def test_draws_are_those_of_seed_step_and_place():
    def drawn(step=0, places=slice(None)):
        batch = toy.raw_batch([], step)
        part = {name: values[places] for name, values in batch.items()}
        return toy.reader([])(part).draws.normal(3).numpy()

    whole = drawn()
    np.testing.assert_array_equal(whole, drawn())
    # A replica draws for its half what one device draws for it.
    np.testing.assert_array_equal(whole[2:], drawn(places=slice(2, 4)))
    assert not np.any(whole == drawn(step=1))
    assert len(np.unique(whole)) == 12
