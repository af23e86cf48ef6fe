"""Which row of a table a run is of, told by its settings.

A run that `experiments` has trained says so by its folder's name. One that was trained
by hand is given the name that it would have: that of the row whose choices it has,
followed by the settings in which it differs from every scale of that row, as in
`rooms-labelled_percent25-mgm+after_stage_1-synthesis_factor0.3-seed0`. A folder
SEED/ROW, `0/MGM`, is that row's run whatever its lengths and rates are.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping

from mgm_tf.config import idle, options
from mgm_tf.config.settings import Config
from mgm_tf.experiments import jobs
from mgm_tf.experiments.registry import names
from mgm_tf.experiments.registry.records import Flags, Table, Training
from mgm_tf.experiments.report.runs import Run

# Always part of what a row is; besides, whatever the variants of its table set.
DATA = ("dataset", "protocol", "labelled_percent", "tasks")
SEEDS = frozenset({"seed", "split_seed"})

Settings = Mapping[str, object]


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A training of a table on the data of a run, at a scale.

    Attributes:
      flags: the flags of its block on these data.
      training: the training.
      row: the names that a folder of it may have.
      chosen: the names of the settings that make it what it is.
      settings: all its settings.
    """

    flags: Flags
    training: Training
    row: frozenset[str]
    chosen: frozenset[str]
    settings: Settings


class Identifier:
    """Names runs; the settings of a table's trainings are resolved once."""

    def __init__(self, tables: Mapping[str, Table]):
        """Remembers the tables whose rows runs may be of."""
        self._tables = tables
        self._candidates: dict[str, list[_Candidate]] = {}

    def name(self, run: Run) -> str | None:
        """Returns the name of the row's run that a run is; None if it is of no row.

        Of rows that have its choices, the one from which it differs least.
        """
        settings = _plain(run.settings)
        dataset, seed = str(settings.get("dataset")), settings.get("seed")
        if not isinstance(seed, int):
            return None
        found = [
            (candidate, differences(settings, candidate.settings))
            for candidate in self._of(dataset)
            if _is_of(settings, candidate)
        ]
        if not found:
            return None
        candidate, others = min(found, key=lambda pair: len(pair[1]))
        folder = run.folder
        if folder.name in candidate.row and folder.parent.name == str(seed):
            others = {}  # Whoever trained it has said what it is.
        flags = tuple((name, _word(value)) for name, value in others.items())
        training = dataclasses.replace(
            candidate.training, flags=candidate.training.flags + flags
        )
        # Not `run_name`: a name for a report may be longer than one of a file.
        return f"{names.stem(dataset, candidate.flags, training)}-seed{seed}"

    def _of(self, dataset: str) -> list[_Candidate]:
        if dataset not in self._candidates:
            self._candidates[dataset] = [
                candidate
                for table in self._tables.values()
                for candidate in _candidates(table, dataset)
            ]
        return self._candidates[dataset]


def differences(settings: Settings, expected: Settings) -> dict[str, object]:
    """Returns the settings that differ from others in what is learned, name -> value.

    Left out are seeds, the places of folders, and what changes nothing beside the other
    settings.
    """
    fields = options.leaves(Config)
    unread = idle.settings_of(settings) | SEEDS
    return {
        name: settings[name]
        for name, field in fields.items()
        if name not in unread
        and not field.metadata["may_change"]
        and not field.metadata["folder"]
        and settings.get(name, field.metadata["before"]) != expected.get(name)
        and name in settings
    }


def namer(tables: Mapping[str, Table]) -> Callable[[Run], str | None]:
    """Returns the function that names runs which were trained by hand."""
    return Identifier(tables).name


# --- Parts ----------------------------------------------------------------------------


def _candidates(table: Table, dataset: str) -> Iterator[_Candidate]:
    """Yields the trainings of a table on a data set, at every scale."""
    chosen = _chosen(table)
    for block, scale in itertools.product(table.blocks, jobs.SCALES):
        flags = names.flags_on(block, dataset)
        for row in block.rows:
            if not set(row.reads) <= set(jobs.tasks_of(dataset)):
                continue
            for task, training in row.reads.items():
                spellings = _spellings(row.name, task)
                for each, settings in jobs.resolved(scale, dataset, flags, training):
                    yield _Candidate(
                        flags,
                        each,
                        spellings if each is training else frozenset(),
                        chosen,
                        _plain(options.settings(settings)),
                    )


def _chosen(table: Table) -> frozenset[str]:
    """Returns the names of the settings by which the rows of a table differ."""
    variants = {
        variant
        for block in table.blocks
        for row in block.rows
        for training in row.trainings()
        for variant in training.variants
    }
    chosen = {name for variant in variants for name in jobs.chosen_by(variant)}
    lengths = {f"{stage}_length" for stage in (*idle.STAGES, "generative")}
    return frozenset({*DATA, *chosen} - lengths)


def _is_of(settings: Settings, candidate: _Candidate) -> bool:
    theirs = candidate.settings
    unread = idle.settings_of(settings)
    return all(
        settings.get(name) == theirs.get(name)
        for name in candidate.chosen
        if name not in unread
    ) and all(
        # How long stages are is no part of what a row is.
        idle.has_stage(settings, stage) == idle.has_stage(theirs, stage)
        for stage in idle.STAGES
    )


def _plain(settings: Settings) -> dict[str, object]:
    """Returns settings as JSON has them: lists in the place of tuples."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}


def _spellings(row: str, task: str) -> frozenset[str]:
    """Returns how a folder of a row may be called: `MGM/G` is no name of a folder."""
    plain = [row.replace("/", mark) for mark in ("-", "_", "")]
    return frozenset(
        [*plain, *(f"{name}{mark}{task}" for name in plain for mark in "-_")]
    )


def _word(value: object) -> str:
    """Returns a setting as on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else f"{value}"
