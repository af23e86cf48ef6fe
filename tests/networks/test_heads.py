"""R, E_self and the embedding layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import parameter_counts
from mgm_tf.networks.encoders import ENCODER_WIDTHS
from mgm_tf.networks.heads import Embedding, Projector
from mgm_tf.networks.refiner import Refiner

CHANNELS = {"segmentation": 40, "depth": 1, "normals": 3}
FEATURES = tf.random.stateless_normal((4, 2, 2, 6), (0, 1))


def parameters(network):
    return parameter_counts({"network": network})["network"]


def test_parameters_of_the_refiner():
    network = Refiner(CHANNELS, 27, ENCODER_WIDTHS["narrow"])
    network({task: tf.zeros((1, 32, 32, n)) for task, n in CHANNELS.items()})
    encoders = 2_683_920 + 2_561_616 + 2_567_888
    assert parameters(network) == encoders + (1080 * 128 + 128) + (128 * 27 + 27)


def predictions(seed=0):
    return {
        task: tf.random.stateless_normal((2, 64, 64, n), (seed, n))
        for task, n in CHANNELS.items()
    }


@pytest.fixture(scope="module")
def refiner():
    keras.utils.set_random_seed(0)
    network = Refiner(CHANNELS, 27, (2, 3, 4, 5), 2)
    network(predictions())
    return network


def test_scene_logits_are_linear(refiner):
    logits = refiner(predictions())
    assert logits.shape == (2, 27)
    assert float(tf.reduce_min(logits)) < 0.0 < float(tf.reduce_max(logits))


@pytest.mark.parametrize("task", CHANNELS)
def test_the_scene_depends_on_every_prediction(refiner, task):
    changed = predictions() | {task: predictions(seed=1)[task]}
    assert not np.allclose(refiner(changed), refiner(predictions()), atol=1e-6)


def test_predictions_are_told_apart_by_their_names(refiner):
    backwards = dict(reversed(predictions().items()))
    np.testing.assert_array_equal(refiner(backwards), refiner(predictions()))


def test_parameters_of_the_projector():
    network = Projector(360)
    assert network(tf.zeros((1, 2, 2, 360))).shape == (1, 128)
    assert parameters(network) == (360 * 360 + 360) + (360 * 128 + 128)


def test_the_projector_pools_first():
    network = Projector(6)
    pooled = tf.reduce_mean(FEATURES, (1, 2), keepdims=True)
    np.testing.assert_allclose(network(FEATURES), network(pooled), atol=1e-5)


def test_parameters_of_the_embedding():
    network = Embedding()
    assert network(tf.zeros((1, 2, 2, 360))).shape == (1, 128)
    assert parameters(network) == (360 * 128 + 128) + 2 * 128


def test_embeddings_have_the_scale_of_the_noise():
    embedded = Embedding(8)(5.0 + FEATURES, training=True)
    np.testing.assert_allclose(np.mean(embedded, axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(np.var(embedded, axis=0), 1.0, atol=0.01)
