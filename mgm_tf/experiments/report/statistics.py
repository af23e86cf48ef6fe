"""Means over seeds, relative changes, Delta m and paired tests."""

from collections.abc import Iterable, Mapping

import numpy as np
from etils import epy

with epy.lazy_imports():
    from scipy import stats


def summary(values: Mapping[int, float]) -> dict:
    """Returns mean and spread of a figure over seeds.

    Returns:
      `mean`, `std` (of a sample, n - 1; None of one value), `n`, and the `values` by
      seed.
    """
    numbers = list(values.values())
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {
        "mean": float(np.mean(numbers)),
        "std": spread,
        "n": len(numbers),
        "values": {str(seed): float(value) for seed, value in values.items()},
    }


def relative_change(
    value: float, reference: float, *, higher_is_better: bool
) -> float | None:
    """Returns how much better than the reference, in percent of it; below 0 is worse.

    None of a reference of 0.
    """
    if reference == 0:
        return None
    change = 100 * (value - reference) / abs(reference)
    return change if higher_is_better else -change


def delta_m(changes: Iterable[float | None]) -> float | None:
    """Returns Delta m: the mean over tasks of the relative changes to ST, in percent.

    Maninis, Radosavovic and Kokkinos, "Attentive single-tasking of multiple tasks"
    (CVPR 2019). None if a task has no change, or there is no task.
    """
    known = list(changes)
    if not known or None in known:
        return None
    return float(np.mean([change for change in known if change is not None]))


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> dict | None:
    """Computes Student's paired test over the seeds that both have.

    Returns:
      `p`, two-sided, and `pairs`. None of fewer than 2 pairs, and where all pairs
      differ by the same: the test divides by the spread of the differences.
    """
    seeds = sorted(set(first) & set(second))
    ones = np.array([first[seed] for seed in seeds])
    others = np.array([second[seed] for seed in seeds])
    differences = ones - others
    # By rounding, equal differences are not quite equal: scipy would warn, rightly.
    least = 1e-12 * np.abs([*ones, *others]).max(initial=0.0)
    if len(seeds) < 2 or np.ptp(differences) <= least:
        return None
    return {"p": float(stats.ttest_rel(ones, others).pvalue), "pairs": len(seeds)}
