"""Schedules of learning rates, by numbers that follow from their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.rates import CONSTANT, RateSchedule


def factors(schedule, *done):
    return [float(schedule(tf.constant(part))) for part in done]


def test_constant_rates_stay():
    assert factors(CONSTANT, 0.0, 0.3, 0.99) == [1.0, 1.0, 1.0]


def test_a_cosine_falls_to_nothing():
    schedule = RateSchedule("cosine")
    # cos 0, cos 60 degrees, cos 90 degrees, cos 120 degrees.
    expected = [1.0, 0.75, 0.5, 0.25]
    np.testing.assert_allclose(
        factors(schedule, 0.0, 1 / 3, 0.5, 2 / 3), expected, atol=1e-6
    )


def test_steps_are_tenths():
    schedule = RateSchedule("step")
    done = (0.0, 0.49, 0.5, 0.74, 0.75, 0.99)
    expected = [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    np.testing.assert_allclose(factors(schedule, *done), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # Halfway through the warm-up, at its end, and halfway through the rest.
        ("constant", [0.0, 0.5, 1.0, 1.0]),
        ("cosine", [0.0, 0.5, 1.0, 0.5]),
        ("step", [0.0, 0.5, 1.0, 0.1]),
    ],
)
def test_a_warm_up_comes_before_the_decay(decay, expected):
    schedule = RateSchedule(decay, warmup=0.2)
    np.testing.assert_allclose(
        factors(schedule, 0.0, 0.1, 0.2, 0.6), expected, rtol=1e-5, atol=1e-7
    )
