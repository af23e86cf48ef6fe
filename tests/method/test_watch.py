"""The watch over losses, gradients and weights: what is wrong is named, and when."""

import types

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.errors import NotFinite
from mgm_tf.method import watch
from mgm_tf.method.watch import Watch

UPDATES = (
    types.SimpleNamespace(
        name="discriminate",
        loss=types.SimpleNamespace(terms=("real", "synthesized")),
        trains=("discriminator",),
    ),
    types.SimpleNamespace(
        name="generate",
        loss=types.SimpleNamespace(terms=("hinge",)),
        trains=("generator", "encoder"),
    ),
)
# Losses, then the norm of gradients and the weights of each network.
GOOD = [1.0, 1.0, 10.0, 0.5, -1.0, 10.0, 0.5, 1e8, 0.5]


def noted(*steps):
    """A watch that has seen these steps, from step 4 on, in a graph."""
    seen = Watch(UPDATES)
    note = tf.function(lambda step, row: seen.note(step, tf.unstack(row)))
    for number, row in enumerate(steps):
        note(tf.constant(3 + number, tf.int64), tf.constant(row, tf.float32))
    return seen


def with_value(place, value):
    return GOOD[:place] + [value] + GOOD[place + 1 :]


def test_nothing_is_wrong_with_large_but_usual_numbers():
    noted(GOOD, GOOD).check("joint")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        (1, "the loss discriminate/synthesized"),
        (2, "the norm of the gradients of discriminator in update discriminate"),
        (8, "the root mean square of the weights of encoder after update generate"),
    ],
)
def test_what_is_not_finite_is_named_with_its_step(place, words, value):
    with pytest.raises(NotFinite) as error:
        noted(GOOD, with_value(place, value)).check("joint")
    assert str(error.value) == f"Stage joint, step 5: {words} is not finite."


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (4, -2e6, "the loss generate/hinge is -2e+06, above 1e+06"),
        (5, 2e9, "is 2e+09, above 1e+09"),
        (6, 1500.0, "weights of generator after update generate is 1.5e+03, above"),
    ],
)
def test_what_explodes_is_named(place, value, words):
    with pytest.raises(NotFinite) as error:
        noted(with_value(place, value)).check("joint")
    assert words in str(error.value) and "step 4" in str(error.value)


def test_the_first_step_is_told_and_in_it_the_first_number():
    bad = with_value(7, np.nan)
    seen = noted(GOOD, with_value(4, np.inf), bad, [np.nan] * 9)
    with pytest.raises(NotFinite, match="step 5: the loss generate/hinge is not"):
        seen.check("joint")


def test_a_replica_alone_may_go_wrong():
    devices = ["CPU:0", "CPU:1"]
    strategy = tf.distribute.MirroredStrategy(
        devices, tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        seen = Watch(UPDATES)

    @tf.function
    def step():
        def on_replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            row = tf.where(number == 1, with_value(0, np.nan), GOOD)
            seen.note(tf.constant(7, tf.int64), tf.unstack(tf.cast(row, tf.float32)))

        strategy.run(on_replica)

    step()
    with pytest.raises(NotFinite, match="step 8: the loss discriminate/real is not"):
        seen.check("joint")


def test_norms_are_those_of_a_pencil():
    gradients = [tf.constant([3.0]), tf.constant([[0.0, 4.0]])]
    weights = [tf.constant([1.0, 1.0]), tf.constant([[5.0, 3.0]])]
    # sqrt(9 + 16); sqrt((1 + 1 + 25 + 9) / 4)
    assert [float(n) for n in watch.norms(gradients, weights)] == [5.0, 3.0]
