"""What the paper claims, judged by the means over seeds.

The outcome is `held`, `not held`, `not enough seeds` (of a cell that is needed; where
the means point is reason besides) or `not run`.
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
      claim: a claim of the paper.
      look: returns the record of a cell's row, see `blocks`.
      columns: the columns of the data set by task.
      pairs: the pairs of the claim to look at; None: all.

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
    holds, reason = JUDGES[type(claim)](claim, compared)
    finished = [item for item in itertools.chain(*compared) if item["means"]]
    outcome, in_words = _outcome(holds, reason, finished)
    return {
        "text": claim.text,
        "kind": type(claim).__name__.lower(),
        "outcome": outcome,
        "words": in_words,
        "comparisons": list(itertools.chain(*compared)),
    }


# --- Kinds of claims: comparisons by pair -> whether it holds, None if open, and why --


def _better(claim: Better, compared: list[list[dict]]) -> tuple[bool | None, str]:
    return _by_share(compared, claim.share, lambda item: item["change"] > 0)


def _close(claim: Close, compared: list[list[dict]]) -> tuple[bool | None, str]:
    limit = 100 * claim.tolerance + EPSILON
    holds, reason = _by_share(compared, 1.0, lambda item: abs(item["change"]) <= limit)
    changes = [i["change"] for i in itertools.chain(*compared) if i["means"]]
    if not changes:
        return holds, reason
    largest = max(changes, key=abs)
    return holds, f"{reason}; largest difference {formatting.percent(largest)}"


def _growing(claim: Growing, compared: list[list[dict]]) -> tuple[bool | None, str]:
    """Compares the mean lead over the tasks, from pair to pair.

    Interpretation: the paper shows the gap growing in a plot of each task, and says so
    of all.
    """
    finished = [p for p in compared if p and all(item["means"] for item in p)]
    leads = [float(np.mean([item["change"] for item in pair])) for pair in finished]
    steps = [later > earlier for earlier, later in itertools.pairwise(leads)]
    for pair, step in zip(finished[1:], steps, strict=True):
        for item in pair:
            item["agrees"] = step
    reason = "leads " + ", ".join(map(formatting.percent, leads))
    missing = len(compared) - len(leads)
    reason += f"; {missing} of {len(compared)} pairs missing" if missing else ""
    if not all(steps):
        return False, reason
    return (None if missing or not steps else True), reason


JUDGES: Mapping[type, Callable] = {
    Better: _better,
    Close: _close,
    Growing: _growing,
}


def _by_share(
    compared: list[list[dict]], share: float, agrees: Callable[[dict], bool]
) -> tuple[bool | None, str]:
    """Returns whether a share of the comparisons agrees, and why; None if open."""
    each = list(itertools.chain(*compared))
    finished = [item for item in each if item["means"]]
    for item in finished:
        item["agrees"] = bool(agrees(item))
    good = sum(item["agrees"] for item in finished)
    needed = math.ceil(share * len(each) - EPSILON)
    reason = f"{good} of {len(finished)} comparisons agree"
    reason += f", {needed} needed" if share < 1 else ""
    reason += (
        f"; {len(each) - len(finished)} missing" if len(finished) < len(each) else ""
    )
    if good + len(each) - len(finished) < needed:
        return False, reason
    return (True if finished and good >= needed else None), reason


# --- Parts --------------------------------------------------------------------------


def _outcome(
    holds: bool | None, reason: str, finished: Sequence[dict]
) -> tuple[str, str]:
    if not finished:
        return NOT_RUN, ""
    if holds is None:
        return NOT_RUN, f"so far {reason}"
    least = min(min(item["n"]) for item in finished)
    if least < SEEDS:
        return FEW_SEEDS, f"so far {WORDS[holds]} (n = {least}): {reason}"
    return WORDS[holds], reason


def _each_once(pairs: Pairs, look: Callable[[Cell], dict]) -> list[tuple[Cell, Cell]]:
    """Drops pairs with the same runs: blocks of two data sets shown on a third."""
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
    first, second = (look(cell)["cells"][task] for cell in pair)
    result = cells.comparison(first, second, column)
    is_finished = result is not None and result["change"] is not None
    return {
        "first": list(pair[0]),
        "second": list(pair[1]),
        "task": task,
        "title": column.title,
        "means": [c["ours"]["mean"] for c in (first, second)] if is_finished else None,
        "n": [c["ours"]["n"] for c in (first, second)] if is_finished else None,
        "change": result["change"] if result else None,
        "test": result["test"] if result else None,
        "agrees": None,
    }
