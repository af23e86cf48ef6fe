"""From the registry to runs: what is trained, by which command, in which order."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from absl import flags

from mgm_tf.config.settings import Config, define_flags, from_flags
from mgm_tf.experiments.registry.names import flags_on, run_name
from mgm_tf.experiments.registry.records import (
    COLUMNS,
    Block,
    Flags,
    Row,
    Table,
    Training,
)
from mgm_tf.experiments.registry.trainings import THREE

CONFIGS = pathlib.Path("configs")
SCALES = ("paper", "small", "smoke")

# Seeds that a row is trained with, by scale; the paper's has five (section 4.2).
SEEDS = {"paper": 5, "small": 3, "smoke": 1}

# Scale -> data set -> flags that suit both.
_FITTED: dict[str, dict[str, Flags]] = {"smoke": {"rooms": (("protocol", "smoke"),)}}


@dataclasses.dataclass(frozen=True)
class Job:
    """A run to be: a command, and what has to be finished before.

    Attributes:
      name: of the run, and of its folder.
      workdir: its folder.
      arguments: of `python -m mgm_tf.train`.
      needs: names of jobs.
      settings: that the arguments stand for.
    """

    name: str
    workdir: pathlib.Path
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    settings: Config

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command line."""
        return ("python", "-m", "mgm_tf.train", *self.arguments)


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which runs are wanted.

    Attributes:
      tables: of the registry.
      scale: of `SCALES`.
      dataset: in the place of those that the tables name; empty: those.
      seeds: how many; the seeds are 0, 1, ...
      percents: labelled percentages of the blocks; empty: all.
      rows: names of rows; empty: all.
    """

    tables: tuple[Table, ...]
    scale: str
    dataset: str = ""
    seeds: int = 1
    percents: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """Jobs in an order in which they can be run, and what cannot be.

    Attributes:
      jobs: what is needed comes first.
      left_out: reasons for rows that are not among them.
    """

    jobs: tuple[Job, ...]
    left_out: tuple[str, ...]


def percent_of(block: Block) -> str:
    """The labelled percentage of a block, as it is written."""
    return dict(block.flags).get("labelled_percent", "100")


def plan(
    choice: Choice,
    workdir: pathlib.Path,
    common: Sequence[str] = (),
    manual_dirs: Mapping[str, str] | None = None,
) -> Plan:
    """The jobs of a choice.

    Args:
      choice: what is wanted.
      workdir: where the folders of the runs are.
      common: further arguments of every command.
      manual_dirs: data set -> the folder of its files.

    Raises:
      ValueError: there is nothing to run, or settings of a job cannot be.
    """
    jobs: dict[str, Job] = {}
    left_out: list[str] = []
    for table, block, row in _rows(choice):
        dataset = choice.dataset or block.dataset
        missing = [task for task in row.reads if task not in _tasks_of(dataset)]
        if missing:
            left_out.append(
                f"Table {table.name}, {block.name}, {row.name}: {dataset} has no "
                f"labels of {', '.join(missing)}."
            )
            continue
        manual = (manual_dirs or {}).get(dataset)
        arguments = (*common, *([f"--manual_dir={manual}"] if manual else []))
        on = flags_on(block, dataset)
        maker = _Maker(choice.scale, dataset, on, workdir, arguments)
        for seed in range(choice.seeds):
            for training in row.trainings():
                for job in maker.jobs(training, seed):
                    jobs.setdefault(job.name, job)
    if not jobs:
        reasons = "".join(f"\n  {reason}" for reason in left_out)
        raise ValueError(f"There is nothing to run.{reasons}")
    return Plan(tuple(jobs.values()), tuple(left_out))


def _rows(choice: Choice) -> Iterable[tuple[Table, Block, Row]]:
    for table in choice.tables:
        for block in table.blocks:
            if choice.percents and percent_of(block) not in choice.percents:
                continue
            for row in block.rows:
                if not choice.rows or row.name in choice.rows:
                    yield table, block, row


def data_sets(choice: Choice) -> tuple[str, ...]:
    """The data sets of a choice."""
    names = (choice.dataset or block.dataset for _, block, _ in _rows(choice))
    return tuple(dict.fromkeys(names))


def _tasks_of(dataset: str) -> tuple[str, ...]:
    return tuple(column.task for column in COLUMNS[dataset])


@dataclasses.dataclass(frozen=True)
class _Maker:
    """Makes the jobs of a block on a data set."""

    scale: str
    dataset: str
    flags: Flags
    workdir: pathlib.Path
    common: Sequence[str]

    def jobs(self, training: Training, seed: int) -> Iterable[Job]:
        """The job of a training, after those that it needs."""
        needed: list[str] = []
        folders: dict[str, list[str]] = {}
        for flag, trainings in training.needs:
            for other in trainings:
                yield from self.jobs(other, seed)
                name = self._name(other, seed)
                needed.append(name)
                folders.setdefault(flag, []).append(str(self.workdir / name))
        name = self._name(training, seed)
        arguments = self._arguments(training, seed, folders, self.workdir / name)
        yield Job(
            name=name,
            workdir=self.workdir / name,
            arguments=arguments,
            needs=tuple(needed),
            settings=_parsed(name, arguments),
        )

    def _name(self, training: Training, seed: int) -> str:
        return run_name(self.dataset, self.flags, training, seed)

    def _arguments(self, training, seed, folders, workdir) -> tuple[str, ...]:
        variants = (
            CONFIGS / "variants" / f"{name}.flags" for name in training.variants
        )
        fitted = _FITTED.get(self.scale, {}).get(self.dataset, ())
        # Later ones win: what a training asks for itself comes last.
        own = (*fitted, *self.flags, *training.flags)
        return (
            f"--flagfile={CONFIGS / f'{self.dataset}.flags'}",
            *_usual_tasks(self.dataset),
            f"--flagfile={CONFIGS / 'scales' / f'{self.scale}.flags'}",
            *(f"--flagfile={path}" for path in variants),
            *(f"--{name}={value}" for name, value in own),
            *(f"--{flag}={','.join(runs)}" for flag, runs in folders.items()),
            *self.common,
            f"--seed={seed}",
            f"--workdir={workdir}",
            "--test",
        )


def _usual_tasks(dataset: str) -> list[str]:
    """The three tasks of the paper, where the data set has them."""
    has_all = set(THREE) <= set(_tasks_of(dataset))
    return [f"--tasks={','.join(THREE)}"] if has_all else []


def _parsed(name: str, arguments: Iterable[str]) -> Config:
    values = flags.FlagValues()
    define_flags(values)
    try:
        values(["train", *arguments], known_only=True)
        return from_flags(values)
    except (ValueError, flags.Error) as error:
        raise ValueError(f"{name}: {error}") from error
