"""Finished and unfinished runs, read from their folders without TensorFlow.

A run's name is the name of its folder. Each file is read once, when needed.
"""

import functools
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from datasets.files.records import an_object, build
from datasets.metadata import TaskInfo
from mgm_tf.evaluate import records
from mgm_tf.files import lines, reading

CONFIG = "config.json"
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


def find(workdirs: Iterable[str | pathlib.Path]) -> dict[str, Run]:
    """Returns all runs in these folders and below, by name.

    Raises:
      ValueError: two folders have the same name, or there is no such workdir.
    """
    runs: dict[str, Run] = {}
    for workdir in map(pathlib.Path, workdirs):
        if not workdir.is_dir():
            raise ValueError(f"{workdir} is no folder; expected one with runs in it.")
        for folder in _run_folders(workdir):
            other = runs.setdefault(folder.name, Run(folder)).folder
            if other.resolve() != folder.resolve():
                raise ValueError(
                    f"Two runs are named {folder.name}: {other} and {folder}. Expected "
                    "one run of each name; leave one of the folders out."
                )
    return dict(sorted(runs.items()))


def flat(settings: Mapping | None) -> dict[str, object]:
    """Returns settings without their groups."""
    without: dict[str, object] = {}
    for name, value in (settings or {}).items():
        without.update(value if isinstance(value, Mapping) else {name: value})
    return without


def _run_folders(workdir: pathlib.Path) -> Iterable[pathlib.Path]:
    for place, folders, files in os.walk(workdir.resolve()):
        if CONFIG in files:
            folders.clear()  # A run has no runs in it.
            yield pathlib.Path(place)
        folders.sort()


def _json(path: pathlib.Path) -> Any:
    if not path.exists():
        return None
    return reading.read_json(path, remedy=REMEDY)


def _lines(path: pathlib.Path) -> list[dict]:
    return lines.read(path, remedy=REMEDY)
