"""Networks that weigh the tasks: what they keep, and what teaches them."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.task_weighting import LAPLACE, SOFTMAX
from mgm_tf.networks.task_weights import (
    TASK_WEIGHTS,
    DynamicWeights,
    UncertaintyWeights,
    costs_of,
)
from tests.rig import two_replicas

COSTS = (SOFTMAX, LAPLACE)


def weigh(network, losses, passes, training=True):
    return network(
        tf.constant(losses, tf.float32), tf.constant(passes), training=training
    ).numpy()


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
    """What is kept: means over the last pass and the one before, sums, their number."""
    return [
        tf.convert_to_tensor(value).numpy().tolist()
        for value in (network.last, network.before_last, network.sums, network.number)
    ]


def test_weights_after_two_passes_by_hand():
    network = DynamicWeights(COSTS)
    # Two steps a pass; means (2, 5), then (1, 10), as half-passes tell.
    for passes, losses in ((0.0, [1, 4]), (0.5, [3, 6]), (1.0, [1, 12])):
        # Until two passes are over, all weigh the same.
        np.testing.assert_allclose(weigh(network, losses, passes), losses)
    np.testing.assert_allclose(weigh(network, [1, 8], 1.5), [1, 8])
    # In the third: ratios 1 / 2 and 10 / 5, of e^(1/4) and e^1.
    expected = weights_of([1.0, 10.0], [2.0, 5.0])
    np.testing.assert_allclose(expected, [0.6416, 1.3584], atol=5e-5)
    found = weigh(network, [1.0, 1.0], 2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # They stay for the pass, whatever its losses.
    np.testing.assert_allclose(weigh(network, [4.0, 2.0], 2.5), [4, 2] * expected)


def test_the_books_are_closed_where_a_pass_begins():
    network = DynamicWeights(COSTS)
    assert state(network) == [[0, 0], [0, 0], [0, 0], 0]
    weigh(network, [1, 4], 0.0)
    assert state(network) == [[0, 0], [0, 0], [1, 4], 1]
    weigh(network, [3, 6], 0.5)
    assert state(network) == [[0, 0], [0, 0], [4, 10], 2]
    # A step that begins in another pass closes the one before, and counts for its own.
    weigh(network, [1, 12], 1.0)
    assert state(network) == [[2, 5], [0, 0], [1, 12], 1]
    weigh(network, [1, 8], 1.75)
    assert state(network) == [[2, 5], [0, 0], [2, 20], 2]
    weigh(network, [7, 7], 2.5)
    assert state(network) == [[1, 10], [2, 5], [7, 7], 1]


def test_a_step_that_skips_a_pass_closes_one():
    # A batch may be larger than the set: passes 0, 1.5, 3.
    network = DynamicWeights(COSTS)
    for passes, losses in ((0.0, [2, 2]), (1.5, [1, 4]), (3.0, [9, 9])):
        weigh(network, losses, passes)
    assert state(network) == [[1, 4], [2, 2], [9, 9], 1]


def test_a_new_stage_counts_its_passes_anew():
    # From the third pass of one stage to the first of another.
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
    for passes in (0.0, 1.0, 2.0):
        weigh(network, [1 + passes, 4], passes)
    assert not network.trainable_variables
    path = tf.train.Checkpoint(weights=network).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(weights=other).restore(path).assert_consumed()
    assert state(other) == state(network) != state(DynamicWeights(COSTS))
    np.testing.assert_array_equal(
        weigh(other, [1, 1], 2.5), weigh(network, [1, 1], 2.5)
    )


def test_the_weights_are_constants_to_the_losses():
    network = DynamicWeights(COSTS)
    for passes, losses in ((0.0, [2, 5]), (1.0, [1, 10])):
        weigh(network, losses, passes)
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

    def replica(shares, passes):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return network(shares[number], passes, training=True)

    # Shares whose means are (2, 5), (1, 10) and (4, 3).
    steps = ([[4, 5], [0, 5]], [[1, 8], [1, 12]], [[0, 6], [8, 0]])
    for passes, shares in enumerate(steps):
        values = tf.constant(shares, tf.float32)
        parts = strategy.run(replica, (values, tf.constant(float(passes))))
        local = strategy.experimental_local_results(parts)
        expected = weigh(alone, np.mean(shares, axis=0), float(passes))
        np.testing.assert_allclose(np.mean(local, axis=0), expected, rtol=1e-6)
    for variable in network.variables:
        first, second = strategy.experimental_local_results(variable.value)
        np.testing.assert_array_equal(first, second)


def test_in_a_graph():
    inside, outside = DynamicWeights(COSTS), DynamicWeights(COSTS)
    step = tf.function(lambda losses, passes: inside(losses, passes, training=True))
    for passes, losses in ((0.0, [2, 5]), (1.0, [1, 10]), (2.0, [3, 3])):
        found = step(tf.constant(losses, tf.float32), tf.constant(passes))
        np.testing.assert_allclose(found, weigh(outside, losses, passes), rtol=1e-6)
    assert state(inside) == state(outside)


# Of equal weights there is no network.
@pytest.mark.parametrize("name", sorted(TASK_WEIGHTS.keys() - {"equal"}))
def test_every_row_begins_with_equal_weights(name):
    network = TASK_WEIGHTS[name](COSTS, name="task_weights")
    assert network.name == "task_weights" and isinstance(network, keras.Model)
    np.testing.assert_allclose(weigh(network, [2, 3], 0.0), [2, 3])
