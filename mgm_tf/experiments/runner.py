"""Runs jobs: several at a time, skips what is finished, goes on where one stopped."""

import dataclasses
import json
import pathlib
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import tqdm

from mgm_tf.experiments.jobs import Job

BEGUN = "config.json"  # written when the data are built
RESULT = pathlib.Path("eval") / "test.json"
OUTPUT = "output.txt"
FINISHED = "finished"
ASKED = "experiments.json"  # what was asked for in a folder
LAST_LINES = 12
_PAUSE = 0.2  # seconds between looks at the processes


def is_finished(workdir: pathlib.Path) -> bool:
    """Whether a run is trained and evaluated."""
    return (workdir / RESULT).exists()


def state_of(workdir: pathlib.Path) -> str:
    """`finished`, `begun` or `not begun`."""
    if is_finished(workdir):
        return FINISHED
    return "begun" if (workdir / BEGUN).exists() else "not begun"


@dataclasses.dataclass
class Failure:
    """A job that did not end well.

    Attributes:
      job: which.
      why: in a sentence, with the end of what it printed.
    """

    job: Job
    why: str


class Process(Protocol):
    """A job at work, as `multiprocessing` has it."""

    @property
    def exitcode(self) -> int | None:
        """None as long as it runs; 0 if it ended well."""

    def terminate(self) -> None:
        """Asks it to stop."""

    def kill(self) -> None:
        """Stops it."""


class Runner:
    """Runs jobs in processes of their own."""

    def __init__(
        self, jobs: Sequence[Job], at_once: int, start: Callable[[Job], Process]
    ):
        """Takes jobs in an order in which they can be run.

        Args:
          jobs: what is needed comes first.
          at_once: how many run at the same time.
          start: sets a job to work.
        """
        self._start = start
        self._waiting = [job for job in jobs if not is_finished(job.workdir)]
        self._done = {job.name for job in jobs if is_finished(job.workdir)}
        self._running: dict[Process, Job] = {}
        self._failures: list[Failure] = []
        self._at_once = at_once
        self._total = len(jobs)
        self._stopping = False
        self._built = {_data_of(job) for job in jobs if (job.workdir / BEGUN).exists()}

    def run(self) -> list[Failure]:
        """Runs them all; a signal stops them, each after its step.

        Returns:
          Those that failed, and those that needed one of these.
        """
        before = {
            number: signal.signal(number, self._stop)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        # Finished ones take no time: the time left is that of the others.
        progress = tqdm.tqdm(
            total=self._total,
            initial=len(self._done),
            desc="runs",
            unit="run",
            dynamic_ncols=True,
            mininterval=0.5 if sys.stderr.isatty() else 15.0,
        )
        try:
            with progress:
                while self._running or (self._waiting and not self._stopping):
                    self._begin()
                    self._look(progress)
                    time.sleep(_PAUSE)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._stopping:
            raise KeyboardInterrupt
        return self._failures

    def _stop(self, number, frame) -> None:
        if self._stopping:
            for process in self._running:
                process.kill()
            return
        self._stopping = True
        print("\nStopping after the present steps; again: at once.", flush=True)
        for process in self._running:
            process.terminate()

    def _begin(self) -> None:
        """Starts what can be started."""
        failed = {failure.job.name for failure in self._failures}
        for job in list(self._waiting):
            lost = [name for name in job.needs if name in failed]
            if lost:
                self._waiting.remove(job)
                self._failures.append(Failure(job, f"It needs {', '.join(lost)}."))
            elif self._may_start(job):
                self._waiting.remove(job)
                job.workdir.mkdir(parents=True, exist_ok=True)
                self._running[self._start(job)] = job

    def _may_start(self, job: Job) -> bool:
        free = len(self._running) < self._at_once
        if not free or self._stopping or not self._done.issuperset(job.needs):
            return False
        # Nobody may build a data set twice: the first run of each goes ahead alone.
        data = _data_of(job)
        return data in self._built or all(
            data != _data_of(other) for other in self._running.values()
        )

    def _look(self, progress) -> None:
        """Takes note of what has ended."""
        for process, job in list(self._running.items()):
            if (job.workdir / BEGUN).exists():
                self._built.add(_data_of(job))
            code = process.exitcode
            if code is None:
                continue
            del self._running[process]
            if code == 0 and is_finished(job.workdir):
                self._done.add(job.name)
                progress.set_postfix_str(job.name, refresh=False)
                progress.update(1)
            elif not self._stopping:
                self._failures.append(Failure(job, _reason(job, code)))
                progress.write(f"Failed: {job.name}; see {job.workdir / OUTPUT}")


def _data_of(job: Job) -> tuple[str, str, int]:
    """Which built data set a job reads."""
    data = job.settings.data
    return data.dataset, data.protocol, data.image_size


def _reason(job: Job, code: int) -> str:
    text = (job.workdir / OUTPUT).read_text(errors="replace").replace("\r", "\n")
    lines = [line for line in text.splitlines() if line.strip()][-LAST_LINES:]
    return f"It ended with {code}:\n    " + "\n    ".join(lines)


def note(workdir: pathlib.Path, record: dict) -> None:
    """Keeps in `experiments.json` what was asked for, so that a report knows."""
    workdir.mkdir(parents=True, exist_ok=True)
    known = asked(workdir)
    if record not in known:
        (workdir / ASKED).write_text(json.dumps([*known, record], indent=2) + "\n")


def asked(workdir: pathlib.Path) -> list[dict]:
    """What was asked for in this folder before."""
    path = workdir / ASKED
    return json.loads(path.read_text()) if path.exists() else []
