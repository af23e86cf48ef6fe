"""The notation of tables: rows with the paper's figures beside them, and claims.

    nyuv2(
        50,
        row("MT", MT, ".237±.006  .819±.018  .291±.010"),
        row("MGM-SS", {"segmentation": MGM_SEGMENTATION}, ".244  -  -"),
    )

Figures stand in the order of the block's tasks; `-` is a cell without one.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from mgm_tf.experiments.registry.records import (
    Better,
    Block,
    Cell,
    Close,
    Flags,
    Published,
    Row,
    Training,
)
from mgm_tf.experiments.registry.trainings import THREE

NYUV2_SETTINGS = ("nyuv2 100 %", "nyuv2 50 %", "nyuv2 25 %")
TASKONOMY_SETTINGS = tuple(f"tiny_taskonomy {percent} %" for percent in (100, 50, 25))


@dataclasses.dataclass(frozen=True)
class Line:
    """A row as it is written, before the tasks of its block are known."""

    name: str
    trained: Training | Mapping[str, Training]
    figures: str

    def row(self, tasks: Iterable[str]) -> Row:
        """Returns the row of a block of these tasks."""
        if isinstance(self.trained, Training):
            return Row(self.name, dict.fromkeys(tasks, self.trained))
        reads = {task: self.trained[task] for task in tasks if task in self.trained}
        return Row(self.name, reads)

    def published(self, tasks: tuple[str, ...]) -> dict[tuple[str, str], Published]:
        """Returns the paper's figures by (row, task).

        Raises:
          ValueError: there is not a figure or a `-` for each task, or there is a
            figure of a task that the row does not have.
        """
        figures = self.figures.split() or ["-"] * len(tasks)
        if len(figures) != len(tasks):
            raise ValueError(
                f"Row {self.name!r} has {self.figures!r}; expected a figure or - for "
                f"each of {', '.join(tasks)}."
            )
        cells = {
            task: _published(figure)
            for task, figure in zip(tasks, figures, strict=True)
            if figure.strip("-")
        }
        beyond = cells.keys() - self.row(tasks).reads.keys()
        if beyond:
            raise ValueError(
                f"Row {self.name!r} has a figure of {', '.join(sorted(beyond))}; "
                "expected a training that fills it."
            )
        return {(self.name, task): figure for task, figure in cells.items()}


def _published(figure: str) -> Published:
    """Reads a figure of the paper, `.249±.008` or `.249`."""
    mean, _, std = figure.partition("±")
    return Published(float(mean), float(std) if std else None)


def row(
    name: str, trained: Training | Mapping[str, Training], figures: str = ""
) -> Line:
    """Returns a row: one training for all tasks, or task -> training; and figures."""
    return Line(name, trained, figures)


def block(
    name: str,
    dataset: str,
    *lines: Line,
    tasks: tuple[str, ...] = THREE,
    flags: Flags = (),
    own_flags: Flags = (),
    keeps_dataset: bool = False,
) -> Block:
    """Returns a block of rows, see `records.Block`; raises as `Line.published`."""
    rows = tuple(line.row(tasks) for line in lines)
    published: dict[tuple[str, str], Published] = {}
    for line in lines:
        published.update(line.published(tasks))
    return Block(name, dataset, rows, flags, own_flags, published, keeps_dataset)


def nyuv2(percent: int, *lines: Line, tasks: tuple[str, ...] = THREE) -> Block:
    """Returns the block `nyuv2 50 %`: NYUv2 with this percentage of its labels."""
    return _labelled("nyuv2", percent, *lines, tasks=tasks)


def tiny_taskonomy(percent: int, *lines: Line, tasks: tuple[str, ...] = THREE) -> Block:
    """Returns the block `tiny_taskonomy 50 %`, as `nyuv2` does of NYUv2."""
    return _labelled("tiny_taskonomy", percent, *lines, tasks=tasks)


def _labelled(
    dataset: str, percent: int, *lines: Line, tasks: tuple[str, ...]
) -> Block:
    flags = (("labelled_percent", str(percent)),)
    return block(f"{dataset} {percent} %", dataset, *lines, tasks=tasks, flags=flags)


def better(
    text: str,
    blocks: Iterable[str],
    name: str,
    others: Iterable[str],
    share: float = 1.0,
    tasks: tuple[str, ...] = (),
) -> Better:
    """Returns the claim that in each block row `name` is better than each other."""
    others = tuple(others)
    pairs = tuple(
        ((block_name, name), (block_name, other))
        for block_name in blocks
        for other in others
    )
    return Better(text, pairs, share, tasks)


def close(
    text: str, blocks: Iterable[str], pairs: Iterable[tuple[str, str]], tolerance: float
) -> Close:
    """Returns the claim that in each block the rows of each pair are about the same."""
    pairs = tuple(pairs)
    cells: tuple[tuple[Cell, Cell], ...] = tuple(
        ((name, first), (name, second)) for name in blocks for first, second in pairs
    )
    return Close(text, cells, tolerance)
