"""How gradients of several terms become one, on two shared weights."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.gradients import SURGERY, summed, without_conflicts
from mgm_tf.tasks import replicas
from tests.hand_made import examples
from tests.rig import two_replicas

DRAWS = examples().rng


class Toy:
    """A shared weight pair w and a scalar v beside it; terms a . w and b . w + v."""

    def __init__(self):
        self.shared = tf.Variable([3.0, 4.0])
        self.own = tf.Variable(5.0)
        self.unreached = tf.Variable(6.0)
        self.variables = {
            "encoder": [self.shared],
            "decoders": [self.own, self.unreached],
        }

    def gradients(self, how, first, second, rng=DRAWS):
        """Of terms whose slopes by the shared weights are these, `how` they are one."""
        with tf.GradientTape(persistent=True) as tape:
            shares = {
                "one": tf.reduce_sum(first * self.shared) / replicas.count(),
                "other": (tf.reduce_sum(second * self.shared) + self.own)
                / replicas.count(),
            }
        return how(tape, shares, self.variables, rng)


def found(how, first, second):
    return Toy().gradients(how, tf.constant(first), tf.constant(second))


def test_the_sum_by_hand():
    gradients = found(summed, [1.0, 0.0], [-1.0, 1.0])
    np.testing.assert_array_equal(gradients["encoder"][0], [0, 1])
    assert gradients["decoders"][0].numpy() == 1


def test_conflicts_are_taken_out_by_hand():
    # The product of (1, 0) and (-1, 1) is -1. Of the first, -1/2 of the second is taken
    # away: (1/2, 1/2); of the second, -1/1 of the first: (0, 1).
    gradients = found(without_conflicts, [1.0, 0.0], [-1.0, 1.0])
    np.testing.assert_allclose(gradients["encoder"][0], [0.5, 1.5], rtol=1e-6)
    # Tasks do not meet in the others, which have the sum.
    assert gradients["decoders"][0].numpy() == 1


def test_where_there_is_no_conflict_it_is_the_sum():
    for first, second in (([1.0, 0.0], [2.0, 3.0]), ([1.0, 0.0], [0.0, 3.0])):
        one, other = (
            found(how, first, second)["encoder"][0]
            for how in (summed, without_conflicts)
        )
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("how", SURGERY.values(), ids=SURGERY)
def test_a_weight_that_no_term_reaches_is_told(how):
    gradients = found(how, [1.0, 0.0], [-1.0, 1.0])
    assert list(gradients) and set(gradients) == {"encoder", "decoders"}
    assert gradients["decoders"][1] is None


def test_the_order_of_three_tasks_is_drawn():
    # (1, 0), (-1, 1) and (-1, -2): whom a task meets first makes a difference.
    slopes = [[1.0, 0.0], [-1.0, 1.0], [-1.0, -2.0]]
    weights = tf.Variable([3.0, 4.0])

    def gradient(rng):
        with tf.GradientTape(persistent=True) as tape:
            shares = {str(s): tf.reduce_sum(s * weights) for s in slopes}
        return without_conflicts(tape, shares, {"encoder": [weights]}, rng)

    drawn = [
        tuple(gradient(DRAWS.fold_in(f"step {step}"))["encoder"][0].numpy().tolist())
        for step in range(12)
    ]
    assert len(set(drawn)) > 1
    again = gradient(DRAWS.fold_in("step 0"))["encoder"][0].numpy()
    assert tuple(again.tolist()) == drawn[0]


def test_conflicts_are_those_of_the_global_batch():
    # Of the first task each replica holds slopes (4, 0) and (-2, 0), of the second
    # (0, 1) and (-2, 1): the means are (1, 0) and (-1, 1), as in the test by hand. On
    # each replica alone there would be no conflict.
    strategy = two_replicas()
    slopes = tf.constant([[[4.0, 0.0], [0.0, 1.0]], [[-2.0, 0.0], [-2.0, 1.0]]])
    with strategy.scope():
        toy = Toy()

    def one(how):
        def replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return toy.gradients(how, *tf.unstack(slopes[number]))

        parts = strategy.run(replica)
        # What the optimizers of both sum up.
        return {
            name: sum(
                part.numpy() for part in strategy.experimental_local_results(values[0])
            )
            for name, values in parts.items()
        }

    expected = {summed: [0, 1], without_conflicts: [0.5, 1.5]}
    for how, shared in expected.items():
        gradients = one(how)
        np.testing.assert_allclose(gradients["encoder"], shared, rtol=1e-6, atol=1e-6)
        assert gradients["decoders"] == pytest.approx(1)
