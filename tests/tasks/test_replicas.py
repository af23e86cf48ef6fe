"""Two replicas that hold a half each agree with one device that holds everything."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.tasks import losses, replicas
from mgm_tf.tasks.scenes import Categorical
from mgm_tf.train import devices
from tests.rig import two_replicas

NAN = np.nan


@pytest.fixture(scope="module")
def strategy():
    return devices.strategy_of(2)


def on_replicas(strategy, function, *tensors):
    """Returns the results of `function` on the halves of `tensors`, one a replica."""

    def half(tensor, number):
        rows = tensor.shape[0] // 2
        return tensor[number * rows : (number + 1) * rows]

    halves = [
        strategy.experimental_distribute_values_from_function(
            lambda context, tensor=tensor: half(
                tensor, context.replica_id_in_sync_group
            )
        )
        for tensor in tensors
    ]
    run = tf.function(lambda *values: strategy.run(function, args=values))
    results = run(*halves)
    local = [strategy.experimental_local_results(r) for r in tf.nest.flatten(results)]
    return [
        tf.nest.pack_sequence_as(results, list(parts))
        for parts in zip(*local, strict=True)
    ]


def test_one_device_needs_no_strategy():
    value = tf.constant([1.0, 2.0])
    assert replicas.count() == 1
    assert replicas.index() == 0
    assert replicas.total(value) is value
    assert replicas.gather(value) is value


def test_total_gather_and_index(strategy):
    def function(value):
        return replicas.total(value), replicas.gather(value), replicas.index()

    first, second = on_replicas(strategy, function, tf.constant([[1.0], [20.0]]))
    for number, (total, gathered, index) in enumerate([first, second]):
        np.testing.assert_array_equal(total, [[21]])
        np.testing.assert_array_equal(gathered, [[1], [20]])
        assert index.numpy() == number


def test_masked_mean_uses_nothing_that_is_masked():
    values = tf.constant([10.0, 20.0, 30.0, NAN])
    all_but_nan = tf.constant([True, True, True, False])
    first_two = tf.constant([True, True, False, False])
    assert replicas.masked_mean(values, all_but_nan) == 20
    assert replicas.masked_mean(values, first_two) == 15
    assert replicas.masked_mean(values, first_two & [True, False, True, True]) == 10


def test_masked_mean_of_nothing_is_zero():
    value = tf.constant([NAN, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(value)
        mean = replicas.masked_mean(value, tf.constant([False, False]))
    assert mean == 0
    np.testing.assert_array_equal(tape.gradient(mean, value), [0, 0])


def test_uneven_masks_weigh_every_pixel_the_same(strategy):
    values = tf.constant([[10.0, NAN, NAN], [20.0, 20.0, 10.0]])
    mask = tf.constant([[True, False, False], [True, True, True]])
    shares = on_replicas(strategy, replicas.masked_mean, values, mask)
    # (10 + 20 + 20 + 10) / 4 = 15; the mean of the replicas' own means is 13.3.
    assert np.mean(shares) == 15
    assert replicas.masked_mean(values, mask) == 15
    # 10 / (4 / 2) and 50 / (4 / 2).
    np.testing.assert_array_equal(shares, [5, 25])


def test_a_replica_without_a_label(strategy):
    values = tf.constant([[NAN], [8.0]])
    mask = tf.constant([[False], [True]])
    shares = on_replicas(strategy, replicas.masked_mean, values, mask)
    np.testing.assert_array_equal(shares, [0, 16])


def test_scene_loss_with_unknown_classes(strategy):
    logits = tf.math.log([[3.0, 1.0], [1.0, 1.0], [1.0, 3.0], [7.0, 1.0]])
    condition = tf.constant([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    loss = Categorical(("a", "b")).loss
    alone = loss(condition, logits)
    shares = on_replicas(strategy, loss, condition, logits)
    # -log 3/4, -log 1/4, -log 1/8.
    assert alone.numpy() == pytest.approx(np.log(4 / 3 * 4 * 8) / 3, rel=1e-6)
    assert np.mean(shares) == pytest.approx(alone.numpy(), rel=1e-6)


def test_nt_xent_takes_its_negatives_from_all_replicas(strategy, golden):
    values = golden("nt_xent")
    views = [tf.constant(values["view_a"]), tf.constant(values["view_b"])]

    def loss_and_gradients(view_a, view_b):
        with tf.GradientTape() as tape:
            tape.watch([view_a, view_b])
            loss = losses.nt_xent(view_a, view_b, 0.5)
            share = loss / replicas.count()
        return loss, *tape.gradient(share, [view_a, view_b])

    alone = loss_and_gradients(*views)
    parts = on_replicas(strategy, loss_and_gradients, *views)
    shares, gradients_a, gradients_b = zip(*parts, strict=True)
    assert np.mean(shares) == pytest.approx(alone[0].numpy(), abs=1e-5)
    np.testing.assert_allclose(tf.concat(gradients_a, 0), alone[1], atol=1e-5)
    np.testing.assert_allclose(tf.concat(gradients_b, 0), alone[2], atol=1e-5)
    # Two batches of their own would give something else.
    apart = [
        losses.nt_xent(views[0][i : i + 3], views[1][i : i + 3], 0.5) for i in (0, 3)
    ]
    assert abs(np.mean(apart) - alone[0].numpy()) > 0.1


# --- Weights that follow others -----------------------------------------------------


def half_way(weight, other):
    return (weight + other) / 2


def test_a_weight_is_set_by_its_own_value_and_anothers():
    follower, leader = keras.Variable([1.0, 2.0]), keras.Variable([3.0, 8.0])
    replicas.assign(follower, leader, half_way)
    np.testing.assert_array_equal(follower.numpy(), [2, 5])
    np.testing.assert_array_equal(leader.numpy(), [3, 8])
    # Also in a graph, although nothing reads the result.
    follow = tf.function(lambda: replicas.assign(follower, leader, half_way))
    follow()
    np.testing.assert_array_equal(follower.numpy(), [2.5, 6.5])
    replicas.assign(follower, leader, lambda weight, other: other)
    np.testing.assert_array_equal(follower.numpy(), [3, 8])


def test_every_replicas_copy_follows_the_copies_there():
    strategy = two_replicas()
    with strategy.scope():
        follower, leader = keras.Variable([1.0, 2.0]), keras.Variable([3.0, 8.0])
    strategy.run(lambda: replicas.assign(follower, leader, half_way))
    strategy.run(lambda: replicas.assign(follower, leader, half_way))
    copies = strategy.experimental_local_results(follower.value)
    assert len(copies) == 2
    for copy in copies:
        np.testing.assert_array_equal(copy, [2.5, 6.5])
    for copy in strategy.experimental_local_results(leader.value):
        np.testing.assert_array_equal(copy, [3, 8])


def test_a_weight_follows_inside_of_a_step_as_a_graph():
    strategy = two_replicas()
    with strategy.scope():
        follower, leader = keras.Variable(0.0), keras.Variable(16.0)

    @tf.function
    def step():
        strategy.run(lambda: replicas.assign(follower, leader, half_way))

    for expected in (8, 12, 14):
        step()
        for copy in strategy.experimental_local_results(follower.value):
            assert copy.numpy() == expected
