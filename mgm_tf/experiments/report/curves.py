"""Learning curves of the rows of a block: validation over steps, mean and band."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mgm_tf.experiments.report import plots
from mgm_tf.experiments.report.layout import Drawing
from mgm_tf.experiments.report.runs import Run

SCORE = "validation/score"
LEAST = 2  # steps that were validated, for a curve


def of_block(block: dict, runs: Mapping[str, Run]) -> list[Drawing]:
    """Returns a drawing for the score and each column, as far as runs have logged them.

    The line of a row is the mean over its seeds, at the steps that all of them have;
    the band reaches from the lowest seed to the highest.

    Args:
      block: the record from `Blocks.of`.
      runs: the runs by name.
    """
    drawings = [_drawing(block, "validation score", SCORE, _scores(runs))]
    for column in block["columns"]:
        name = f"validation/{column['task']}/{column['metric']}"
        read = _headlines(runs, column["task"], name)
        drawings.append(_drawing(block, f"validation {column['title']}", name, read))
    return [drawing for drawing in drawings if drawing is not None]


Curve = dict[int, float]  # step -> value
Reader = Callable[[dict], list[Curve]]  # row -> the curve of each seed


def _drawing(block: dict, what: str, name: str, read: Reader) -> Drawing | None:
    lines = []
    for row in block["rows"]:
        curves = read(row)
        steps = sorted(set.intersection(*map(set, curves))) if curves else []
        points = [(step, [curve[step] for curve in curves]) for step in steps]
        if len(points) >= LEAST:
            lines.append(plots.over_seeds(row["name"], points))
    if not lines:
        return None
    return Drawing(
        f"{block['title']}: {what}",
        plots.in_words(lines, name, "steps"),
        plots.svg(lines, "steps", what),
    )


def _scores(runs: Mapping[str, Run]) -> Reader:
    """Of a row with a network for each task, the mean of their scores."""

    def read(row: dict) -> list[Curve]:
        by_task = [cell["runs"] for cell in row["cells"].values()]
        seeds = set.intersection(*map(set, by_task)) if by_task else set()
        by_seed = []
        for seed in sorted(seeds, key=int):
            each = dict.fromkeys(names[seed] for names in by_task)
            curves = [_logged(runs[name], SCORE) for name in each]
            steps = set.intersection(*map(set, curves))
            by_seed.append({s: float(np.mean([c[s] for c in curves])) for s in steps})
        return _without_empty(by_seed)

    return read


def _headlines(runs: Mapping[str, Run], task: str, name: str) -> Reader:
    def read(row: dict) -> list[Curve]:
        names = row["cells"].get(task, {"runs": {}})["runs"].values()
        return _without_empty([_logged(runs[one], name) for one in names])

    return read


def _without_empty(curves: Sequence[Curve]) -> list[Curve]:
    """Drops empty curves: a run without a log leaves the others their curve."""
    return [curve for curve in curves if curve]


def _logged(run: Run, name: str) -> Curve:
    """Returns the logged curve; of a step repeated after a break, the last value."""
    return {line["step"]: line[name] for line in run.log if line.get(name) is not None}
