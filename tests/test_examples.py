"""From stored batches to what networks see."""

import dataclasses

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
        part = tf.nest.map_structure(lambda values: values[places], batch)
        return toy.reader([])(part).draws.normal(3).numpy()

    whole = drawn()
    np.testing.assert_array_equal(whole, drawn())
    # A replica draws for its half what one device draws for it.
    np.testing.assert_array_equal(whole[2:], drawn(places=slice(2, 4)))
    assert not np.any(whole == drawn(step=1))
    assert len(np.unique(whole)) == 12


def test_what_is_synthesized_has_a_known_label(read):
    known = [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(read.wanted.numpy()[[0, 1, 3]], known)
    assert read.wanted.numpy()[2].sum() == 1
    assert read.synthesis_condition is read.wanted


def test_weak_examples_have_images_and_scenes_only(read):
    batch = toy.raw_batch(toy.ALL_TASKS)["weak"]
    weak = read.weak
    np.testing.assert_array_equal(weak.images, network_images(batch["image"]))
    expected = toy.LABELS.condition(tf.constant([1, 0, 2, -1, 1, 0]))
    np.testing.assert_array_equal(weak.condition, expected)
    assert not weak.targets and not weak.valid and weak.weak is None


def test_weak_examples_draw_for_themselves(read):
    own = read.draws.normal(2).numpy()
    weak = read.weak.draws.normal(2).numpy()
    assert weak.shape == (toy.WEAK_BATCH, 2)
    assert not np.isin(own, weak).any()


def test_without_a_weak_batch_there_are_no_weak_examples():
    batch = toy.raw_batch(toy.TWO_TASKS)
    batch.pop("weak")
    reader = dataclasses.replace(toy.reader(toy.TWO_TASKS), weak_batch_size=0)
    assert reader(batch).weak is None


def test_labels_are_augmented_with_their_images():
    batch = toy.raw_batch(toy.ALL_TASKS)
    plain = toy.reader(toy.ALL_TASKS)
    flipping = dataclasses.replace(plain, augmentation="flip")
    before, after = plain(batch), flipping(batch)
    flipped = [
        bool(np.array_equal(new, old[:, ::-1]))
        for new, old in zip(after.images.numpy(), before.images.numpy(), strict=True)
    ]
    assert set(flipped) == {True, False}
    for number in np.flatnonzero(flipped):
        for name in toy.ALL_TASKS:
            mirrored = before.targets[name][number].numpy()[:, ::-1].copy()
            if name == "normals":
                # Taught in [0, 1]: the opposite of x is 1 - x.
                mirrored[..., 0] = 1 - mirrored[..., 0]
            found = after.targets[name][number]
            np.testing.assert_allclose(found, mirrored, atol=1e-6)
            valid = before.valid[name][number].numpy()[:, ::-1]
            np.testing.assert_array_equal(after.valid[name][number], valid)
