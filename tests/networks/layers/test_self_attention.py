import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.self_attention import SelfAttention

IMAGES = tf.random.stateless_normal((2, 4, 6, 16), (0, 1))


def test_starts_as_the_identity():
    np.testing.assert_array_equal(SelfAttention()(IMAGES), IMAGES)


def test_keys_that_are_all_alike_give_the_mean_of_the_pooled_values():
    layer = SelfAttention()
    layer.build(IMAGES.shape)
    layer.sigma.assign(2.0)
    # A kernel of zeros has no first singular value to be divided by.
    layer.key.normalized_kernel = lambda: tf.zeros((1, 1, 16, 2))
    values = layer.value(IMAGES).numpy()
    pooled = values.reshape(2, 2, 2, 3, 2, 8).max((2, 4)).mean((1, 2))
    attended = np.broadcast_to(pooled[:, None, None, :], (2, 4, 6, 8))
    expected = IMAGES + 2.0 * layer.output_convolution(tf.constant(attended))
    np.testing.assert_allclose(layer(IMAGES), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 4, 16])
def test_any_number_of_channels_has_a_query(channels):
    layer = SelfAttention()
    images = tf.ones((1, 2, 2, channels))
    assert layer(images).shape == images.shape
    assert layer.query.filters == layer.key.filters == max(1, channels // 8)
    assert layer.value.filters == max(1, channels // 2)


def test_sigma_learns_from_the_start():
    layer = SelfAttention()
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(layer(IMAGES) ** 2)
    assert float(tape.gradient(score, layer.sigma.value)) != 0.0
