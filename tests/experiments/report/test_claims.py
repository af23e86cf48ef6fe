"""Each kind of claim with each outcome."""

import pytest

from mgm_tf.experiments.registry.records import Better, Close, Column, Growing
from mgm_tf.experiments.report import cells, claims, statistics

COLUMNS = {
    "segmentation": Column("SS", "segmentation", "miou", higher_is_better=True),
    "depth": Column("DE", "depth", "absolute_error"),
}


def cell(mean, n=3, row=""):
    """A cell whose mean is exactly this; None: not run."""
    values = {seed: mean for seed in range(n)}
    return {
        "ours": None if mean is None else statistics.summary(values),
        "runs": {} if mean is None else {str(seed): f"{row}{seed}" for seed in values},
        "data": "",
    }


def look_in(rows, n=3):
    """rows: (block, row) -> (segmentation, depth)."""

    def look(place):
        made = zip(COLUMNS, rows[place], strict=True)
        return {
            "stems": {"segmentation": "".join(place)},
            "cells": {task: cell(mean, n, place) for task, mean in made},
        }

    return look


A, B, C, D = (("block", name) for name in "ABCD")
GOOD, BAD, MIXED, NONE = (0.4, 0.5), (0.3, 0.8), (0.4, 0.9), (None, None)


def judged(claim, rows, n=3):
    return claims.judge(claim, look_in(rows, n), COLUMNS)


@pytest.mark.parametrize(
    ("first", "second", "share", "outcome", "words"),
    [
        (GOOD, BAD, 1.0, "held", "2 of 2 comparisons agree"),
        (MIXED, BAD, 1.0, "not held", "1 of 2 comparisons agree"),
        (MIXED, BAD, 0.5, "held", "1 of 2 comparisons agree, 1 needed"),
        (GOOD, GOOD, 1.0, "not held", "0 of 2 comparisons agree"),
        (GOOD, NONE, 1.0, "not run", ""),
        # One of two is missing: it would decide, or it cannot any more.
        (
            (0.4, None),
            BAD,
            1.0,
            "not run",
            "so far 1 of 1 comparisons agree; 1 missing",
        ),
        (
            (0.4, None),
            BAD,
            0.5,
            "held",
            "1 of 1 comparisons agree, 1 needed; 1 missing",
        ),
        ((0.2, None), BAD, 1.0, "not held", "0 of 1 comparisons agree; 1 missing"),
    ],
)
def test_better(first, second, share, outcome, words):
    claim = Better("one is better", ((A, B),), share)
    found = judged(claim, {A: first, B: second})
    assert (found["outcome"], found["words"]) == (outcome, words)
    assert found["text"] == "one is better" and found["kind"] == "better"


def test_few_seeds_tell_a_direction_only():
    claim = Better("", ((A, B),))
    found = judged(claim, {A: GOOD, B: BAD}, n=1)
    assert found["outcome"] == "not enough seeds"
    assert found["words"] == "so far held (n = 1): 2 of 2 comparisons agree"
    found = judged(claim, {A: BAD, B: GOOD}, n=2)
    assert found["words"] == "so far not held (n = 2): 0 of 2 comparisons agree"


def test_comparisons_are_told_in_numbers():
    (depth,) = judged(Better("", ((A, B),), tasks=("depth",)), {A: GOOD, B: BAD})[
        "comparisons"
    ]
    assert depth == {
        "first": ["block", "A"],
        "second": ["block", "B"],
        "task": "depth",
        "title": "DE",
        "means": pytest.approx([0.5, 0.8]),
        "n": [3, 3],
        "change": pytest.approx(37.5),  # .3 less, of .8
        "test": None,  # The seeds do not differ here.
        "agrees": True,
    }


def test_a_comparison_of_other_data_is_none():
    def look(place):
        made = look_in({A: GOOD, B: BAD})(place)
        for one in made["cells"].values():
            one["data"] = place[1]
        return made

    found = claims.judge(Better("", ((A, B),)), look, COLUMNS)
    assert found["outcome"] == "not run"


@pytest.mark.parametrize(
    ("first", "outcome", "largest"),
    [
        ((0.42, 0.5), "held", "+5.0"),  # .02 of .4, on the edge
        ((0.4, 0.52), "held", "-4.0"),
        ((0.4, 0.4), "not held", "+20.0"),
    ],
)
def test_close(first, outcome, largest):
    found = judged(Close("", ((A, B),), 0.05), {A: first, B: GOOD})
    assert found["outcome"] == outcome
    assert f"largest difference {largest}" in found["words"]


def test_close_needs_both():
    assert judged(Close("", ((A, B),)), {A: GOOD, B: NONE})["outcome"] == "not run"
    few = judged(Close("", ((A, B),)), {A: (0.4, 0.5), B: (0.41, 0.5)}, n=2)
    assert few["outcome"] == "not enough seeds"
    assert few["words"].startswith("so far held (n = 2)")


@pytest.mark.parametrize(
    ("last", "outcome", "words"),
    [
        # Leads of the mean of both tasks: (0 + 10) / 2, then (20 + 0) / 2.
        ((0.48, 0.5), "held", "leads +5.0\u00a0%, +10.0\u00a0%"),
        ((0.40, 0.5), "not held", "leads +5.0\u00a0%, +0.0\u00a0%"),
        ((0.48, None), "not run", "so far leads +5.0\u00a0%; 1 of 2 pairs missing"),
    ],
)
def test_growing(last, outcome, words):
    claim = Growing("", ((A, B), (C, D)))
    found = judged(claim, {A: (0.4, 0.45), B: (0.4, 0.5), C: last, D: (0.4, 0.5)})
    assert (found["outcome"], found["words"]) == (outcome, words)


def test_growing_of_what_is_missing_between_can_fail_already():
    pairs = ((A, B), (C, D), (("block", "E"), D))
    rows = {A: GOOD, B: BAD, C: NONE, D: GOOD, ("block", "E"): GOOD}
    # From a lead to none at all.
    assert judged(Growing("", pairs), rows)["outcome"] == "not held"
    few = judged(Growing("", pairs[:1] + pairs[2:]), rows, n=1)
    assert few["outcome"] == "not enough seeds"
    assert few["words"].startswith("so far not held (n = 1): leads")


def test_pairs_of_the_same_runs_count_once():
    rows = {A: GOOD, B: BAD}
    found = judged(Better("", ((A, B), (A, B))), rows)
    assert found["words"] == "2 of 2 comparisons agree"


def test_the_best_of_a_column_are_marked():
    column = COLUMNS["segmentation"]
    made = [cell(0.1), cell(0.3), cell(0.3), cell(None)]
    cells.mark_best(made, column)
    assert [one["best"] for one in made] == [False, True, True, False]
    alone = [cell(0.1) | {"best": False}, cell(None) | {"best": False}]
    cells.mark_best(alone, column)
    assert not any(one["best"] for one in alone)
