"""Random numbers depend on seed, step, purpose and place in the batch, nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.randomness import BatchRng


def rng(seed=1, step=2, places=(0, 1, 2, 3)) -> BatchRng:
    return BatchRng.at(seed, tf.constant(step), tf.constant(places), size=4)


def test_same_place_same_numbers():
    np.testing.assert_array_equal(rng().normal(5), rng().normal(5))
    np.testing.assert_array_equal(rng().uniform(5), rng().uniform(5))


@pytest.mark.parametrize("other", [rng(seed=2), rng(step=3), rng().fold_in("noise")])
def test_another_seed_step_or_purpose_gives_other_numbers(other):
    assert not np.any(rng().normal(5) == other.normal(5))


def test_purposes_are_independent_and_repeatable():
    noise, jitter = rng().fold_in("noise"), rng().fold_in("jitter")
    assert not np.any(noise.normal(5) == jitter.normal(5))
    np.testing.assert_array_equal(noise.normal(5), rng().fold_in("noise").normal(5))
    nested = rng().fold_in("jitter").fold_in("noise")
    assert not np.any(noise.normal(5) == nested.normal(5))


def test_replicas_draw_the_rows_of_the_global_batch():
    whole = rng().normal(3, 2)
    first, second = rng(places=(0, 1)), rng(places=(2, 3))
    halves = [first.normal(3, 2), second.normal(3, 2)]
    np.testing.assert_array_equal(whole, tf.concat(halves, axis=0))
    assert first.uniform().shape == (2,)


def test_the_examples_of_a_batch_differ():
    assert len(np.unique(rng().uniform())) == 4


def test_moments_and_range():
    many = BatchRng.at(0, tf.constant(0), tf.range(20_000), 20_000)
    normal = many.normal().numpy()
    uniform = many.uniform(low=-2.0, high=6.0).numpy()
    assert normal.mean() == pytest.approx(0, abs=0.03)  # 4 / sqrt(20000)
    assert normal.std() == pytest.approx(1, abs=0.03)
    assert uniform.min() >= -2 and uniform.max() < 6
    assert uniform.mean() == pytest.approx(2, abs=0.07)


def test_examples_that_come_again_have_other_numbers():
    # Two turns of four, then the first and the third of a last one.
    again = rng().repeated([0, 1, 2, 3, 0, 1, 2, 3, 0, 2])
    np.testing.assert_array_equal(again.position, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10])
    assert again.size == 12
    numbers = again.normal(3)
    assert numbers.shape == (10, 3) and len(np.unique(numbers)) == 30


def test_some_of_the_examples_keep_their_numbers():
    np.testing.assert_array_equal(
        rng().repeated([0, 2]).normal(3), rng().normal(3).numpy()[[0, 2]]
    )


def test_repeated_draws_are_those_of_the_global_batch_on_replicas():
    whole = rng().repeated([0, 1, 2, 3, 0, 2]).uniform(2).numpy()
    # Each replica takes its two and its first again.
    first, second = (
        rng(places=places).repeated([0, 1, 0]).uniform(2).numpy()
        for places in ((0, 1), (2, 3))
    )
    np.testing.assert_array_equal(first, whole[[0, 1, 4]])
    np.testing.assert_array_equal(second, whole[[2, 3, 5]])


def test_repeated_draws_have_purposes_as_well():
    again = rng().repeated([0, 1, 2, 3, 0])
    assert not np.isin(again.fold_in("noise").normal(), again.normal()).any()
