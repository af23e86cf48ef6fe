"""The kernel distance against hand numbers and a NumPy twin."""

import numpy as np
import pytest

from mgm_tf.probe import kid
from mgm_tf.probe.kid import in_subsets


def test_two_real_and_two_made_by_hand():
    real = np.array([[1, 1], [1, -1]])
    synthesized = np.array([[2, 0], [0, 2]])
    # Both pairs are orthogonal, k = 1. Between: products 2, 2, 2, -2, k = 8, 8, 8, 0.
    distance = kid.kernel_distance(real, synthesized)
    assert distance == pytest.approx(1 + 1 - 2 * 24 / 4)


def test_sets_of_different_sizes_by_hand():
    real = np.array([[1, 1], [1, -1], [0, 0]])
    synthesized = np.array([[2, 0], [0, 2]])
    # With the origin every k is 1: between there are 8, 8, 8, 0, 1, 1.
    distance = kid.kernel_distance(real, synthesized)
    assert distance == pytest.approx(1 + 1 - 2 * 26 / 6)


def test_two_points_apart_by_hand():
    real, synthesized = np.full((2, 2), 2.0), np.zeros((2, 2))
    # (8 / 2 + 1)^3 = 125 among the real ones, 1 elsewhere.
    assert kid.kernel_distance(real, synthesized) == pytest.approx(125 + 1 - 2)


def test_it_is_the_papers_estimate():
    generator = np.random.default_rng(0)
    real, synthesized = (
        generator.normal(size=(5, 3)),
        generator.normal(1, 2, size=(4, 3)),
    )

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    def within(points):
        pairs = [kernel(x, y) for x in points for y in points if x is not y]
        return sum(pairs) / (len(points) * (len(points) - 1))

    between = np.mean([kernel(x, y) for x in real for y in synthesized])
    expected = within(list(real)) + within(list(synthesized)) - 2 * between
    assert kid.kernel_distance(real, synthesized) == pytest.approx(expected)
    # Half the precision in, all of it in the sums.
    single = kid.kernel_distance(
        real.astype(np.float32), synthesized.astype(np.float32)
    )
    assert single == pytest.approx(expected, rel=1e-5)


def test_no_bias_between_halves_of_one_set():
    features = np.random.default_rng(0).normal(size=(4000, 4))
    mean, deviation = in_subsets(features[:2000], features[2000:], 400, 20, seed=1)
    # A biased estimate of 20 and 20 would be above 0 by about E k(x, x) / 10, that is
    # 1.2 here: E(|x|^2 / 4 + 1)^3 = 1 + 3 + 3 * 1.5 + 3 = 11.5.
    assert abs(mean) < 4 * deviation / np.sqrt(400) < 0.1
    apart, _ = in_subsets(features[:2000], features[2000:] + 1, 400, 20, seed=1)
    assert apart > 1


def test_a_subset_of_all_is_all():
    generator = np.random.default_rng(0)
    real, synthesized = generator.normal(size=(2, 6, 3))
    mean, deviation = in_subsets(real, synthesized, subsets=3, size=6, seed=0)
    assert mean == pytest.approx(kid.kernel_distance(real, synthesized))
    assert deviation == pytest.approx(0, abs=1e-12)


def test_subsets_are_drawn_without_repetition():
    # Two of two: only a repetition could make the distance anything else.
    real, synthesized = np.array([[1.0, 1], [1, -1]]), np.array([[2.0, 0], [0, 2]])
    mean, deviation = in_subsets(real, synthesized, subsets=50, size=2, seed=0)
    assert mean == pytest.approx(-10)
    assert deviation == pytest.approx(0, abs=1e-12)


def test_subsets_are_those_of_the_seed():
    real, synthesized = np.random.default_rng(0).normal(size=(2, 30, 3))
    first, again = [in_subsets(real, synthesized, 4, 10, seed=5) for _ in range(2)]
    assert first == again
    assert in_subsets(real, synthesized, 4, 10, seed=6) != first


def test_features_that_cannot_be_compared_are_refused():
    three = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"\(\(3, 2\), \(3, 1\)\)"):
        kid.kernel_distance(three, three[:, :1])
    with pytest.raises(ValueError, match=r"\(\(3, 2\), \(2,\)\)"):
        kid.kernel_distance(three, three[0])
    with pytest.raises(ValueError, match="at least 2 images.*3 real and 1 synth"):
        kid.kernel_distance(three, three[:1])
    with pytest.raises(ValueError, match="at least 4 images"):
        in_subsets(three, three, subsets=1, size=4, seed=0)
    with pytest.raises(ValueError, match="received 0 of 2"):
        in_subsets(three, three, subsets=0, size=2, seed=0)
    with pytest.raises(ValueError, match="received 1 of 1"):
        in_subsets(three, three, subsets=1, size=1, seed=0)
