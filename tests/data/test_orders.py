"""The order of examples is a function of (seed, step)."""

import numpy as np
import tensorflow as tf

from mgm_tf.data import orders


def numbers(step, batch_size=4, examples=12, seed=0, salt=0):
    return orders.order(
        tf.constant(step, tf.int64), batch_size, examples, seed, salt
    ).numpy()


def epoch(number, **settings):
    """The numbers of an epoch of 12 examples, which 3 batches of 4 make up."""
    steps = range(3 * number, 3 * number + 3)
    return np.concatenate([numbers(step, **settings) for step in steps])


def test_every_epoch_has_every_example_once():
    for number in range(4):
        assert sorted(epoch(number)) == list(range(12))


def test_epochs_seeds_and_stages_differ_in_their_order():
    found = [epoch(0), epoch(1), epoch(0, seed=1), epoch(0, salt=100)]
    assert len({tuple(order) for order in found}) == 4
    # A shift of the same order would be no new one.
    assert np.unique((found[0] - found[1]) % 12).size > 1


def test_the_order_is_a_function_of_seed_and_step():
    np.testing.assert_array_equal(numbers(7, seed=3), numbers(7, seed=3))
    in_a_graph = tf.function(lambda step: orders.order(step, 4, 12, 3))
    np.testing.assert_array_equal(
        in_a_graph(tf.constant(7, tf.int64)), numbers(7, seed=3)
    )


def test_a_batch_may_hold_the_end_of_an_epoch_and_the_start_of_the_next():
    # 5 examples in batches of 4: places 0-3, 4-7, 8-11, 12-15, 16-19 are four epochs.
    places = np.concatenate([numbers(step, examples=5) for step in range(5)])
    for start in range(0, 20, 5):
        assert sorted(places[start : start + 5]) == [0, 1, 2, 3, 4]


def test_a_batch_may_be_larger_than_the_set():
    places = numbers(0, batch_size=7, examples=3)
    assert sorted(places[:3]) == sorted(places[3:6]) == [0, 1, 2]


def test_orders_are_spread_evenly_and_do_not_come_again():
    # Of 600 epochs of 12, an example is first in 50; binomial, deviation 6.8.
    order = tf.function(lambda step: orders.order(step, 12, 12, 0))
    epochs = [order(tf.constant(step, tf.int64)).numpy() for step in range(600)]
    counts = np.bincount([order[0] for order in epochs], minlength=12)
    assert counts.min() > 22 and counts.max() < 78
    assert len({tuple(order) for order in epochs}) == 600
