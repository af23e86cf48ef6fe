"""Adam: Keras' numbers, a penalty in the gradient, and replicas that agree."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.train.optimizers import Adam
from tests.rig import two_replicas

START = {"kernel": [[1.0, -2.0], [0.5, 3.0]], "bias": [0.0, 0.1]}
SETTINGS = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


def weights():
    return [keras.Variable(value, name=name) for name, value in START.items()]


def gradients(step):
    """Of very different sizes, with zeros among them."""
    random = np.random.default_rng(step)
    kernel = random.standard_normal((2, 2)) * [[1e-3, 1.0], [1e3, 0.0]]
    return [kernel.astype(np.float32), random.standard_normal(2).astype(np.float32)]


def after(optimizer, steps, of=gradients):
    """The weights after some steps."""
    trained = weights()
    optimizer.build(trained)
    for step in range(steps):
        optimizer.apply([tf.constant(g) for g in of(step)], trained)
    return [weight.numpy() for weight in trained]


@pytest.mark.parametrize("beta_1", [0.0, 0.9])
def test_it_is_adam(beta_1):
    settings = SETTINGS | {"beta_1": beta_1}
    own = after(Adam(**settings), 7)
    theirs = after(keras.optimizers.Adam(**settings), 7)
    for value, expected in zip(own, theirs, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6, rtol=0)


def test_the_first_step_is_the_learning_rate():
    kernel, bias = after(Adam(**SETTINGS), 1)
    directions = [np.sign(gradient) for gradient in gradients(0)]
    # Whatever the size of the gradient, as long as it is large beside epsilon.
    np.testing.assert_allclose(
        kernel, START["kernel"] - 0.01 * directions[0], atol=1e-4
    )
    np.testing.assert_allclose(bias, START["bias"] - 0.01 * directions[1], atol=1e-5)


def test_an_unchanged_weight_has_no_gradient():
    kernel, _ = after(Adam(**SETTINGS), 3)
    assert kernel[1, 1] == 3.0


def test_the_penalty_is_part_of_the_gradient():
    """As in `torch.optim.Adam(weight_decay=l2)`."""
    l2 = 0.1
    plain, penalised = Adam(**SETTINGS), Adam(**SETTINGS, l2=l2)
    by_hand, trained = weights(), weights()
    plain.build(by_hand)
    penalised.build(trained)
    for step in range(5):
        found = [tf.constant(g) for g in gradients(step)]
        sums = [g + l2 * w.value for g, w in zip(found, by_hand, strict=True)]
        plain.apply(sums, by_hand)
        penalised.apply(found, trained)
    for value, expected in zip(trained, by_hand, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6, rtol=0)
    # AdamW would shrink the weight without a gradient by lr * l2 = 0.001 a step.
    assert trained[0].numpy()[1, 1] == pytest.approx(3 - 5 * 0.01, abs=1e-4)


def test_weights_of_a_name_have_a_rate_of_their_own():
    kernel, bias = after(Adam(**SETTINGS, rates={"bias": 0.5}), 1)
    directions = [np.sign(gradient) for gradient in gradients(0)]
    np.testing.assert_allclose(
        kernel, START["kernel"] - 0.01 * directions[0], atol=1e-4
    )
    np.testing.assert_allclose(bias, START["bias"] - 0.5 * directions[1], rtol=1e-5)


def test_rates_are_what_another_optimizer_would_take():
    # Of the same gradients, step for step; the penalty included.
    own = after(Adam(**SETTINGS, l2=0.1, rates={"bias": 0.3, "gain": 7.0}), 5)
    slow, fast = (
        after(Adam(**(SETTINGS | {"learning_rate": rate}), l2=0.1), 5)
        for rate in (0.01, 0.3)
    )
    np.testing.assert_array_equal(own[0], slow[0])
    np.testing.assert_array_equal(own[1], fast[1])


def test_keras_is_told_all_arguments():
    told = Adam(**SETTINGS, l2=0.1, rates={"bias": 0.5}).get_config()
    assert told["l2"] == 0.1 and told["rates"] == {"bias": 0.5}
    assert told["beta_1"] == 0.9


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_replicas_sum_their_gradients(l2):
    strategy = two_replicas()
    with strategy.scope():
        trained = weights()
        optimizer = Adam(**SETTINGS, l2=l2)
        optimizer.build(trained)

    def step(number):
        share = 0.25 + 0.5 * tf.cast(replica(), tf.float32)
        optimizer.apply([share * g for g in gradients(number)], trained)

    for number in range(3):
        strategy.run(step, (number,))
    alone = after(Adam(**SETTINGS, l2=l2), 3)
    assert optimizer.iterations.numpy() == 3
    for weight, expected in zip(trained, alone, strict=True):
        first, second = strategy.experimental_local_results(weight.value)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, expected, atol=1e-6, rtol=0)


def replica():
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def test_a_checkpoint_restores_it(tmp_path):
    trained, optimizer = weights(), Adam(**SETTINGS)
    optimizer.build(trained)
    for step in range(3):
        optimizer.apply([tf.constant(g) for g in gradients(step)], trained)
    saved = tf.train.Checkpoint(optimizer=optimizer, weights=trained)
    path = saved.save(str(tmp_path / "state"))
    names = [name for name, _ in tf.train.list_variables(path)]
    # Iterations, learning rate, and two moments of each of the two weights.
    assert len([name for name in names if name.startswith("optimizer/")]) >= 6

    others, restored = weights(), Adam(**SETTINGS)
    restored.build(others)
    status = tf.train.Checkpoint(optimizer=restored, weights=others).restore(path)
    status.assert_existing_objects_matched().assert_consumed()
    assert restored.iterations.numpy() == 3
    for step in (3, 4):
        for one, variables in ((optimizer, trained), (restored, others)):
            one.apply([tf.constant(g) for g in gradients(step)], variables)
    for value, expected in zip(others, trained, strict=True):
        np.testing.assert_array_equal(value, expected)


# --- Factors and schedules ------------------------------------------------------------


def by_hand(steps, factors, rates):
    """Adam in float64: the gradient weighs `factor` in the average of gradients."""
    value, mean, square = 1.0, 0.0, 0.0
    for step, (gradient, factor, rate) in enumerate(
        zip(steps, factors, rates, strict=True), 1
    ):
        mean = 0.9 * mean + 0.1 * factor * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        value -= rate * corrected[0] / np.sqrt(corrected[1])
    return value


def test_factor_and_scale_are_those_of_the_formula():
    steps, factors = [0.5, -2.0, 3.0, 0.1], [1.0, 0.25, 0.0, 1.0]
    scales = [1.0, 0.5, 0.2, 0.0]
    optimizer = Adam(**SETTINGS | {"epsilon": 1e-12})
    weight = keras.Variable([1.0], name="kernel")
    optimizer.build([weight])
    for gradient, factor, scale in zip(steps, factors, scales, strict=True):
        gradients_now = [tf.constant([gradient])]
        optimizer.apply(
            gradients_now, [weight], scale=tf.constant(scale), factor=factor
        )
    expected = by_hand(steps, factors, [0.01 * scale for scale in scales])
    np.testing.assert_allclose(weight.numpy(), [expected], rtol=1e-6)


@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_a_factor_is_not_divided_out_again(factor):
    """It holds for an optimizer of its own, where one on the loss would do nothing."""

    def first_step(share):
        optimizer, weight = Adam(**SETTINGS), keras.Variable([1.0], name="kernel")
        optimizer.build([weight])
        optimizer.apply([tf.constant([3.0])], [weight], factor=share)
        return 1.0 - float(weight.numpy()[0])

    assert first_step(factor) == pytest.approx(factor * first_step(1.0), rel=1e-3)


def test_own_rates_follow_the_schedule():
    optimizer = Adam(**SETTINGS, rates={"stitch": 0.5})
    weight = keras.Variable([1.0], name="stitch")
    optimizer.build([weight])
    optimizer.apply([tf.constant([3.0])], [weight], scale=tf.constant(0.1))
    assert float(weight.numpy()[0]) == pytest.approx(1.0 - 0.5 * 0.1, rel=1e-5)
