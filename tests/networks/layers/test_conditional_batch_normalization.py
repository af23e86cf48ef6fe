import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.batch_normalization import (
    BatchNormalization,
    advancing_statistics,
)
from mgm_tf.networks.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)

IMAGES = tf.random.stateless_normal((4, 3, 3, 2), (0, 1))
CONDITION = tf.one_hot([0, 2, 1, 2], 3)


@pytest.fixture
def layer():
    layer = ConditionalBatchNormalization()
    layer.build((None, 3, 3, 2), (None, 3))
    return layer


def test_starts_as_batch_normalization(layer):
    plain = BatchNormalization()(IMAGES, training=True)
    conditional = layer(IMAGES, CONDITION, training=True)
    np.testing.assert_allclose(conditional, plain, atol=1e-6)


def test_a_row_holds_gammas_then_betas(layer):
    layer.table.assign([[1, 1, 0, 0], [2, 3, 0, 0], [1, 1, 5, 7]])
    plain = BatchNormalization()(IMAGES, training=True).numpy()
    outputs = layer(IMAGES, CONDITION, training=True).numpy()
    np.testing.assert_allclose(outputs[0], plain[0], atol=1e-5)
    np.testing.assert_allclose(outputs[2], plain[2] * [2, 3], atol=1e-5)
    np.testing.assert_allclose(outputs[1], plain[1] + [5, 7], atol=1e-5)


def test_several_labels_take_the_mean_of_their_rows(layer):
    layer.table.assign([[1, 1, 0, 0], [2, 3, 0, 0], [4, 5, 6, 8]])
    outputs = layer(IMAGES, tf.constant([[0.0, 0.5, 0.5]] * 4), training=True)
    plain = BatchNormalization()(IMAGES, training=True)
    np.testing.assert_allclose(outputs, plain * (3.0, 4.0) + (3.0, 4.0), atol=1e-5)


def test_averages_advance_by_a_thousandth(layer):
    with advancing_statistics(True):
        layer(IMAGES + 100.0, CONDITION, training=True)
    mean = tf.reduce_mean(IMAGES, (0, 1, 2)) + 100.0
    np.testing.assert_allclose(
        layer.normalize.moving_mean, 0.001 * mean.numpy(), rtol=1e-4
    )


def test_only_the_table_is_trained(layer):
    assert [variable.shape for variable in layer.trainable_variables] == [(3, 4)]
