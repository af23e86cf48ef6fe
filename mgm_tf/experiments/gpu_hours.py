"""What a table costs on GPUs that are not at hand: operations over a stated speed.

The operations are those of `forecast`, counted as the benchmark counts those of a step:
a product and a sum are two. A GPU does them at its stated peak times a share that is
stated as well, for nobody has measured it here.
"""

import dataclasses
import pathlib
import re

from mgm_tf.experiments import forecast, jobs
from mgm_tf.experiments.registry import table_of
from mgm_tf.experiments.registry.records import COLUMNS
from mgm_tf.experiments.report.layout import Grid, Paragraph, cell
from mgm_tf.plotting import html, terminal


@dataclasses.dataclass(frozen=True)
class Gpu:
    """A kind of GPU.

    Attributes:
      name: its name.
      peak: the TFLOP/s of dense matrix products in TF32, by its data sheet; TensorFlow
        rounds to TF32 unless told otherwise.
    """

    name: str
    peak: float


GPUS = (Gpu("RTX 4090", 82.6), Gpu("A100", 156.0), Gpu("H100 SXM", 494.5))
# Interpretation: the share of the peak that a step reaches. Convolutions of few
# channels on 128 pixels do not fill a large GPU; a quarter is a guess, and hours scale
# with it.
UTILISATION = 0.25
# The name of a part of a Markdown file, see `report.markdown_file`.
_PART = re.compile(r"cost of table (?P<table>\S+) on (?P<dataset>\S+)")
_HEADS = ("row", "runs", "PFLOP", *(f"{gpu.name}, h" for gpu in GPUS))


def hours(cost: float, gpu: Gpu) -> float:
    """Returns the hours that a GPU takes for so many PFLOP, 10^15 operations."""
    return cost * 1e3 / (gpu.peak * UTILISATION) / 3600


def rows(choice: jobs.Choice) -> list[tuple[str, ...]]:
    """Returns a line for each row of a choice, with the runs it needs, and their sum.

    A line has the row's name, the number of its runs, their operations in PFLOP, and
    the hours on each of `GPUS`.
    """
    shown = {
        row.name: None
        for table in choice.tables
        for block in table.blocks
        for row in block.rows
        if not choice.rows or row.name in choice.rows
    }
    lines: list[tuple[str, ...]] = []
    every: dict[str, jobs.Job] = {}
    for name in shown:
        one = dataclasses.replace(choice, rows=(name,))
        planned = jobs.plan(one, pathlib.Path("runs")).jobs
        lines.append(_line(name, planned))
        every |= {job.name: job for job in planned}
    return [*lines, _line("all, each run once", tuple(every.values()))]


def as_text(choice: jobs.Choice) -> str:
    """Returns these lines for the terminal, with what they take for granted."""
    columns = [
        terminal.Column(head, right=place > 0) for place, head in enumerate(_HEADS)
    ]
    return f"{terminal.table(columns, rows(choice))}\n\n{assumptions()}"


def part(name: str) -> str | None:
    """Returns `cost of table 2 on nyuv2` for a Markdown file; None of another name.

    Raises:
      ValueError: there is no such table or data set.
    """
    match = _PART.fullmatch(name)
    if match is None:
        return None
    if match["dataset"] not in COLUMNS:
        raise ValueError(f"{name}: known data sets are {', '.join(COLUMNS)}.")
    scale = jobs.SCALES[0]
    choice = jobs.Choice(
        (table_of(match["table"]),), scale, match["dataset"], jobs.SEEDS[scale]
    )
    grid = Grid(_HEADS, [tuple(map(cell, line)) for line in rows(choice)])
    return html.render(
        "sections.md.j2", parts=[grid, Paragraph(assumptions())], folder=""
    )


def assumptions() -> str:
    """Says by which speeds hours are reckoned."""
    peaks = ", ".join(f"{gpu.name} {gpu.peak:g}" for gpu in GPUS)
    return (
        f"Hours of one GPU at {UTILISATION:.0%} (assumed) of its peak in TF32, dense, "
        f"TFLOP/s by the data sheets: {peaks}. PFLOP: 10^15 operations of all training "
        "steps; validation and tests come on top."
    )


def _line(name: str, planned: tuple[jobs.Job, ...]) -> tuple[str, ...]:
    cost = sum(map(forecast.run_cost, planned))
    return (
        name,
        str(len(planned)),
        _three_digits(cost),
        *(_three_digits(hours(cost, gpu)) for gpu in GPUS),
    )


def _three_digits(value: float) -> str:
    """Returns `1670` of 1673.4, `0.361` of 0.36149."""
    return f"{float(f'{value:.3g}'):g}"
