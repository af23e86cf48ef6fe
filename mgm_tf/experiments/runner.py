"""Runs jobs: several at a time, skips what is finished, goes on where one stopped.

Each is a process of its own that begins with TensorFlow imported: a server imports it
once and forks for every training. Nothing is computed before the fork.
"""

import dataclasses
import graphlib
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Sequence
from multiprocessing import connection
from typing import Protocol

from etils import epy

from mgm_tf.config import command_line, signals
from mgm_tf.evaluate import records
from mgm_tf.experiments.jobs import Job
from mgm_tf.files import reading, whole
from mgm_tf.plotting import terminal

with epy.lazy_imports():
    from mgm_tf.train import __main__ as train

BEGUN = "config.json"  # written when the data are built
OUTPUT = "output.txt"
FINISHED = "finished"
OTHER_METRICS = "to be evaluated anew"
REQUESTS = "experiments.json"  # the tables whose runs are in a folder
LAST_LINES = 12
_PAUSE = 0.2  # seconds between looks at the processes

# What the server imports before it forks.
_PRELOADED = [
    "mgm_tf.evaluate.results",
    "mgm_tf.train.dry_run",
    "mgm_tf.train.loop",
    "mgm_tf.experiments.runner",
    "mgm_tf.experiments.forecast",
    "mgm_tf.experiments.report",
]


def is_finished(workdir: pathlib.Path) -> bool:
    """Returns whether a run is trained, and evaluated by today's rules.

    Raises:
      ValueError: the file of the result is no record of an evaluation.
    """
    record = records.read(records.compared(workdir))
    return record is not None and records.is_current(record)


def state_of(workdir: pathlib.Path) -> str:
    """Returns the state of a run, by the files in its folder.

    It is `finished`, `to be evaluated anew` (by today's rules), `begun` or `not begun`.

    Raises:
      ValueError: the file of the result is no record of an evaluation.
    """
    if is_finished(workdir):
        return FINISHED
    if records.compared(workdir).exists():
        return OTHER_METRICS
    return "begun" if (workdir / BEGUN).exists() else "not begun"


@dataclasses.dataclass
class Failure:
    """A job that did not end well.

    Attributes:
      job: the job.
      why: the reason in a sentence, with the end of what the job printed.
    """

    job: Job
    why: str


class Process(Protocol):
    """A process of a job, with the interface of `multiprocessing`."""

    @property
    def exitcode(self) -> int | None:
        """The exit code: None as long as the process runs; 0 if it ended well."""

    def terminate(self) -> None:
        """Asks the process to stop."""

    def kill(self) -> None:
        """Stops the process at once."""


class Runner:
    """Runs jobs in processes of their own."""

    def __init__(
        self, jobs: Sequence[Job], at_once: int, start: Callable[[Job], Process]
    ):
        """Notes which jobs are finished already; starts none.

        Args:
          jobs: the jobs, each after those that it needs.
          at_once: the number of jobs that run at the same time.
          start: the function that starts the process of a job.
        """
        self._start = start
        self._waiting = [job for job in jobs if not is_finished(job.workdir)]
        unfinished = {job.name for job in self._waiting}
        self._needs = graphlib.TopologicalSorter(
            {job.name: unfinished.intersection(job.needs) for job in self._waiting}
        )
        self._needs.prepare()
        self._ready = set(self._needs.get_ready())
        self._running: dict[Process, Job] = {}
        self._failures: list[Failure] = []
        self._at_once = at_once
        self._total = len(jobs)
        self._stopping = False
        self._built = {_data_of(job) for job in jobs if (job.workdir / BEGUN).exists()}

    def run(self) -> list[Failure]:
        """Runs all jobs; a signal stops them, each after its step.

        Returns:
          the jobs that failed, and those that needed one of these.

        Raises:
          KeyboardInterrupt: a signal stopped the jobs.
        """
        # Finished ones take no time: the time left is that of the others.
        finished = self._total - len(self._waiting)
        progress = terminal.Progress("runs", self._total, "runs", done=finished)
        with signals.handling(self._stop), progress:
            while self._running or (self._waiting and not self._stopping):
                self._begin()
                self._look(progress)
                time.sleep(_PAUSE)
        if self._stopping:
            raise KeyboardInterrupt
        return self._failures

    def _stop(self, _number: int, _frame: types.FrameType | None) -> None:
        if self._stopping:
            for process in self._running:
                process.kill()
            return
        self._stopping = True
        print("\nStopping after the present steps; again: at once.", flush=True)
        for process in self._running:
            process.terminate()

    def _begin(self) -> None:
        """Starts the jobs that can be started, in the order of the plan."""
        failed = {failure.job.name for failure in self._failures}
        for job in list(self._waiting):
            lost = [name for name in job.needs if name in failed]
            if lost:
                self._waiting.remove(job)
                self._failures.append(Failure(job, f"It needs {', '.join(lost)}."))
            elif self._may_start(job):
                self._waiting.remove(job)
                whole.make_folder(job.workdir)
                process = self._start(job)
                self._running[process] = job
                if self._stopping:
                    # The signal came while it was started.
                    process.terminate()

    def _may_start(self, job: Job) -> bool:
        free = len(self._running) < self._at_once
        if not free or self._stopping or job.name not in self._ready:
            return False
        # Nobody may build a data set twice: the first run of each goes ahead alone.
        data = _data_of(job)
        return data in self._built or all(
            data != _data_of(other) for other in self._running.values()
        )

    def _look(self, progress: terminal.Progress) -> None:
        """Takes note of the processes that have ended."""
        for process, job in list(self._running.items()):
            if (job.workdir / BEGUN).exists():
                self._built.add(_data_of(job))
            code = process.exitcode
            if code is None:
                continue
            del self._running[process]
            if code == 0 and is_finished(job.workdir):
                self._needs.done(job.name)
                self._ready.update(self._needs.get_ready())
                progress.note(job.name)
                progress.update()
            elif not self._stopping:
                self._failures.append(Failure(job, _reason(job, code)))
                print(f"Failed: {job.name}; see {job.workdir / OUTPUT}", flush=True)


def _data_of(job: Job) -> tuple[str, str, int]:
    """Returns what tells the built data set of a job from others."""
    data = job.settings.data
    return data.dataset, data.protocol, data.image_size


def _reason(job: Job, code: int) -> str:
    try:
        text = (job.workdir / OUTPUT).read_text(errors="replace")
    except OSError as error:
        return f"It ended with {code}, and what it said cannot be read: {error}."
    text = text.replace("\r", "\n")
    lines = [line for line in text.splitlines() if line.strip()][-LAST_LINES:]
    return f"It ended with {code}:\n    " + "\n    ".join(lines)


def start(job: Job) -> Process:
    """Starts the training of a job; what it prints goes to a file in its folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    output = job.workdir / OUTPUT
    # Here, where it can be told that it cannot be written.
    whole.retried(output, lambda: output.open("ab").close())
    process = context.Process(target=_train, args=(job.arguments, str(output)))
    process.start()
    return process


def _train(arguments: tuple[str, ...], output: str) -> None:
    """Does what `python -m mgm_tf.train` does with these arguments."""
    # A signal to the whole group, as Ctrl-C is, comes to the one who started this.
    os.setsid()
    _die_with_the_parent()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv = ["train", *arguments]
    train.define_flags()
    command_line.run(train.main)


def _die_with_the_parent() -> None:
    """Ends this process at once when the one that started it is gone.

    A runner that is killed can stop nobody, and the run that it began must not train on
    beside the one that the next runner begins. What is on the disk is whole.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def record_request(workdir: pathlib.Path, request: dict) -> None:
    """Keeps in `experiments.json` which tables are run, so that a report knows."""
    whole.make_folder(workdir)
    earlier = requests(workdir)
    if request not in earlier:
        whole.write_json(workdir / REQUESTS, [*earlier, request])


def requests(workdir: pathlib.Path) -> list[dict]:
    """Reads what `record_request` kept in this folder, the earliest first."""
    path = workdir / REQUESTS
    if not path.exists():
        return []
    return reading.read_json(
        path, list, remedy="Remove it; `run` writes it anew, --table names the tables."
    )
