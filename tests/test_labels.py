"""Scene classes: -1 is no class, and counts nowhere."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.labels import Categorical

LABELS = Categorical(("bathroom", "bedroom", "kitchen"))
# Probabilities 1/2, 1/4, 1/4.
LOGITS = tf.math.log([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 1.0, 2.0]])


def test_condition_is_one_hot_and_zero_where_unknown():
    condition = LABELS.condition(tf.constant([2, -1, 0]))
    assert LABELS.size == 3
    np.testing.assert_array_equal(condition, [[0, 0, 1], [0, 0, 0], [1, 0, 0]])


def test_condition_times_table_is_the_look_up():
    table = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    condition = LABELS.condition(tf.constant([2, 0]))
    np.testing.assert_array_equal(condition @ table, [[5, 6], [1, 2]])


def test_loss_is_the_mean_over_known_examples():
    condition = LABELS.condition(tf.constant([0, -1, 0]))
    # -log 1/2 and -log 1/4, the second example left out.
    expected = (np.log(2) + np.log(4)) / 2
    assert LABELS.loss(condition, LOGITS).numpy() == pytest.approx(expected, rel=1e-6)


def test_accuracy_is_that_of_known_examples():
    condition = LABELS.condition(tf.constant([0, -1, 0]))
    assert LABELS.accuracy(condition, LOGITS).numpy() == pytest.approx(1 / 2)
    condition = LABELS.condition(tf.constant([0, 1, 2]))
    assert LABELS.accuracy(condition, LOGITS).numpy() == pytest.approx(2 / 3)


def test_nothing_known_is_zero_and_has_no_gradient():
    condition = LABELS.condition(tf.constant([-1, -1, -1]))
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        loss = LABELS.loss(condition, LOGITS)
    assert loss.numpy() == 0
    np.testing.assert_array_equal(tape.gradient(loss, LOGITS), np.zeros((3, 3)))
    assert LABELS.accuracy(condition, LOGITS).numpy() == 0


def test_probabilities():
    expected = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    np.testing.assert_allclose(LABELS.probabilities(LOGITS), expected, rtol=1e-6)


def test_accuracy_of_a_set_is_the_same_in_any_batches():
    scenes = tf.constant([0, -1, 0])
    sums = {"examples": 0.0, "right": 0.0}
    for place in range(3):
        rows = slice(place, place + 1)
        condition = LABELS.condition(scenes[rows])
        for name, value in LABELS.statistics(condition, LOGITS[rows]).items():
            sums[name] += value.numpy()
    assert sums == {"examples": 2, "right": 1}
    assert LABELS.summarize(sums) == {"accuracy": 0.5}
    assert np.isnan(LABELS.summarize({"examples": 0.0, "right": 0.0})["accuracy"])
