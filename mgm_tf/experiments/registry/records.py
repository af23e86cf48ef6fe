"""The records of the registry: trainings, rows, tables, claims. Data, no behaviour.

A training is given by flag files and flags; with a data set, a scale and a seed it is a
run. A row of a table is read from one run or, as ST, from one for each task.
"""

import dataclasses
from collections.abc import Mapping

Flags = tuple[tuple[str, str], ...]  # (name, value), as on a command line


@dataclasses.dataclass(frozen=True)
class Training:
    """A training, whatever the data set, the scale and the seed.

    Attributes:
      variants: the names of the flag files `configs/variants/NAME.flags`, in order.
      flags: further flags.
      needs: pairs (flag, trainings): the flag's value is the folders of these runs, on
        the same data and of the same seed, which have to be finished before.
    """

    variants: tuple[str, ...]
    flags: Flags = ()
    needs: tuple[tuple[str, tuple["Training", ...]], ...] = ()


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
      name: the row's name in the paper.
      reads: task -> the training whose run on the test set fills the task's cells.
    """

    name: str
    reads: Mapping[str, Training]

    def trainings(self) -> tuple[Training, ...]:
        """Returns the trainings of the row, each once."""
        return tuple(dict.fromkeys(self.reads.values()))


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure of every row.

    Attributes:
      title: the paper's title, such as `SS-mIOU`.
      task: the task that is measured.
      metric: the name of the metric in `eval/test.json`.
      higher_is_better: whether a larger figure is a better one.
    """

    title: str
    task: str
    metric: str
    higher_is_better: bool = False


@dataclasses.dataclass(frozen=True)
class Published:
    """A figure of the paper, with its standard deviation where the paper has one."""

    mean: float
    std: float | None = None


@dataclasses.dataclass(frozen=True)
class Block:
    """Rows that are compared with each other: one data setting of a table.

    Attributes:
      name: a short name, unique in the table, `nyuv2 50 %`; claims refer to it.
      dataset: the paper's data set, a key of `datasets.BUILDERS`.
      flags: the flags of every run, whatever the data set (`labelled_percent`).
      own_flags: the flags of every run on the paper's own data set (`protocol`).
      rows: the rows in the paper's order.
      published: (row, task) -> the paper's figure.
      keeps_dataset: whether no other data set takes the place of this one, as the
        table compares data.
    """

    name: str
    dataset: str
    rows: tuple[Row, ...]
    flags: Flags = ()
    own_flags: Flags = ()
    published: Mapping[tuple[str, str], Published] = dataclasses.field(
        default_factory=dict, hash=False
    )
    keeps_dataset: bool = False

    def is_for(self, dataset: str | None) -> bool:
        """Returns whether its rows may be run on that data set; empty: on its own."""
        return not dataset or not self.keeps_dataset or dataset == self.dataset

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of the rows, in order."""
        return tuple(dict.fromkeys(task for row in self.rows for task in row.reads))


Cell = tuple[str, str]  # (block, row)


@dataclasses.dataclass(frozen=True)
class Better:
    """The claim that the first of each pair of cells is better than the second.

    Attributes:
      text: the claim in a sentence.
      pairs: pairs of cells (better, worse).
      share: the least share of all comparisons (pairs times tasks) that must hold.
      tasks: the tasks that are compared; empty: all that both cells have.
    """

    text: str
    pairs: tuple[tuple[Cell, Cell], ...]
    share: float = 1.0
    tasks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Close:
    """The claim that the two cells of each pair are about the same.

    Attributes:
      text: the claim in a sentence.
      pairs: pairs of cells.
      tolerance: the largest relative difference of means.
    """

    text: str
    pairs: tuple[tuple[Cell, Cell], ...]
    tolerance: float = 0.05


@dataclasses.dataclass(frozen=True)
class Growing:
    """The claim that the lead of the first over the second grows from pair to pair.

    The lead is relative to the second's mean, and averaged over the tasks.
    """

    text: str
    pairs: tuple[tuple[Cell, Cell], ...]


Claim = Better | Close | Growing


@dataclasses.dataclass(frozen=True)
class Table:
    """A table or a figure of the paper.

    Attributes:
      name: the name, `2` or `F5`; rows that the paper lacks are in tables `X1`, ...
      title: the title, in the paper's words.
      blocks: the data settings.
      claims: the paper's claims about the table.
      drawing: the kind of a figure, a key of `report.figures.DRAWINGS`; empty for a
        table.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    claims: tuple[Claim, ...] = ()
    drawing: str = ""


# The figures that are compared, by data set: the paper's measures (section 4.1).
# Interpretation: its mIOU is AdaShare's, over classes with a pixel right, and its
# losses of depth on Taskonomy are those over all pixels, with a label or without.
_NYUV2 = (
    Column("SS-mIOU", "segmentation", "miou_tp", higher_is_better=True),
    Column("DE-mABSE", "depth", "absolute_error"),
    Column("SN-mAD", "normals", "mad"),
)
_LOSSES = (
    Column("ET-mLoss", "edges", "loss"),
    Column("Re-mLoss", "reshading", "loss"),
    Column("PC-mLoss", "curvature", "loss"),
)
_OURS = (
    Column("SS-mIOU", "segmentation", "miou", higher_is_better=True),
    *_NYUV2[1:],
    *_LOSSES,
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "nyuv2": _NYUV2,
    "tiny_taskonomy": (
        Column("SS-mLoss", "segmentation", "loss"),
        Column("DE-mLoss", "depth", "loss_unmasked"),
        Column("SN-mLoss", "normals", "loss"),
        *_LOSSES,
    ),
    "cityscapes_zurich": _OURS[:1],
    "rooms": _OURS,
    "folder": _OURS,
}
