"""The two views: which transforms, how often, and from which random numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.randomness import BatchRng
from mgm_tf.train import devices

TRANSFORMS = {transform.name: transform for transform in simclr.SIMCLR}


def draws_for(number: int, seed: int = 0) -> BatchRng:
    return BatchRng.at(seed, tf.constant(0), tf.range(number), number)


def noise(number: int, size: int = 16) -> tf.Tensor:
    """Images in [0, 1]."""
    return tf.random.stateless_uniform((number, size, size, 3), (1, number))


# ---- the table ----------------------------------------------------------------------


def test_the_papers_five_transforms():
    table = [(transform.name, transform.probability) for transform in simclr.SIMCLR]
    assert table == [
        ("crop", 1.0),
        ("flip", 0.5),
        ("color_jitter", 0.5),
        ("greyscale", 0.2),
        ("blur", 0.5),
    ]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_how_often_an_image_is_changed(name):
    number = 4000
    # What is done does not matter here, and a blur of sigma 0.1 would not be seen.
    row = TRANSFORMS[name]._replace(apply=lambda images, rng: tf.zeros_like(images))
    views = simclr.view(tf.ones([number, 1, 1, 3]), draws_for(number), (row,))
    changed = views[:, 0, 0, 0] != 1
    probability = TRANSFORMS[name].probability
    bound = 4 * math.sqrt(probability * (1 - probability) / number)
    assert abs(np.mean(changed) - probability) <= bound


def test_transforms_are_chosen_independently():
    number = 2000
    images = tf.repeat(noise(1, size=4), number, axis=0) * 2 - 1
    flips = simclr.view(images, draws_for(number), (TRANSFORMS["flip"],))
    greys = simclr.view(images, draws_for(number), (TRANSFORMS["greyscale"],))
    changed = [
        np.any(np.abs(view - images) > 1e-4, axis=(1, 2, 3)) for view in (flips, greys)
    ]
    both = np.mean(changed[0] & changed[1])
    assert both == pytest.approx(0.5 * 0.2, abs=4 * math.sqrt(0.1 * 0.9 / number))


def test_nothing_is_changed_where_nothing_is_chosen():
    images = noise(3) * 2 - 1
    never = tuple(row._replace(probability=0.0) for row in simclr.SIMCLR)
    for view in simclr.two_views(images, draws_for(3), never):
        np.testing.assert_allclose(view, images, atol=1e-6)


# ---- views --------------------------------------------------------------------------


def test_views_have_the_form_and_range_of_the_images():
    images = tf.sign(noise(64) - 0.5)  # only -1 and 1
    for view in simclr.two_views(images, draws_for(64)):
        assert view.shape == images.shape
        assert view.dtype == tf.float32
        assert np.abs(view).max() <= 1 + 1e-6


def test_every_view_of_every_image_is_another():
    images = tf.repeat(noise(1), 16, axis=0)
    views = tf.concat(simclr.two_views(images, draws_for(16)), axis=0).numpy()
    assert len(np.unique(views.reshape(32, -1).round(3), axis=0)) == 32


def test_same_draws_same_views():
    images = noise(4)
    first = simclr.two_views(images, draws_for(4))
    again = simclr.two_views(images, draws_for(4))
    other = simclr.two_views(images, draws_for(4, seed=1))
    np.testing.assert_array_equal(first, again)
    assert np.all(np.any(np.abs(first[0] - other[0]) > 1e-3, axis=(1, 2, 3)))


def test_half_batches_have_the_views_of_the_whole_one():
    images = noise(8)
    whole = tf.stack(simclr.two_views(images, draws_for(8)))
    halves = []
    for places in ([0, 1, 2, 3], [4, 5, 6, 7]):
        rng = BatchRng.at(0, tf.constant(0), tf.constant(places), 8)
        halves.append(tf.stack(simclr.two_views(tf.gather(images, places), rng)))
    np.testing.assert_allclose(tf.concat(halves, axis=1), whole, atol=1e-6)


def test_two_replicas_have_the_views_of_one_device():
    strategy = devices.strategy_of(2)
    images = noise(8)

    @tf.function
    def views(images):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        rng = BatchRng.at(0, tf.constant(0), 4 * replica + tf.range(4), 8)
        return tf.stack(simclr.two_views(images, rng))

    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(images, 2)[context.replica_id_in_sync_group]
    )
    parts = strategy.experimental_local_results(strategy.run(views, args=(halves,)))
    whole = tf.stack(simclr.two_views(images, draws_for(8)))
    np.testing.assert_allclose(tf.concat(parts, axis=1), whole, atol=1e-6)
