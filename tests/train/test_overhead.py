"""What a stage spends beside its steps, by a clock that the test turns."""

import pytest

from mgm_tf.train import overhead
from mgm_tf.train.overhead import Overhead

EVERY = {"evaluate_every": 100, "picture_every": 50, "checkpoint_every": 200}


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(overhead.time, "monotonic", lambda: now[0])
    return now


def spent(clock, budget, evaluation=0.0, pictures=0.0, total=200.0):
    """A stage of `total` seconds with these in it."""
    clock[0] = 1000.0
    counted = Overhead(budget)
    for what, seconds in (("evaluation", evaluation), ("pictures", pictures)):
        with counted.of(what):
            clock[0] += seconds
    clock[0] = 1000.0 + total
    return counted


def test_shares_are_of_the_stages_time(clock):
    counted = spent(clock, 0.1, evaluation=10, pictures=4)
    assert counted.shares() == {"evaluation": 0.05, "pictures": 0.02, "checkpoints": 0}
    assert not counted.is_exceeded()
    assert counted.words(EVERY, 1000) == (
        "7.0% of 200 s: evaluation 5.0%, pictures 2.0%, checkpoints 0.0%."
    )


def test_what_helps_most_is_said(clock):
    counted = spent(clock, 0.1, evaluation=32, pictures=4)
    assert counted.is_exceeded()
    # Pictures take .02, so that .08 are left to evaluations, half of their .16.
    assert counted.words(EVERY, 1000).endswith(
        "That is above --overhead_budget=0.1: --evaluate_every=200 helps most."
    )
    assert "--evaluate_every=150 helps" in counted.words(EVERY, 150)
    assert "--picture_every=" in spent(clock, 0.1, pictures=90).words(EVERY, 1000)


def test_the_first_minute_says_nothing_yet(clock):
    assert not spent(clock, 0.1, evaluation=50, total=59).is_exceeded()
    assert spent(clock, 0.1, evaluation=50, total=60).is_exceeded()
