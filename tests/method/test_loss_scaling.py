"""Loss scaling: its arithmetic beside Keras', and updates that are not made."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method import loss_scaling
from mgm_tf.method.loss_scaling import FIRST, LEAST, MOST, LossScale
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.optimizers import Adam

NAN, INF = float("nan"), float("inf")


def applied(scale, gradient, network="encoder"):
    """Applies the gradient of a scaled loss; returns what was made of it, or None."""
    made = []

    def act(gradients):
        made.append(gradients[network][0].numpy())
        return [tf.constant(3.0), tf.constant(4.0)]

    numbers = scale.apply({network: [tf.constant(gradient)]}, act)
    assert [float(n) for n in numbers] == ([3.0, 4.0] if made else [0.0, 0.0])
    return made[0] if made else None


def test_terms_are_multiplied_and_gradients_divided_by_the_same():
    scale = LossScale()
    scaled = scale.scaled({"depth": tf.constant(0.5)})
    assert float(scaled["depth"]) == 2.0**14
    np.testing.assert_array_equal(applied(scale, [2.0**14, 2.0**15]), [0.5, 1.0])


@pytest.mark.parametrize("wrong", [NAN, INF, -INF])
def test_an_overflow_halves_the_factor_and_makes_no_update(wrong):
    scale = LossScale()
    scale.served.assign(7)
    assert applied(scale, [1.0, wrong]) is None
    assert (float(scale.factor), int(scale.served)) == (FIRST / 2, 0)


def test_a_factor_that_has_served_is_doubled():
    scale = LossScale(updates_to_double=3)
    factors = []
    for _ in range(7):
        applied(scale, [1.0])
        factors.append(float(scale.factor) / FIRST)
    assert factors == [1, 1, 2, 2, 2, 4, 4]


def test_the_factor_is_that_of_keras():
    theirs = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(1.0), dynamic_growth_steps=3
    )
    weight = keras.Variable([0.0])
    theirs.build([weight])
    scale = LossScale(updates_to_double=3)
    for gradient in (1.0, 1.0, NAN, 1.0, 1.0, 1.0, 1.0, INF, INF, 1.0, 1.0, 1.0):
        theirs.apply([tf.constant([gradient])], [weight])
        applied(scale, [gradient])
        assert float(scale.factor) == float(theirs.dynamic_scale)


def test_the_factor_stays_within_bounds():
    scale = LossScale(updates_to_double=1)
    scale.factor.assign(MOST)
    applied(scale, [1.0])
    assert float(scale.factor) == MOST
    scale.factor.assign(LEAST)
    # No smaller factor mends that: the watch over the step sees it.
    assert np.isnan(applied(scale, [NAN]))
    assert float(scale.factor) == LEAST


@pytest.mark.parametrize("in_graph", [False, True])
def test_an_update_that_is_not_made_leaves_weights_moments_and_counters(in_graph):
    weight = keras.Variable([1.0, 2.0])
    adam = Adam(0.1, l2=0.01)
    adam.build([weight])
    scale = LossScale()

    def update(gradient):
        def act(gradients):
            adam.apply(gradients["encoder"], [weight])
            return [tf.zeros([]), tf.zeros([])]

        scale.apply({"encoder": [gradient]}, act)

    call = tf.function(update, autograph=False) if in_graph else update
    call(FIRST * tf.constant([1.0, -1.0]))
    before = [variable.numpy() for variable in (weight, *adam.variables)]
    call(tf.constant([1.0, NAN]))
    after = [variable.numpy() for variable in (weight, *adam.variables)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    call(FIRST / 2 * tf.constant([1.0, -1.0]))
    assert int(adam.iterations) == 2
    # Adam's first steps are as long as its rate.
    np.testing.assert_allclose(weight.numpy(), [0.8, 2.2], atol=1e-3)


def test_float16_alone_has_scales_one_for_each_name():
    updates = [types.SimpleNamespace(name=name) for name in ("a", "b", "a")]
    assert loss_scaling.of_updates(updates, "float32") == {}
    assert loss_scaling.of_updates(updates, "bfloat16") == {}
    assert list(loss_scaling.of_updates(updates, "float16")) == ["a", "b"]


def test_a_scale_is_kept_with_the_state_of_a_run(tmp_path):
    kept, new = LossScale(), LossScale()
    kept.factor.assign(64.0)
    kept.served.assign(5)
    Checkpoints(tmp_path, {}).save_last(3, {"loss_scale.generate": kept})
    Checkpoints(tmp_path, {}).restore_last({"loss_scale.generate": new})
    assert (float(new.factor), int(new.served)) == (64.0, 5)
