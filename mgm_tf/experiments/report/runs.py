"""Finished and unfinished runs, read from their folders without TensorFlow.

A run's name is the name of its folder. Each file is read once, when needed.
"""

import functools
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from datasets.files.records import an_object, build
from datasets.metadata import TaskInfo
from mgm_tf.errors import DamagedFile
from mgm_tf.evaluate import records
from mgm_tf.experiments.registry.names import stem_and_seed
from mgm_tf.files import lines, reading

CONFIG = "config.json"
RECORD = ".run.json"  # the end of the name of a record
PARTS = "name", "settings", "starts", "costs", "evaluations", "log"
TEST = "test"
LAST_EVENT = "finished"  # as `train.logs`, which needs TensorFlow, writes it
REMEDY = (
    "The command that trained the run mends what can be mended; else leave the run's "
    "folder out of the report."
)


class Run:
    """A run's folder.

    Files that are no JSON raise ValueError, with their names; so does a result whose
    metrics follow other rules than today's.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.name = folder.name

    @functools.cached_property
    def settings(self) -> dict[str, object]:
        """All settings, name -> value, without their groups."""
        return flat(_json(self.folder / CONFIG))

    @functools.cached_property
    def starts(self) -> list[dict]:
        """Code, machine, data and sources of every start, the first one first."""
        return _lines(self.folder / "provenance.jsonl")

    @functools.cached_property
    def result(self) -> dict | None:
        """The result on the test set; None of a run that is not finished."""
        return records.read_current(records.compared(self.folder))

    @property
    def is_finished(self) -> bool:
        """Whether there is a result."""
        return self.result is not None

    @property
    def is_trained(self) -> bool:
        """Whether all steps are done; a run that only validates has no result."""
        events = {line.get("event") for line in self.log}
        return self.is_finished or LAST_EVENT in events

    @functools.cached_property
    def log(self) -> list[dict]:
        """The lines of scalars and events, in the order in which they were written."""
        return _lines(self.folder / "metrics.jsonl")

    @functools.cached_property
    def costs(self) -> dict | None:
        """Parameters, times, memory; None where they were not measured."""
        return _json(self.folder / "costs.json")

    @functools.cached_property
    def probe(self) -> dict | None:
        """The results of the probe of E; None where it was not run."""
        return _json(self.folder / "eval" / "probe.json")

    @property
    def seed(self) -> object:
        """The setting `seed`."""
        return self.settings.get("seed")

    @property
    def data(self) -> dict:
        """Name, sizes and fingerprint of the data; empty where not recorded."""
        return self.starts[0].get("data", {}) if self.starts else {}

    def figure(self, task: str, metric: str) -> float | None:
        """Returns a metric of the test set; None if there is none."""
        return ((self.result or {}).get("metrics", {}).get(task) or {}).get(metric)

    def report_arrays(self, name: str) -> dict[str, np.ndarray] | None:
        """Returns the arrays of `exhibits/NAME.npz`; None if there is no such file."""
        path = self.folder / "exhibits" / f"{name}.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            return {key: arrays[key] for key in arrays.files}

    @functools.cached_property
    def tasks(self) -> dict[str, TaskInfo]:
        """What the report arrays mean; empty without `exhibits/tasks.json`."""
        path = self.folder / "exhibits" / "tasks.json"
        fields = an_object(str(path), _json(path) or {})
        return {name: build(TaskInfo, f, path) for name, f in fields.items()}


class RecordedRun(Run):
    """A run of which nothing but its record is there, a file `NAME.run.json`.

    `experiments collect` writes it. There are no arrays to draw.
    """

    def __init__(self, path: pathlib.Path):
        """Reads the file.

        Raises:
          DamagedFile: it is no JSON, or no record of a run.
        """
        super().__init__(path)
        self.contents = reading.read_json(path, remedy="Collect the run again.")
        missing = [name for name in PARTS if name not in self.contents]
        if missing:
            raise DamagedFile(
                f"{path}: expected the record of a run, found no {', '.join(missing)}. "
                "Collect the run again."
            )
        self.name = self.contents["name"]

    @functools.cached_property
    def settings(self) -> dict[str, object]:
        """All settings, name -> value, without their groups."""
        return flat(self.contents["settings"])

    @functools.cached_property
    def starts(self) -> list[dict]:
        """Code, machine, data and sources of every start, the first one first."""
        return self.contents["starts"]

    @functools.cached_property
    def result(self) -> dict | None:
        """The result on the test set; None of a run that is not finished."""
        checkpoint = records.compared_by(self.contents["settings"])
        name = records.path_of(self.folder, TEST, checkpoint).stem
        record = self.contents["evaluations"].get(name)
        if record is not None:
            records.check_current(record, self.folder, "Collect the run again.")
        return record

    @functools.cached_property
    def log(self) -> list[dict]:
        """The lines of validation and of events."""
        return self.contents["log"]

    @functools.cached_property
    def costs(self) -> dict | None:
        """Parameters, times, memory; None where they were not measured."""
        return self.contents["costs"]

    @functools.cached_property
    def probe(self) -> dict | None:
        """The results of the probe of E; None where it was not run."""
        return self.contents["evaluations"].get("probe")

    def report_arrays(self, _name: str) -> None:
        """Returns None: pictures are not recorded."""
        return None

    @functools.cached_property
    def tasks(self) -> dict[str, TaskInfo]:
        """Returns nothing: there are no arrays."""
        return {}


def find(
    workdirs: Iterable[str | pathlib.Path],
    name_of: Callable[[Run], str | None] | None = None,
) -> dict[str, Run]:
    """Returns all runs in these folders and below, by name.

    Args:
      workdirs: the folders.
      name_of: returns the name of a run whose folder is not named as `experiments`
        names it, or None; without it, or of None, the name is that of the folder.

    Raises:
      ValueError: two folders have the same name, or there is no such workdir.
    """
    runs: dict[str, Run] = {}
    for workdir in map(pathlib.Path, workdirs):
        if not workdir.is_dir():
            raise ValueError(f"{workdir} is no folder; expected one with runs in it.")
        for run in _runs_below(workdir):
            if name_of is not None and stem_and_seed(run.name) is None:
                run.name = name_of(run) or run.name
            other = runs.setdefault(run.name, run).folder
            if other.resolve() != run.folder.resolve():
                raise ValueError(
                    f"Two runs are named {run.name}: {other} and {run.folder}. "
                    "Expected one run of each name; leave one of the folders out."
                )
    return dict(sorted(runs.items()))


def flat(settings: Mapping | None) -> dict[str, object]:
    """Returns settings without their groups."""
    without: dict[str, object] = {}
    for name, value in (settings or {}).items():
        without.update(value if isinstance(value, Mapping) else {name: value})
    return without


def _runs_below(workdir: pathlib.Path) -> Iterable[Run]:
    for place, folders, files in os.walk(workdir.resolve()):
        folder = pathlib.Path(place)
        if CONFIG in files:
            folders.clear()  # A run has no runs in it.
            yield Run(folder)
        folders.sort()
        records_here = (name for name in sorted(files) if name.endswith(RECORD))
        yield from (RecordedRun(folder / name) for name in records_here)


def _json(path: pathlib.Path) -> Any:
    if not path.exists():
        return None
    return reading.read_json(path, remedy=REMEDY)


def _lines(path: pathlib.Path) -> list[dict]:
    return lines.read(path, remedy=REMEDY)
