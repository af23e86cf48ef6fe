"""Weights of tasks: the functions by hand, what the networks keep and learn."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.task_weights import (
    LAPLACE,
    SOFTMAX,
    TASK_WEIGHTS,
    DynamicWeights,
    UncertaintyWeights,
    costs_of,
    dynamic_weights,
    uncertainty,
)
from mgm_tf.train import devices
from tests.rig import two_replicas

COSTS = (SOFTMAX, LAPLACE)


def weigh(network, losses, epochs, training=True):
    return network(
        tf.constant(losses, tf.float32), tf.constant(epochs), training=training
    ).numpy()


# --- The functions ------------------------------------------------------------------


def test_uncertainty_by_hand():
    losses = tf.constant([3.0, 8.0, 5.0])
    scales = tf.math.log([2.0, 4.0, 1.0])
    weighted = uncertainty(losses, scales, tf.constant([LAPLACE, SOFTMAX, LAPLACE]))
    # 3 / 2 + log 2, 8 / 4 + log(4) / 2, and at s = 0 the loss itself.
    log_2 = math.log(2)
    np.testing.assert_allclose(weighted, [1.5 + log_2, 2 + log_2, 5], rtol=1e-6)


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
    weighted = uncertainty(loss, tf.math.log([b]), tf.constant([LAPLACE]))
    expected = -np.mean(np.log(density)) - math.log(2)
    assert weighted.numpy()[0] == pytest.approx(expected, rel=1e-6)


def test_the_weight_of_a_loss_is_the_inverse_of_its_scale():
    losses = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        weighted = uncertainty(losses, tf.math.log([4.0, 0.5]), tf.constant([1.0, 0.5]))
    np.testing.assert_allclose(tape.gradient(weighted, losses), [0.25, 2], rtol=1e-6)


def test_a_batch_without_a_label_does_not_move_the_scale():
    scales = tf.constant([1.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(scales)
        weighted = uncertainty(tf.constant([0.0, 2.0]), scales, tf.constant([1.0, 1.0]))
    assert weighted.numpy()[0] == 0
    expected = [0, 1 - 2 * math.exp(-1)]
    np.testing.assert_allclose(tape.gradient(weighted, scales), expected, rtol=1e-6)


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
    weights = dynamic_weights(tf.constant([3.0, 1.0]), tf.constant([3.0, 0.5]))
    slow = 2 / (1 + math.exp(0.5))
    np.testing.assert_allclose(weights, [slow, 2 - slow], rtol=1e-6)
    assert weights.numpy()[1] == pytest.approx(1.245, abs=5e-4)


def test_weights_have_a_mean_of_one():
    last, before = tf.constant([0.1, 2.0, 30.0]), tf.constant([0.2, 1.0, 29.0])
    assert np.mean(dynamic_weights(last, before)) == pytest.approx(1, rel=1e-6)
    # A high temperature makes them equal.
    equal = dynamic_weights(last, before, temperature=1e6)
    np.testing.assert_allclose(equal, [1, 1, 1], rtol=1e-5)


@pytest.mark.parametrize("last", [[0.0, 0.0], [0.3, 7.0]])
def test_all_weigh_the_same_before_there_are_two_epochs(last):
    weights = dynamic_weights(tf.constant(last), tf.zeros([2]))
    np.testing.assert_array_equal(weights, [1, 1])


def test_a_task_without_a_past_has_a_ratio_of_one():
    weights = dynamic_weights(
        tf.constant([0.0, 4.0, 9.0]), tf.constant([0.0, 4.0, 9.0])
    )
    np.testing.assert_allclose(weights, [1, 1, 1], rtol=1e-6)


def test_weights_in_a_graph():
    last, before = tf.constant([1.0, 2.0]), tf.constant([2.0, 0.0])
    inside = tf.function(dynamic_weights, jit_compile=True)(last, before)
    np.testing.assert_allclose(inside, dynamic_weights(last, before), rtol=1e-6)
    log_scales, costs = tf.constant([0.5, -0.5]), tf.constant([1.0, 0.5])
    inside = tf.function(uncertainty)(last, log_scales, costs)
    np.testing.assert_allclose(inside, uncertainty(last, log_scales, costs), rtol=1e-6)


# --- Uncertainty --------------------------------------------------------------------


def test_uncertain_tasks_start_with_the_weight_1():
    network = UncertaintyWeights(COSTS)
    np.testing.assert_array_equal(weigh(network, [3.0, 5.0], 0.0), [3, 5])
    (scales,) = network.trainable_variables
    assert scales.name == "log_scales" and scales.shape == (2,)


def test_the_gradient_of_the_scales_by_hand():
    network = UncertaintyWeights(COSTS)
    network.log_scales.assign(np.log([2.0, 4.0]))
    losses = tf.constant([3.0, 8.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        weighted = network(losses, tf.constant(0.0), training=True)
    # 3 / 2 + log(2) / 2, and 8 / 4 + log 4.
    expected = [1.5 + math.log(2) / 2, 2 + math.log(4)]
    np.testing.assert_allclose(weighted, expected, rtol=1e-6)
    gradient, slopes = tape.gradient(weighted, [network.log_scales.value, losses])
    # cost - exp(-s) L: 1/2 - 3/2, and 1 - 8/4.
    np.testing.assert_allclose(gradient, [-1, -1], rtol=1e-6)
    np.testing.assert_allclose(slopes, [1 / 2, 1 / 4], rtol=1e-6)


def test_costs_are_those_of_what_is_predicted():
    assert costs_of([True, False, False]) == (SOFTMAX, LAPLACE, LAPLACE)


# --- Dynamic weights ----------------------------------------------------------------


def weights_of(last, before_last):
    """T softmax(r / 2) of two tasks, by hand."""
    odds = np.exp(np.array(last) / np.array(before_last) / 2)
    return 2 * odds / odds.sum()


def state(network):
    """Returns what is kept: the means of the last two epochs, sums, their number."""
    return [
        tf.convert_to_tensor(value).numpy().tolist()
        for value in (network.last, network.before_last, network.sums, network.number)
    ]


def test_weights_after_two_epochs_by_hand():
    network = DynamicWeights(COSTS)
    # Two steps an epoch; means (2, 5), then (1, 10).
    for epochs, losses in ((0.0, [1, 4]), (0.5, [3, 6]), (1.0, [1, 12])):
        # Until two epochs are over, all weigh the same.
        np.testing.assert_allclose(weigh(network, losses, epochs), losses)
    np.testing.assert_allclose(weigh(network, [1, 8], 1.5), [1, 8])
    # In the third: ratios 1 / 2 and 10 / 5, of e^(1/4) and e^1.
    expected = weights_of([1.0, 10.0], [2.0, 5.0])
    np.testing.assert_allclose(expected, [0.6416, 1.3584], atol=5e-5)
    weighted = weigh(network, [1.0, 1.0], 2.0)
    np.testing.assert_allclose(weighted, expected, rtol=1e-6)
    # They stay for the epoch, whatever its losses.
    np.testing.assert_allclose(weigh(network, [4.0, 2.0], 2.5), [4, 2] * expected)


def test_means_are_taken_where_an_epoch_begins():
    network = DynamicWeights(COSTS)
    assert state(network) == [[0, 0], [0, 0], [0, 0], 0]
    weigh(network, [1, 4], 0.0)
    assert state(network) == [[0, 0], [0, 0], [1, 4], 1]
    weigh(network, [3, 6], 0.5)
    assert state(network) == [[0, 0], [0, 0], [4, 10], 2]
    # A step that begins in another epoch ends the one before, and counts for its own.
    weigh(network, [1, 12], 1.0)
    assert state(network) == [[2, 5], [0, 0], [1, 12], 1]
    weigh(network, [1, 8], 1.75)
    assert state(network) == [[2, 5], [0, 0], [2, 20], 2]
    weigh(network, [7, 7], 2.5)
    assert state(network) == [[1, 10], [2, 5], [7, 7], 1]


def test_a_step_that_skips_an_epoch_ends_one():
    # A batch may be larger than the set: epochs 0, 1.5, 3.
    network = DynamicWeights(COSTS)
    for epochs, losses in ((0.0, [2, 2]), (1.5, [1, 4]), (3.0, [9, 9])):
        weigh(network, losses, epochs)
    assert state(network) == [[1, 4], [2, 2], [9, 9], 1]


def test_a_new_stage_counts_its_epochs_anew():
    # From the third epoch of one stage to the first of another.
    network = DynamicWeights(COSTS)
    weigh(network, [2, 2], 2.0)
    weigh(network, [4, 4], 0.0)
    assert state(network) == [[2, 2], [0, 0], [4, 4], 1]


def test_outside_of_training_nothing_is_noted():
    network = DynamicWeights(COSTS)
    weigh(network, [1, 4], 0.0)
    before = state(network)
    np.testing.assert_array_equal(weigh(network, [9, 9], 5.0, training=False), [9, 9])
    assert state(network) == before


def test_nothing_of_it_is_trained_and_all_of_it_is_kept(tmp_path):
    network, other = DynamicWeights(COSTS), DynamicWeights(COSTS)
    for epochs in (0.0, 1.0, 2.0):
        weigh(network, [1 + epochs, 4], epochs)
    assert not network.trainable_variables
    path = tf.train.Checkpoint(weights=network).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(weights=other).restore(path).assert_consumed()
    assert state(other) == state(network) != state(DynamicWeights(COSTS))
    np.testing.assert_array_equal(
        weigh(other, [1, 1], 2.5), weigh(network, [1, 1], 2.5)
    )


def test_the_weights_are_constants_to_the_losses():
    network = DynamicWeights(COSTS)
    for epochs, losses in ((0.0, [2, 5]), (1.0, [1, 10])):
        weigh(network, losses, epochs)
    losses = tf.constant([3.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        weighted = network(losses, tf.constant(2.0), training=True)
    expected = weights_of([1.0, 10.0], [2.0, 5.0])
    np.testing.assert_allclose(tape.gradient(weighted, losses), expected, rtol=1e-6)


def test_replicas_note_the_losses_of_the_global_batch():
    strategy = two_replicas()
    with strategy.scope():
        network = DynamicWeights(COSTS)
    alone = DynamicWeights(COSTS)

    def replica(shares, epochs):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return network(shares[number], epochs, training=True)

    # Shares whose means are (2, 5), (1, 10) and (4, 3).
    steps = ([[4, 5], [0, 5]], [[1, 8], [1, 12]], [[0, 6], [8, 0]])
    for epochs, shares in enumerate(steps):
        values = tf.constant(shares, tf.float32)
        parts = strategy.run(replica, (values, tf.constant(float(epochs))))
        local = strategy.experimental_local_results(parts)
        expected = weigh(alone, np.mean(shares, axis=0), float(epochs))
        np.testing.assert_allclose(np.mean(local, axis=0), expected, rtol=1e-6)
    for variable in network.variables:
        first, second = strategy.experimental_local_results(variable.value)
        np.testing.assert_array_equal(first, second)


def test_in_a_graph():
    inside, outside = DynamicWeights(COSTS), DynamicWeights(COSTS)
    step = tf.function(lambda losses, epochs: inside(losses, epochs, training=True))
    for epochs, losses in ((0.0, [2, 5]), (1.0, [1, 10]), (2.0, [3, 3])):
        weighted = step(tf.constant(losses, tf.float32), tf.constant(epochs))
        np.testing.assert_allclose(weighted, weigh(outside, losses, epochs), rtol=1e-6)
    assert state(inside) == state(outside)


# Of equal weights there is no network.
@pytest.mark.parametrize("name", sorted(TASK_WEIGHTS.keys() - {"equal"}))
def test_every_row_begins_with_equal_weights(name):
    network = TASK_WEIGHTS[name](COSTS, name="task_weights")
    assert network.name == "task_weights" and isinstance(network, keras.Model)
    np.testing.assert_allclose(weigh(network, [2, 3], 0.0), [2, 3])
