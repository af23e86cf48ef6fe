"""A cell of a table: the mean over the seeds of a training, or why there is none."""

from collections.abc import Collection, Mapping, Sequence

from mgm_tf.experiments.registry.records import Column, Published
from mgm_tf.experiments.report import comparability, statistics
from mgm_tf.experiments.report.runs import Run

MEASURED = "measured"
NOT_RUN = "not run"
UNFINISHED = "not finished"
REFUSED = "not averaged"

Cell = dict  # JSON values; see `measured`


def measured(
    runs: Mapping[int, Run],
    column: Column,
    published: Published | None = None,
    changeable: Collection[str] = (),
) -> Cell:
    """Measures a training in a column.

    Args:
      runs: the runs of the training by seed, finished or not.
      column: the task and the metric.
      published: the paper's figure.
      changeable: the names of settings that change nothing that is learned.

    Returns:
      `state` (one of the four words above), `reason`, `ours` (a `statistics.summary`,
      or None), `published`, `runs` (names of the finished, by seed), `unfinished`,
      `warnings`, `data` (fingerprint, empty if not known), and `against` and `best`,
      which depend on other cells.
    """
    finished = {seed: run for seed, run in runs.items() if run.is_finished}
    pending = [run.name for run in runs.values() if not run.is_finished]
    verdict = comparability.across_seeds(finished, changeable)
    values = {s: r.figure(column.task, column.metric) for s, r in finished.items()}
    measurements = {seed: value for seed, value in values.items() if value is not None}
    lacking = [finished[seed].name for seed in values if seed not in measurements]
    reasons = list(verdict.refusals)
    if lacking:
        reasons.append(f"no {column.metric} of {column.task} in {', '.join(lacking)}")
    is_measured = bool(finished) and not reasons
    return {
        "state": MEASURED if is_measured else _state(finished, pending),
        "reason": "; ".join(reasons),
        "ours": statistics.summary(measurements) if is_measured else None,
        "published": _figure(published),
        "runs": {str(seed): run.name for seed, run in finished.items()},
        "unfinished": pending,
        "warnings": list(verdict.warnings),
        "data": _fingerprint(finished),
        "against": {},
        "best": False,
    }


def comparison(first: Cell, second: Cell, column: Column) -> dict | None:
    """Returns how the first cell stands to the second: change and paired test.

    None if there is nothing to compare: a figure is missing, the runs are the same, or
    the data are not.
    """
    if first["runs"] == second["runs"] or not are_comparable(first, second):
        return None
    change = statistics.relative_change(
        first["ours"]["mean"],
        second["ours"]["mean"],
        higher_is_better=column.higher_is_better,
    )
    test = statistics.paired(first["ours"]["values"], second["ours"]["values"])
    return {"change": change, "test": test}


def are_comparable(first: Cell, second: Cell) -> bool:
    """Returns whether both have a figure, of the same data as far as known."""
    has_figures = first["ours"] is not None and second["ours"] is not None
    prints = {first["data"], second["data"]} - {""}
    return has_figures and len(prints) < 2


def mark_best(cells: Sequence[Cell], column: Column) -> None:
    """Marks the best means of a column, if there are two to choose from."""
    means = [cell["ours"]["mean"] for cell in cells if cell["ours"]]
    if len(means) < 2:
        return
    best = max(means) if column.higher_is_better else min(means)
    for cell in cells:
        cell["best"] = bool(cell["ours"]) and cell["ours"]["mean"] == best


def _state(finished: Mapping, pending: Sequence[str]) -> str:
    if finished:
        return REFUSED
    return UNFINISHED if pending else NOT_RUN


def _figure(published: Published | None) -> dict | None:
    return {"mean": published.mean, "std": published.std} if published else None


def _fingerprint(runs: Mapping[int, Run]) -> str:
    prints = (run.data.get("fingerprint", "") for run in runs.values())
    return next(filter(None, prints), "")
