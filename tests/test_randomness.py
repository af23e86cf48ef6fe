"""Random numbers depend on seed, step, purpose and place in the batch, nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.randomness import Draws


def draws(seed=1, step=2, places=(0, 1, 2, 3)) -> Draws:
    return Draws.at(seed, tf.constant(step), tf.constant(places), size=4)


def test_same_place_same_numbers():
    np.testing.assert_array_equal(draws().normal(5), draws().normal(5))
    np.testing.assert_array_equal(draws().uniform(5), draws().uniform(5))


@pytest.mark.parametrize("other", [draws(seed=2), draws(step=3), draws().of("noise")])
def test_another_seed_step_or_purpose_gives_other_numbers(other):
    assert not np.any(draws().normal(5) == other.normal(5))


def test_purposes_are_independent_and_repeatable():
    noise, jitter = draws().of("noise"), draws().of("jitter")
    assert not np.any(noise.normal(5) == jitter.normal(5))
    np.testing.assert_array_equal(noise.normal(5), draws().of("noise").normal(5))
    nested = draws().of("jitter").of("noise")
    assert not np.any(noise.normal(5) == nested.normal(5))


def test_replicas_draw_the_rows_of_the_global_batch():
    whole = draws().normal(3, 2)
    first, second = draws(places=(0, 1)), draws(places=(2, 3))
    halves = [first.normal(3, 2), second.normal(3, 2)]
    np.testing.assert_array_equal(whole, tf.concat(halves, axis=0))
    assert first.uniform().shape == (2,)


def test_the_examples_of_a_batch_differ():
    assert len(np.unique(draws().uniform())) == 4


def test_moments_and_range():
    many = Draws.at(0, tf.constant(0), tf.range(20_000), 20_000)
    normal = many.normal().numpy()
    uniform = many.uniform(low=-2.0, high=6.0).numpy()
    assert normal.mean() == pytest.approx(0, abs=0.03)  # 4 / sqrt(20000)
    assert normal.std() == pytest.approx(1, abs=0.03)
    assert uniform.min() >= -2 and uniform.max() < 6
    assert uniform.mean() == pytest.approx(2, abs=0.07)
