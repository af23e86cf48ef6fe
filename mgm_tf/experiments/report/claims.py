"""What the paper claims, judged by the means over seeds.

The outcome is `held`, `not held`, `not enough seeds` (of a cell that is needed; where
the means point is told besides) or `not run`.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mgm_tf.experiments.registry.records import (
    Better,
    Cell,
    Claim,
    Close,
    Column,
    Growing,
)
from mgm_tf.experiments.report import cells, formatting

HELD = "held"
NOT_HELD = "not held"
FEW_SEEDS = "not enough seeds"
NOT_RUN = "not run"
OUTCOMES = HELD, NOT_HELD, FEW_SEEDS, NOT_RUN
WORDS = {True: HELD, False: NOT_HELD}

SEEDS = 3  # of a cell, for a judgement
EPSILON = 1e-9  # what rounding may add to a relative difference

Pairs = Sequence[tuple[Cell, Cell]]


def judge(
    claim: Claim,
    look: Callable[[Cell], dict],
    columns: Mapping[str, Column],
    pairs: Pairs | None = None,
) -> dict:
    """Judges a claim on a data set.

    Args:
      claim: of the paper.
      look: cell -> the row's record there, see `blocks`.
      columns: of the data set, by task.
      pairs: those of the claim that are looked at; None: all.

    Returns:
      `text`, `kind`, `outcome`, `words` (the outcome in numbers) and `comparisons`: of
      each `first`, `second` and `task`, the `means`, `n` and `change` (oriented, in
      percent of the second), the paired `test` and whether it `agrees`. What was not
      run has None in these.
    """
    pairs = _each_once(claim.pairs if pairs is None else pairs, look)
    tasks = getattr(claim, "tasks", ())
    compared = [
        [
            _compared(pair, task, look, column)
            for task, column in columns.items()
            if _have(pair, task, look) and (not tasks or task in tasks)
        ]
        for pair in pairs
    ]
    holds, told = JUDGES[type(claim)](claim, compared)
    made = [one for one in itertools.chain(*compared) if one["means"]]
    outcome, in_words = _outcome(holds, told, made)
    return {
        "text": claim.text,
        "kind": type(claim).__name__.lower(),
        "outcome": outcome,
        "words": in_words,
        "comparisons": list(itertools.chain(*compared)),
    }


# --- Kinds of claims: comparisons by pair -> whether it holds, None if open, and why --


def _better(claim: Better, compared: list[list[dict]]) -> tuple[bool | None, str]:
    return _by_share(compared, claim.share, lambda one: one["change"] > 0)


def _close(claim: Close, compared: list[list[dict]]) -> tuple[bool | None, str]:
    limit = 100 * claim.tolerance + EPSILON
    holds, told = _by_share(compared, 1.0, lambda one: abs(one["change"]) <= limit)
    made = [one["change"] for one in itertools.chain(*compared) if one["means"]]
    if not made:
        return holds, told
    largest = max(made, key=abs)
    return holds, f"{told}; largest difference {formatting.percent(largest)}"


def _growing(claim: Growing, compared: list[list[dict]]) -> tuple[bool | None, str]:
    """The mean lead over the tasks, from pair to pair.

    Interpretation: the paper shows the gap growing in a plot of each task, and says so
    of all.
    """
    del claim
    made = [pair for pair in compared if pair and all(one["means"] for one in pair)]
    leads = [float(np.mean([one["change"] for one in pair])) for pair in made]
    steps = [later > earlier for earlier, later in itertools.pairwise(leads)]
    for pair, step in zip(made[1:], steps, strict=True):
        for one in pair:
            one["agrees"] = step
    told = "leads " + ", ".join(map(formatting.percent, leads))
    missing = len(compared) - len(leads)
    told += f"; {missing} of {len(compared)} pairs missing" if missing else ""
    if not all(steps):
        return False, told
    return (None if missing or not steps else True), told


JUDGES: Mapping[type, Callable] = {
    Better: _better,
    Close: _close,
    Growing: _growing,
}


def _by_share(
    compared: list[list[dict]], share: float, agrees: Callable[[dict], bool]
) -> tuple[bool | None, str]:
    """Whether so many comparisons agree, whatever those are that were not run."""
    each = list(itertools.chain(*compared))
    made = [one for one in each if one["means"]]
    for one in made:
        one["agrees"] = bool(agrees(one))
    good = sum(one["agrees"] for one in made)
    needed = math.ceil(share * len(each) - EPSILON)
    told = f"{good} of {len(made)} comparisons agree"
    told += f", {needed} needed" if share < 1 else ""
    told += f"; {len(each) - len(made)} missing" if len(made) < len(each) else ""
    if good + len(each) - len(made) < needed:
        return False, told
    return (True if made and good >= needed else None), told


# --- Parts --------------------------------------------------------------------------


def _outcome(holds: bool | None, told: str, made: Sequence[dict]) -> tuple[str, str]:
    if not made:
        return NOT_RUN, ""
    if holds is None:
        return NOT_RUN, f"so far {told}"
    least = min(min(one["n"]) for one in made)
    if least < SEEDS:
        return FEW_SEEDS, f"so far {WORDS[holds]} (n = {least}): {told}"
    return WORDS[holds], told


def _each_once(pairs: Pairs, look: Callable[[Cell], dict]) -> list[tuple[Cell, Cell]]:
    """Without pairs that have the same runs: blocks of two data sets on a third one."""
    seen: dict[tuple, tuple[Cell, Cell]] = {}
    for first, second in pairs:
        keys = tuple(tuple(look(cell)["stems"].items()) for cell in (first, second))
        seen.setdefault(keys, (first, second))
    return list(seen.values())


def _have(pair: tuple[Cell, Cell], task: str, look: Callable[[Cell], dict]) -> bool:
    return all(task in look(cell)["cells"] for cell in pair)


def _compared(
    pair: tuple[Cell, Cell], task: str, look: Callable[[Cell], dict], column: Column
) -> dict:
    one, other = (look(cell)["cells"][task] for cell in pair)
    found = cells.comparison(one, other, column)
    is_made = found is not None and found["change"] is not None
    return {
        "first": list(pair[0]),
        "second": list(pair[1]),
        "task": task,
        "title": column.title,
        "means": [c["ours"]["mean"] for c in (one, other)] if is_made else None,
        "n": [c["ours"]["n"] for c in (one, other)] if is_made else None,
        "change": found["change"] if found else None,
        "test": found["test"] if found else None,
        "agrees": None,
    }
