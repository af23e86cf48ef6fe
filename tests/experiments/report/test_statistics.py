"""Statistics that a pencil can check."""

import math

import pytest

from mgm_tf.experiments.report import statistics


def test_mean_and_spread_over_seeds():
    assert statistics.summary({0: 1.0, 1: 2.0, 2: 3.0}) == {
        "mean": 2.0,
        "std": 1.0,  # ((1 + 0 + 1) / 2) ** .5
        "n": 3,
        "values": {"0": 1.0, "1": 2.0, "2": 3.0},
    }
    assert statistics.summary({4: 0.5})["std"] is None


@pytest.mark.parametrize(
    ("value", "higher_is_better", "expected"),
    [(0.6, True, 20.0), (0.6, False, -20.0), (0.4, False, 20.0), (0.5, True, 0.0)],
)
def test_a_better_figure_changes_upwards(value, higher_is_better, expected):
    change = statistics.relative_change(value, 0.5, higher_is_better=higher_is_better)
    assert change == pytest.approx(expected)


def test_changes_are_of_the_size_of_the_reference():
    # From -2 to -1 is half of 2 upwards; of 0 there is no share.
    assert statistics.relative_change(-1, -2, higher_is_better=True) == 50
    assert statistics.relative_change(1, 0, higher_is_better=True) is None


def test_delta_m_is_the_mean_over_tasks():
    assert statistics.delta_m([10.0, -4.0, 3.0]) == pytest.approx(3.0)
    assert statistics.delta_m([10.0, None]) is None
    assert statistics.delta_m([]) is None


def test_paired_test_over_common_seeds():
    first = {"0": 2.0, "1": 4.0, "2": 6.0, "3": 9.0}
    second = {"0": 1.0, "1": 2.0, "2": 3.0, "7": 0.0}
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)); of two degrees of freedom
    # p = 1 - t / sqrt(t * t + 2) = 1 - sqrt(12 / 14).
    test = statistics.paired(first, second)
    assert test == {"p": pytest.approx(1 - math.sqrt(12 / 14)), "pairs": 3}


@pytest.mark.parametrize(
    "second",
    [{"0": 1.0}, {"5": 1.0, "6": 2.0}, {"0": 0.9, "1": 1.9, "2": 2.9}],
    ids=["one pair", "no pair", "no spread"],
)
def test_no_test_without_pairs_that_differ(second):
    assert statistics.paired({"0": 1.0, "1": 2.0, "2": 3.0}, second) is None
