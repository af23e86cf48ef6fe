"""The mathematics of AdaShare's policies, by numbers one can check by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import adashare_policy

# Softmax (3/4, 1/4) to keep, then (1/4, 3/4), for one task.
LOGITS = tf.math.log([[[3.0, 1.0], [1.0, 3.0]]])
ALL = tf.constant([True, True])
LAST = tf.constant([False, True])


def uniform(*shape, seed=0):
    return tf.random.stateless_uniform(shape, (seed, 1))


def test_noise_that_is_alike_for_both_leaves_the_softmax():
    half = tf.fill(LOGITS.shape, 0.5)
    usage = adashare_policy.sampled_usage(LOGITS, half, 1.0)
    np.testing.assert_allclose(usage, [[3 / 4, 1 / 4]], rtol=1e-6)
    # At temperature 1/2 the odds are squared: 9 to 1.
    usage = adashare_policy.sampled_usage(LOGITS, half, 0.5)
    np.testing.assert_allclose(usage, [[0.9, 0.1]], rtol=1e-5)


def test_noise_is_gumbel():
    # exp(-log(-log u)) = 1 / -log u: 1 for u = 1/e, and 1/3 for u = 1/e^3.
    noise = tf.exp([[[-1.0, -3.0]]])
    usage = adashare_policy.sampled_usage(tf.zeros((1, 1, 2)), noise, 1.0)
    np.testing.assert_allclose(usage, [[3 / 4]], rtol=1e-6)


def test_a_cold_sample_is_a_draw_with_the_probabilities_of_the_softmax():
    logits = tf.tile(LOGITS[:, :1], [20_000, 1, 1])
    usage = adashare_policy.sampled_usage(logits, uniform(20_000, 1, 2), 0.01)
    assert np.mean(usage > 0.5) == pytest.approx(0.75, abs=0.01)
    assert np.mean((usage > 0.01) & (usage < 0.99)) < 0.05


@pytest.mark.parametrize("ends", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
def test_the_ends_of_the_random_numbers_are_no_trap(ends):
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        usage = adashare_policy.sampled_usage(LOGITS, tf.constant([[ends, ends]]), 5.0)
    assert np.isfinite(usage).all()
    assert np.isfinite(tape.gradient(usage, LOGITS)).all()


def test_samples_teach_the_logits():
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        usage = adashare_policy.sampled_usage(LOGITS, tf.fill(LOGITS.shape, 0.5), 2.0)
    # The derivative of the softmax, u (1 - u), divided by the temperature.
    slope = (usage * (1 - usage) / 2.0).numpy()
    expected = np.stack([slope, -slope], axis=-1)
    np.testing.assert_allclose(tape.gradient(usage, LOGITS), expected, rtol=1e-5)


def test_the_most_probable_and_ties_are_kept():
    logits = tf.constant([[[0.5, 0.5], [1.0, 0.9], [-1.0, 0.0]]])
    np.testing.assert_array_equal(
        adashare_policy.most_probable(logits), [[1.0, 1.0, 0.0]]
    )


def test_draws_have_the_probabilities_of_the_softmax():
    below, above = tf.constant([[0.74, 0.24]]), tf.constant([[0.76, 0.26]])
    np.testing.assert_array_equal(adashare_policy.sample(LOGITS, below), [[1.0, 1.0]])
    np.testing.assert_array_equal(adashare_policy.sample(LOGITS, above), [[0.0, 0.0]])


@pytest.mark.parametrize(
    ("progress", "number"),
    [(0.0, 1), (0.124, 1), (0.125, 2), (0.25, 3), (0.374, 3), (0.375, 4), (1.0, 4)],
)
def test_the_policy_takes_over_from_the_end(progress, number):
    # Four blocks over half of the stage: another every eighth.
    expected = [False] * (4 - number) + [True] * number
    for value in (progress, tf.constant(progress), tf.constant(progress, tf.float64)):
        assert adashare_policy.under_policy(4, value, 0.5).numpy().tolist() == expected


def test_a_curriculum_takes_time():
    with pytest.raises(ValueError, match="above 0, got 0"):
        adashare_policy.under_policy(4, 0.0, 0.0)


def test_what_is_not_under_policy_is_used():
    usage = tf.constant([[0.2, 0.3], [0.0, 0.0]])
    masked = adashare_policy.with_curriculum(usage, LAST)
    np.testing.assert_allclose(masked, [[1.0, 0.3], [1.0, 0.0]])


@pytest.mark.parametrize("mask", [ALL, LAST])
def test_sparsity_of_equal_logits_is_log_2_for_each_task(mask):
    value = adashare_policy.sparsity(tf.fill([3, 2, 2], 0.5), mask)
    assert float(value) == pytest.approx(3 * np.log(2), rel=1e-6)


def test_sparsity_is_the_cross_entropy_to_skip():
    # Skipping has probability 1/4 and 3/4.
    both = (np.log(4) + np.log(4 / 3)) / 2
    assert float(adashare_policy.sparsity(LOGITS, ALL)) == pytest.approx(both, rel=1e-6)
    last = float(adashare_policy.sparsity(LOGITS, LAST))
    assert last == pytest.approx(np.log(4 / 3), rel=1e-6)
    assert float(adashare_policy.sparsity(LOGITS, tf.constant([False, False]))) == 0.0


def keeping(logits):
    """Logits [T, B] of keeping, beside some of skipping that should not count."""
    return tf.stack([tf.constant(logits), uniform(*np.shape(logits))], axis=-1)


def test_sharing_weighs_early_blocks_more():
    logits = keeping([[1.0, 2.0], [4.0, 0.0]])
    # |1 - 4| * 2/2 + |2 - 0| * 1/2.
    assert float(adashare_policy.sharing(logits, ALL)) == pytest.approx(4.0)
    assert float(adashare_policy.sharing(logits, LAST)) == pytest.approx(1.0)


def test_sharing_counts_every_pair_of_tasks_once():
    # |1 - 2| + |1 - 4| + |2 - 4|.
    logits = keeping([[1.0], [2.0], [4.0]])
    assert float(adashare_policy.sharing(logits, tf.constant([True]))) == pytest.approx(
        6.0
    )


def test_penalties_teach_the_blocks_under_policy():
    logits = keeping([[1.0, 2.0], [4.0, 0.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        sparsity = adashare_policy.sparsity(logits, LAST)
        sharing = adashare_policy.sharing(logits, LAST)
    gradient = tape.gradient(sparsity, logits).numpy()
    assert (gradient[:, 0] == 0).all()
    # Descending it makes skipping likelier.
    assert (gradient[:, 1, 0] > 0).all() and (gradient[:, 1, 1] < 0).all()
    gradient = tape.gradient(sharing, logits).numpy()
    np.testing.assert_allclose(gradient[..., 0], [[0.0, 0.5], [0.0, -0.5]])
    np.testing.assert_array_equal(gradient[..., 1], np.zeros((2, 2)))


def test_temperatures_fall_to_a_floor():
    assert float(adashare_policy.temperature(5.0, 0.965, 0)) == 5.0
    # 5 / 4; phases may be counted by a tensor.
    assert float(adashare_policy.temperature(5.0, 0.5, tf.constant(2))) == 1.25
    assert float(adashare_policy.temperature(5.0, 0.5, 60)) == pytest.approx(0.1)
