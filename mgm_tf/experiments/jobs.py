"""Turns the registry into runs: what is trained, by which command, in which order."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from absl import flags

from datasets.files import names
from mgm_tf.config import flag_files
from mgm_tf.config.checks import from_flags
from mgm_tf.config.settings import Config, define_flags
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
SCALES = ("paper", "study", "small", "smoke")

# Seeds that a row is trained with, by scale; the paper's has five (section 4.2).
SEEDS = {"paper": 5, "study": 3, "small": 3, "smoke": 1}

# Scale -> data set -> flags of both together.
_SCALE_FLAGS: dict[str, dict[str, Flags]] = {
    "smoke": {"rooms": (("protocol", "smoke"),)},
    "study": {"rooms": (("protocol", "demo"),)},
}
# The scales at which each seed draws labelled examples of its own; else all have those
# of --split_seed=0.
_DRAWN_BY_SEED = frozenset({"study"})


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that is to be trained, with the runs that have to be finished before.

    Attributes:
      name: the name of the run, and of its folder.
      workdir: the folder of the run.
      arguments: the arguments of `python -m mgm_tf.train`.
      needs: the names of the jobs that have to be finished before.
      settings: the settings that the arguments stand for.
    """

    name: str
    workdir: pathlib.Path
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    settings: Config

    @property
    def command(self) -> tuple[str, ...]:
        """The command line, a word each."""
        return ("python", "-m", "mgm_tf.train", *self.arguments)


@dataclasses.dataclass(frozen=True)
class Choice:
    """A choice of runs.

    Attributes:
      tables: tables of the registry.
      scale: one of `SCALES`, how large the runs are.
      dataset: the data set in the place of those that the tables name; empty: those.
      seeds: the number of seeds; they are 0, 1, ...
      percents: the labelled percentages of the blocks; empty: all.
      rows: the names of the rows; empty: all.
    """

    tables: tuple[Table, ...]
    scale: str
    dataset: str = ""
    seeds: int = 1
    percents: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """Jobs in an order in which they can be run, and reasons for rows without jobs.

    Attributes:
      jobs: the jobs, each after those that it needs.
      left_out: the reason for each row that has no jobs, a sentence.
    """

    jobs: tuple[Job, ...]
    left_out: tuple[str, ...]


def percent_of(block: Block) -> str:
    """Returns the labelled percentage of a block as a flag's value, such as `25`."""
    return dict(block.flags).get("labelled_percent", "100")


def plan(
    choice: Choice,
    workdir: pathlib.Path,
    common: Sequence[str] = (),
    manual_dirs: Mapping[str, str] | None = None,
) -> Plan:
    """Returns the jobs of a choice.

    Args:
      choice: the choice of runs.
      workdir: the folder of the runs' folders.
      common: further arguments of every command.
      manual_dirs: data set -> the folder of its files.

    Raises:
      ValueError: there is nothing to run, or the settings of a job are invalid.
    """
    jobs: dict[str, Job] = {}
    left_out: list[str] = []
    for table, block, row in _rows(choice):
        dataset = choice.dataset or block.dataset
        missing = [task for task in row.reads if task not in tasks_of(dataset)]
        if missing:
            left_out.append(
                f"Table {table.name}, {block.name}, {row.name}: {dataset} has no "
                f"labels of {', '.join(missing)}."
            )
            continue
        manual = (manual_dirs or {}).get(dataset)
        arguments = (*common, *([f"--manual_dir={manual}"] if manual else []))
        block_flags = flags_on(block, dataset)
        factory = _JobFactory(choice.scale, dataset, block_flags, workdir, arguments)
        for seed in range(choice.seeds):
            for training in row.trainings():
                for job in factory.jobs(training, seed):
                    jobs.setdefault(job.name, job)
    if not jobs:
        reasons = "".join(f"\n  {reason}" for reason in left_out)
        raise ValueError(f"There is nothing to run.{reasons}")
    return Plan(tuple(jobs.values()), tuple(left_out))


def check_names(choice: Choice) -> None:
    """Refuses rows and percentages that no table of the choice has.

    Raises:
      ValueError: there are such; the message names the nearest known ones.
    """
    blocks = [block for table in choice.tables for block in table.blocks]
    known = {
        "--rows": {row.name: None for block in blocks for row in block.rows},
        "--percents": {percent_of(block): None for block in blocks},
    }
    for flag, given in (("--rows", choice.rows), ("--percents", choice.percents)):
        for name in given:
            if name not in known[flag]:
                raise ValueError(
                    f"{flag}: {names.shown(name)} is in none of these tables, which "
                    f"have {', '.join(known[flag])}{names.nearest(name, known[flag])}"
                )


def _rows(choice: Choice) -> Iterable[tuple[Table, Block, Row]]:
    for table in choice.tables:
        for block in table.blocks:
            if choice.percents and percent_of(block) not in choice.percents:
                continue
            if not block.is_for(choice.dataset):
                continue
            for row in block.rows:
                if not choice.rows or row.name in choice.rows:
                    yield table, block, row


def data_sets(choice: Choice) -> tuple[str, ...]:
    """Returns the names of the data sets that the runs of a choice read."""
    names = (choice.dataset or block.dataset for _, block, _ in _rows(choice))
    return tuple(dict.fromkeys(names))


def resolved(
    scale: str, dataset: str, block_flags: Flags, training: Training
) -> Iterator[tuple[Training, Config]]:
    """Yields the trainings that a training needs, then itself, with their settings."""
    for _, others in training.needs:
        for other in others:
            yield from resolved(scale, dataset, block_flags, other)
    yield training, _settings(scale, dataset, block_flags, training)


@functools.cache
def _settings(
    scale: str, dataset: str, block_flags: Flags, training: Training
) -> Config:
    factory = _JobFactory(scale, dataset, block_flags, pathlib.Path("runs"), ())
    folders = {flag: ["run"] * len(others) for flag, others in training.needs}
    name = run_name(dataset, block_flags, training, 0)
    return _parsed(name, factory.arguments(training, 0, folders, pathlib.Path(name)))


def chosen_by(variant: str) -> frozenset[str]:
    """Returns the names of the settings that a variant's flag file sets."""
    lines = flag_files.expanded([f"--flagfile={CONFIGS / 'variants' / variant}.flags"])
    return frozenset(line.lstrip("-").partition("=")[0] for line in lines)


def tasks_of(dataset: str) -> tuple[str, ...]:
    """Returns the tasks of which tables have a column on a data set."""
    return tuple(column.task for column in COLUMNS[dataset])


@dataclasses.dataclass(frozen=True)
class _JobFactory:
    """The common part of the jobs of a block on a data set."""

    scale: str
    dataset: str
    flags: Flags
    workdir: pathlib.Path
    common: Sequence[str]

    def jobs(self, training: Training, seed: int) -> Iterable[Job]:
        """Yields the jobs that a training needs, then its own."""
        needs: list[str] = []
        folders: dict[str, list[str]] = {}
        for flag, trainings in training.needs:
            for other in trainings:
                yield from self.jobs(other, seed)
                name = self._name(other, seed)
                needs.append(name)
                folders.setdefault(flag, []).append(str(self.workdir / name))
        name = self._name(training, seed)
        arguments = self.arguments(training, seed, folders, self.workdir / name)
        yield Job(
            name=name,
            workdir=self.workdir / name,
            arguments=arguments,
            needs=tuple(needs),
            settings=_parsed(name, arguments),
        )

    def _name(self, training: Training, seed: int) -> str:
        return run_name(self.dataset, self.flags, training, seed)

    def arguments(
        self,
        training: Training,
        seed: int,
        folders: Mapping[str, Sequence[str]],
        workdir: pathlib.Path,
    ) -> tuple[str, ...]:
        """Returns the arguments of a run; `folders`: what it needs, by flag."""
        variants = (
            CONFIGS / "variants" / f"{name}.flags" for name in training.variants
        )
        scale_flags = _SCALE_FLAGS.get(self.scale, {}).get(self.dataset, ())
        # Later ones win: a training's own flags come last.
        own = (*scale_flags, *self.flags, *training.flags)
        return (
            f"--flagfile={CONFIGS / f'{self.dataset}.flags'}",
            *_usual_tasks(self.dataset),
            *(f"--flagfile={path}" for path in self._scale_files()),
            *(f"--flagfile={path}" for path in variants),
            *(f"--{name}={value}" for name, value in own),
            *(f"--{flag}={','.join(runs)}" for flag, runs in folders.items()),
            *([f"--split_seed={seed}"] if self.scale in _DRAWN_BY_SEED else []),
            *self.common,
            f"--seed={seed}",
            f"--workdir={workdir}",
            "--test",
        )

    def _scale_files(self) -> list[pathlib.Path]:
        """Returns the flags of the scale, then its own for the data set."""
        scales = CONFIGS / "scales"
        own = scales / f"{self.scale}_{self.dataset}.flags"
        return [scales / f"{self.scale}.flags", *([own] if own.exists() else [])]


def _usual_tasks(dataset: str) -> list[str]:
    """Returns the flag of the paper's three tasks, where the data set has them."""
    has_all = set(THREE) <= set(tasks_of(dataset))
    return [f"--tasks={','.join(THREE)}"] if has_all else []


@functools.cache
def _flags() -> flags.FlagValues:
    """Returns flags of settings, defined once: there are a thousand jobs to parse."""
    values = flags.FlagValues()
    define_flags(values)
    return values


def _parsed(name: str, arguments: Iterable[str]) -> Config:
    values = _flags()
    values.unparse_flags()
    try:
        values(flag_files.expanded(["train", *arguments]), known_only=True)
        return from_flags(values)
    except (ValueError, OSError, flags.Error) as error:
        raise ValueError(f"{name}: {error}") from error
