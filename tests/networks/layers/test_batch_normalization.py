import threading

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.batch_normalization import (
    BatchNormalization,
    advancing_statistics,
)
from tests import rig

ONE_AND_THREE = tf.constant([[1.0], [3.0]])


@pytest.fixture
def two_replicas():
    return rig.two_replicas()


def averages(layer):
    return float(layer.moving_mean[0]), float(layer.moving_variance[0])


def test_one_and_three_become_minus_and_plus_one():
    outputs = BatchNormalization()(ONE_AND_THREE, training=True)
    np.testing.assert_allclose(outputs, [[-1.0], [1.0]], atol=1e-5)


def test_gamma_and_beta_follow():
    layer = BatchNormalization()
    layer.build((None, 1))
    layer.gamma.assign([10.0])
    layer.beta.assign([5.0])
    np.testing.assert_allclose(
        layer(ONE_AND_THREE, training=True), [[-5.0], [15.0]], atol=1e-4
    )


def test_averages_advance_by_a_tenth_of_mean_and_unbiased_variance():
    layer = BatchNormalization(momentum=0.9)
    with advancing_statistics(True):
        layer(ONE_AND_THREE, training=True)
    # Mean 2, variance ((1 - 2)^2 + (3 - 2)^2) / (2 - 1) = 2.
    assert averages(layer) == pytest.approx((0.1 * 2, 0.9 * 1 + 0.1 * 2))


def test_averages_stay_without_the_context():
    layer = BatchNormalization()
    layer(ONE_AND_THREE, training=True)
    assert averages(layer) == (0.0, 1.0)


def test_averages_stay_outside_of_training():
    layer = BatchNormalization()
    with advancing_statistics(True):
        layer(ONE_AND_THREE)
        layer(ONE_AND_THREE, training=False)
    assert averages(layer) == (0.0, 1.0)


def test_outside_of_training_the_averages_normalise():
    layer = BatchNormalization()
    layer.build((None, 1))
    layer.moving_mean.assign([1.0])
    layer.moving_variance.assign([4.0])
    np.testing.assert_allclose(layer(ONE_AND_THREE), [[0.0], [1.0]], atol=1e-5)


def test_contexts_nest_and_end():
    layer = BatchNormalization()
    with advancing_statistics(True):
        with advancing_statistics(False):
            layer(ONE_AND_THREE, training=True)
        assert averages(layer) == (0.0, 1.0)
        with pytest.raises(RuntimeError), advancing_statistics(False):
            raise RuntimeError
        layer(ONE_AND_THREE, training=True)
        assert averages(layer) != (0.0, 1.0)
    after = averages(layer)
    layer(ONE_AND_THREE, training=True)
    assert averages(layer) == after


def test_the_context_is_of_its_thread():
    layer = BatchNormalization()
    layer.build((None, 1))
    with advancing_statistics(True):
        thread = threading.Thread(target=lambda: layer(ONE_AND_THREE, training=True))
        thread.start()
        thread.join()
    assert averages(layer) == (0.0, 1.0)


def test_vectors_are_images_of_one_pixel():
    values = tf.random.stateless_normal((6, 3), (0, 1))
    vectors = BatchNormalization()(values, training=True)
    images = BatchNormalization()(values[:, None, None, :], training=True)
    np.testing.assert_array_equal(vectors, images[:, 0, 0, :])


def test_images_against_numpy():
    images = np.random.default_rng(0).normal(3.0, 2.0, (4, 5, 6, 3)).astype("float32")
    layer = BatchNormalization(momentum=0.0)
    with advancing_statistics(True):
        outputs = layer(images, training=True)
    mean, variance = images.mean((0, 1, 2)), images.var((0, 1, 2))
    expected = (images - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    unbiased = images.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(layer.moving_variance, unbiased, rtol=1e-5)


def test_without_scale_and_center_nothing_is_trained():
    layer = BatchNormalization(scale=False, center=False)
    layer.build((None, 2, 2, 3))
    assert not layer.trainable_variables
    assert len(layer.non_trainable_variables) == 2


def test_other_ranks_are_refused():
    with pytest.raises(ValueError, match="Expected"):
        BatchNormalization().build((None, 4, 3))


def train(layer, images, cotangent):
    """Outputs, and gradients of sum(outputs * cotangent), with advancing averages."""
    with advancing_statistics(True), tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=True)
        score = tf.reduce_sum(outputs * cotangent)
    sources = {"images": images, "gamma": layer.gamma, "beta": layer.beta}
    return outputs, tape.gradient(score, sources)


@pytest.mark.parametrize("parts", [(2, 2), (3, 1)])
@pytest.mark.parametrize("mean", [0.0, 100.0])
def test_two_replicas_are_one_device(two_replicas, parts, mean):
    shape = (4, 3, 3, 2)
    images = mean + tf.random.stateless_normal(shape, (0, 1)) * (1.0, 5.0)
    cotangent = tf.random.stateless_normal(shape, (2, 3))
    alone = BatchNormalization()
    alone.build(shape)
    outputs, gradients = train(alone, images, cotangent)

    with two_replicas.scope():
        layer = BatchNormalization()
        layer.build(shape)

    def split(values):
        pieces = tf.split(values, parts)
        return two_replicas.experimental_distribute_values_from_function(
            lambda context: pieces[context.replica_id_in_sync_group]
        )

    step = tf.function(lambda *args: two_replicas.run(train, (layer, *args)))
    replica_outputs, replica_gradients = step(split(images), split(cotangent))

    def joined(value):
        return tf.concat(two_replicas.experimental_local_results(value), axis=0)

    def summed(value):
        return two_replicas.reduce("SUM", value, axis=None)

    tolerance = 1e-5 if mean == 0.0 else 1e-4
    np.testing.assert_allclose(joined(replica_outputs), outputs, atol=tolerance)
    np.testing.assert_allclose(
        joined(replica_gradients["images"]), gradients["images"], atol=tolerance
    )
    for name in ("gamma", "beta"):
        np.testing.assert_allclose(
            summed(replica_gradients[name]), gradients[name], atol=1e-4
        )
    for name in ("moving_mean", "moving_variance"):
        expected = getattr(alone, name).numpy()
        for value in two_replicas.experimental_local_results(
            getattr(layer, name).value
        ):
            np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_two_replicas_keep_their_averages_without_the_context(two_replicas):
    with two_replicas.scope():
        layer = BatchNormalization()
        layer.build((None, 1))
    tf.function(lambda: two_replicas.run(layer, (ONE_AND_THREE,), {"training": True}))()
    assert averages(layer) == (0.0, 1.0)
