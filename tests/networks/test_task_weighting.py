"""Weights of tasks against hand numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import task_weighting
from mgm_tf.networks.task_weighting import (
    LAPLACE,
    SOFTMAX,
    dynamic_weights,
    uncertainty,
)
from mgm_tf.train import devices


def test_uncertainty_by_hand():
    losses = tf.constant([3.0, 8.0, 5.0])
    scales = tf.math.log([2.0, 4.0, 1.0])
    found = uncertainty(losses, scales, tf.constant([LAPLACE, SOFTMAX, LAPLACE]))
    # 3 / 2 + log 2, 8 / 4 + log(4) / 2, and at s = 0 the loss itself.
    log_2 = math.log(2)
    np.testing.assert_allclose(found, [1.5 + log_2, 2 + log_2, 5], rtol=1e-6)


def test_a_scale_rests_where_it_fits_the_loss():
    # The maximum likelihood: b is the mean absolute difference; for a cross-entropy
    # sigma^2 = 2 L. A larger loss lets the scale grow.
    losses, costs = tf.constant([0.3, 0.3]), tf.constant([LAPLACE, SOFTMAX])
    scales = tf.math.log([0.3, 0.6])
    for larger in (1.0, 1.5):
        with tf.GradientTape() as tape:
            tape.watch(scales)
            loss = tf.reduce_sum(uncertainty(larger * losses, scales, costs))
        # d/ds = cost - exp(-s) L.
        expected = costs.numpy() * (1 - larger)
        np.testing.assert_allclose(tape.gradient(loss, scales), expected, atol=1e-6)


def test_laplace_is_the_likelihood_of_the_mean_absolute_difference():
    differences, b = np.array([0.5, -2.0, 1.0]), 0.7
    density = np.exp(-np.abs(differences) / b) / (2 * b)
    loss = tf.constant([np.mean(np.abs(differences))], tf.float32)
    found = uncertainty(loss, tf.math.log([b]), tf.constant([LAPLACE]))
    expected = -np.mean(np.log(density)) - math.log(2)
    assert found.numpy()[0] == pytest.approx(expected, rel=1e-6)


def test_the_weight_of_a_loss_is_the_inverse_of_its_scale():
    losses = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        found = uncertainty(losses, tf.math.log([4.0, 0.5]), tf.constant([1.0, 0.5]))
    np.testing.assert_allclose(tape.gradient(found, losses), [0.25, 2], rtol=1e-6)


def test_a_batch_without_a_label_does_not_move_the_scale():
    scales = tf.constant([1.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(scales)
        found = uncertainty(tf.constant([0.0, 2.0]), scales, tf.constant([1.0, 1.0]))
    assert found.numpy()[0] == 0
    expected = [0, 1 - 2 * math.exp(-1)]
    np.testing.assert_allclose(tape.gradient(found, scales), expected, rtol=1e-6)


def test_two_replicas_have_shares_of_the_weighted_loss():
    strategy = devices.strategy_of(2)
    # All labels of the first task came to one replica; there are none of the third.
    shares = tf.constant([[0.0, 1.0, 0.0], [4.0, 2.0, 0.0]])
    scales, costs = tf.math.log([2.0, 3.0, 4.0]), tf.constant([1.0, 0.5, 1.0])

    @tf.function
    def weighted(losses):
        return strategy.run(uncertainty, args=(losses, scales, costs))

    local = strategy.experimental_distribute_values_from_function(
        lambda context: shares[context.replica_id_in_sync_group]
    )
    parts = strategy.experimental_local_results(weighted(local))
    alone = uncertainty(tf.reduce_mean(shares, axis=0), scales, costs)
    np.testing.assert_allclose(np.mean(parts, axis=0), alone, rtol=1e-6)
    # 2 / 2 + log 2 and 1.5 / 3 + log(3) / 2.
    expected = [1 + math.log(2), 0.5 + math.log(3) / 2, 0]
    np.testing.assert_allclose(alone, expected, rtol=1e-6)


def test_the_slower_task_weighs_more():
    # Ratios 1 and 2, so 2 e^(1/2) / (e^(1/2) + e) = 2 / (1 + e^(1/2)), and the rest.
    found = dynamic_weights(tf.constant([3.0, 1.0]), tf.constant([3.0, 0.5]))
    slow = 2 / (1 + math.exp(0.5))
    np.testing.assert_allclose(found, [slow, 2 - slow], rtol=1e-6)
    assert found.numpy()[1] == pytest.approx(1.245, abs=5e-4)


def test_weights_have_a_mean_of_one():
    last, before = tf.constant([0.1, 2.0, 30.0]), tf.constant([0.2, 1.0, 29.0])
    assert np.mean(dynamic_weights(last, before)) == pytest.approx(1, rel=1e-6)
    # A high temperature makes them equal.
    equal = dynamic_weights(last, before, temperature=1e6)
    np.testing.assert_allclose(equal, [1, 1, 1], rtol=1e-5)


@pytest.mark.parametrize("last", [[0.0, 0.0], [0.3, 7.0]])
def test_all_weigh_the_same_before_there_are_two_epochs(last):
    found = dynamic_weights(tf.constant(last), tf.zeros([2]))
    np.testing.assert_array_equal(found, [1, 1])


def test_a_task_without_a_past_has_a_ratio_of_one():
    found = dynamic_weights(tf.constant([0.0, 4.0, 9.0]), tf.constant([0.0, 4.0, 9.0]))
    np.testing.assert_allclose(found, [1, 1, 1], rtol=1e-6)


def test_weights_in_a_graph():
    last, before = tf.constant([1.0, 2.0]), tf.constant([2.0, 0.0])
    inside = tf.function(dynamic_weights, jit_compile=True)(last, before)
    np.testing.assert_allclose(inside, dynamic_weights(last, before), rtol=1e-6)
    log_scales, costs = tf.constant([0.5, -0.5]), tf.constant([1.0, 0.5])
    inside = tf.function(task_weighting.uncertainty)(last, log_scales, costs)
    np.testing.assert_allclose(inside, uncertainty(last, log_scales, costs), rtol=1e-6)
