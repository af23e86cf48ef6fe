import numpy as np
import tensorflow as tf

from mgm_tf.networks.layers.resampling import (
    downsample,
    global_average,
    max_pool,
    upsample,
)

FOUR = tf.reshape(tf.range(1.0, 5.0), (1, 2, 2, 1))
SIXTEEN = tf.reshape(tf.range(16.0), (1, 4, 4, 1))


def test_double_repeats_every_pixel():
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(upsample(FOUR)[0, :, :, 0], expected)


def test_the_gradient_of_double_sums_the_copies():
    with tf.GradientTape() as tape:
        tape.watch(FOUR)
        score = tf.reduce_sum(upsample(FOUR) * SIXTEEN)
    # 0 + 1 + 4 + 5 = 10, and so on.
    np.testing.assert_array_equal(
        tape.gradient(score, FOUR)[0, :, :, 0], [[10, 18], [42, 50]]
    )


def test_halve_takes_means():
    np.testing.assert_array_equal(
        downsample(SIXTEEN)[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]]
    )


def test_max_pool_pads_the_near_sides_too():
    # Rows -1..1 and 1..3.
    np.testing.assert_array_equal(max_pool(SIXTEEN)[0, :, :, 0], [[5, 7], [13, 15]])


def test_max_pool_ignores_its_padding():
    np.testing.assert_array_equal(
        max_pool(SIXTEEN - 100.0)[0, :, :, 0], [[-95, -93], [-87, -85]]
    )


def test_global_average():
    np.testing.assert_array_equal(global_average(FOUR), [[2.5]])
