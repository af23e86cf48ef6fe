"""The weights of a run on disk: the last, to continue from, and the best, to use.

Weights that are to be used have the batch statistics with which they were judged; the
last ones those of training.
"""

import contextlib
import dataclasses
import math
import pathlib
import sys
import time
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.config.saved import BEST, BEST_OF_JOINT, LAST
from mgm_tf.errors import DamagedFile
from mgm_tf.files import reading, whole
from mgm_tf.method.loss_scaling import LossScale
from mgm_tf.method.stages import JOINT
from mgm_tf.train.checkpoint_files import CheckpointFolder, free_name

FOLDER = "checkpoints"
ASIDE = "damaged"  # where what is damaged goes, in the folder of the run
RESTART = (
    "Put back a copy of it, or begin anew with --restart, which moves what is there "
    "aside."
)

# Seconds after which a file that one machine has written is seen by all.
PATIENCE = 60.0

# stage -> the checkpoint of its own best weights
BEST_OF_STAGE = {JOINT: BEST_OF_JOINT}

Networks = Mapping[str, keras.Model]
# What a step depends on besides the networks: optimizers, scales of losses.
Optimizers = Mapping[str, keras.optimizers.Optimizer | LossScale]


@dataclasses.dataclass(frozen=True)
class Best:
    """The best validation of a run, or of its joint stage, so far.

    Attributes:
      step: the number of steps done before it.
      stage: the name of its stage.
      score: the score of `validation.score`.
      metrics_version: the rules that the score's metrics follow.
    """

    step: int
    stage: str
    score: float
    metrics_version: int = 1


@dataclasses.dataclass(frozen=True)
class Resumption:
    """What a run goes on from.

    Attributes:
      step: the number of steps done; None if the run begins again.
      record: what was noted with the state.
      notes: what was found damaged and what became of it, a sentence each.
    """

    step: int | None
    record: Mapping[str, Any]
    notes: tuple[str, ...]


class Checkpoints:
    """The checkpoints of a run, in folders below `workdir/checkpoints`.

    A checkpoint is named by its step. `last` holds the networks and the optimizers of
    the stage, all that a step depends on: data and noise are functions of (seed, step).

    Attributes:
      OF_TRAINING: the checkpoints whose batch statistics are those of training.
    """

    OF_TRAINING = frozenset({LAST})

    def __init__(
        self,
        workdir: pathlib.Path,
        networks: Networks,
        keep_last: int = 2,
        keep_every: int = 0,
        identity: Mapping[str, Any] | None = None,
        writes: bool = True,
    ):
        """Looks at nothing yet.

        Args:
          workdir: the folder of the run.
          networks: the networks of the run, by name.
          keep_last: the number of last states that are kept.
          keep_every: the number of steps from one state that is kept for good to the
            next; 0: none.
          identity: what is noted with each checkpoint to tell the run from others.
          writes: whether this process writes them, or another one that does the same.
        """
        self._workdir = workdir
        self._folder = workdir / FOLDER
        self._networks = dict(networks)
        self._weights = tf.train.Checkpoint(networks=self._networks)
        self._last = CheckpointFolder(self._folder / LAST)
        self._keep_last = keep_last
        self._keep_every = keep_every
        self._identity = dict(identity or {})
        self._writes = writes
        self._resumed: int | None = None

    def _state(self, optimizers: Optimizers) -> tf.train.Checkpoint:
        return tf.train.Checkpoint(networks=self._networks, optimizers=dict(optimizers))

    def save_last(
        self, step: int, optimizers: Optimizers, record: Mapping[str, Any] | None = None
    ) -> None:
        """Writes the state after `step` steps, and removes what is not to be kept.

        Args:
          step: the number of steps done.
          optimizers: the optimizers of the stage, by their keys.
          record: further JSON values that are noted with it.

        Raises:
          NotWritten: it cannot be written; those that are there are as they were.
        """
        self._resumed = step
        if not self._writes:
            return
        bests = {which: self.best(which) for which in (BEST, BEST_OF_JOINT)}
        note = {name: dataclasses.asdict(best) for name, best in bests.items() if best}
        noted = self._identity | {"bests": note} | dict(record or {})
        self._last.write(step, self._state(optimizers), noted)
        self._last.keep_only(self._kept_steps())

    def _kept_steps(self) -> set[int]:
        steps = self._last.steps()
        kept: list[int] = []
        for step in steps if self._keep_every else ():
            if step // self._keep_every > max(kept, default=0) // self._keep_every:
                kept.append(step)
        return {*kept, *steps[-self._keep_last :]}

    def resume(self) -> Resumption | None:
        """Finds the newest whole state; sets damaged newer ones aside.

        Returns:
          What there is to go on from; None where no state was ever written.

        Raises:
          DamagedFile: there are states, and none is whole.
        """
        step, faults = self._last.newest()
        if step is None and not faults:
            return None
        if step is None and set(faults) != {0}:
            raise DamagedFile(
                f"{self._workdir} holds a run, but no checkpoint to go on from: "
                f"{'; '.join(faults.values())}. {RESTART}"
            )
        notes = [
            f"The checkpoint of step {each} is damaged: {fault}. It is now in "
            f"{self._last.set_aside(each, self._workdir / ASIDE)}; "
            + (
                "the run begins again."
                if step is None
                else f"that of step {step} is taken."
            )
            for each, fault in faults.items()
        ]
        if step is None:
            return Resumption(None, {}, tuple(notes))
        self._resumed = step
        record = self._last.record(step)
        for which in (BEST, BEST_OF_JOINT):
            note = self._mend_best(which, record.get("bests"))
            notes += [note] if note else []
        return Resumption(step, record, tuple(notes))

    def follow(self, step: int) -> Resumption:
        """Goes on from a state that another worker has found.

        Raises:
          DamagedFile: it is not to be seen from here, or not whole.
        """
        end = time.monotonic() + PATIENCE
        while fault := self._last.fault(step):
            if time.monotonic() > end:
                raise DamagedFile(
                    f"{fault}, of the step from which the first worker goes on. "
                    "--workdir has to be a folder that all workers see."
                )
            time.sleep(1.0)
        self._resumed = step
        return Resumption(step, self._last.record(step), ())

    def _mend_best(self, which: str, bests: Mapping[str, Any] | None) -> str | None:
        """Sets the best weights aside if they are damaged; says in words what is lost.

        Args:
          which: the name of the checkpoint.
          bests: the best validations, as they were noted with the last state; None if
            it is of an earlier version.
        """
        folder, path = self._of(which), self._best_path(which)
        best, noted = self.best(which), (bests or {}).get(which)
        if best is None and not (noted or folder.steps() or path.exists()):
            return None
        if bests is not None and not noted and not path.exists():
            # Of a later step, which is taken again: the write was not finished.
            folder.keep_only(set())
            return None
        fault = f"{path} is missing or damaged" if best is None else None
        if best is not None:
            fault = folder.fault(best.step)
            if fault is None:
                if self._written_best(path) is None:
                    whole.write_json(path, dataclasses.asdict(best))
                    return f"{path} was missing or damaged, and is made again."
                return None
        places = [
            str(folder.set_aside(step, self._workdir / ASIDE))
            for step in folder.steps()
        ]
        if path.exists():
            place = free_name(self._workdir / ASIDE / path.name)
            place.parent.mkdir(exist_ok=True)
            path.replace(place)
        step = best.step if best else (noted or {}).get("step", "unknown")
        kept = f" What is left is in {', '.join(places)}." if places else ""
        return (
            f"The weights `{which}` of step {step} are lost: {fault}.{kept} The next "
            "validation makes them anew, whatever its score."
        )

    def keep_best(self, best: Best, since: int = 0, which: str = BEST) -> None:
        """Writes the weights if none have scored as high before.

        Args:
          best: the validation of the weights.
          since: the step after which weights compete: where M began anew, or a stage.
          which: the name of the checkpoint.
        """
        previous = self.best(which)
        rival = -math.inf
        # Scores by other rules are not compared.
        if previous and previous.metrics_version == best.metrics_version:
            rival = previous.score if previous.step > since else rival
        if not best.score > rival:  # NaN is never the best.
            return
        note = dataclasses.asdict(best)
        self._of(which).write(best.step, self._weights, self._identity | {"best": note})
        # Only now are they the best: until then, those before are there and named.
        whole.write_json(self._best_path(which), note)
        self._of(which).keep_only({best.step})

    def best(self, which: str = BEST) -> Best | None:
        """Returns the best validation so far; None before the first.

        It is read from the checkpoint itself where its own file is lost.
        """
        written = self._written_best(self._best_path(which))
        if written is not None:
            return written
        folder = self._of(which)
        for step in reversed(folder.steps()):
            with contextlib.suppress(DamagedFile, TypeError):
                return Best(**folder.record(step).get("best", {}))
        return None

    def _written_best(self, path: pathlib.Path) -> Best | None:
        """Returns what a file says of the best validation; None if it is damaged."""
        with contextlib.suppress(FileNotFoundError, DamagedFile, TypeError):
            return Best(**reading.read_json(path, remedy=""))
        return None

    def _best_path(self, which: str) -> pathlib.Path:
        return self._folder / f"{which}.json"

    def _of(self, which: str) -> CheckpointFolder:
        return CheckpointFolder(self._folder / which)

    def last_step(self) -> int:
        """Returns the step of the newest whole state; 0 without one."""
        return self._last.newest()[0] or 0

    def restore_last(self, optimizers: Optimizers | None = None) -> None:
        """Restores the last state, or its weights alone where a stage begins.

        Args:
          optimizers: those of the stage that is continued; None where it begins.
        """
        # What has been written or looked at by this process is not read once more.
        step = self.last_step() if self._resumed is None else self._resumed
        state = self._weights if optimizers is None else self._state(optimizers)
        self._last.read(step, state)

    def restore(self, which: str) -> int:
        """Restores the weights of a checkpoint, by its name; returns its step.

        Raises:
          FileNotFoundError: there is no such checkpoint.
          DamagedFile: it is not whole.
        """
        which = self._kept(which)
        folder = self._of(which)
        if not folder.steps():
            raise FileNotFoundError(
                f"{folder.folder} holds no checkpoint: train the run first (the "
                "first validation makes the first best)."
            )
        step = self._whole_step(which, folder)
        folder.read(step, self._weights)
        return step

    def _whole_step(self, which: str, folder: CheckpointFolder) -> int:
        if which in self.OF_TRAINING:
            step, faults = folder.newest()
            if step is not None and faults:
                print(
                    f"{'; '.join(faults.values())}: the checkpoint of step {step} is "
                    "taken.",
                    file=sys.stderr,
                )
            fault = None if step is not None else "; ".join(faults.values())
        else:
            best = self.best(which)
            step = best.step if best else folder.steps()[-1]
            fault = folder.fault(step)
        if step is None or fault:
            raise DamagedFile(
                f"{fault}. Expected the whole checkpoint `{which}`; go on with the "
                "training, which makes it again, or name another --checkpoint."
            )
        return step

    def _kept(self, which: str) -> str:
        """Returns the name of the folder of these weights."""
        best = self.best()
        # The best of all is the best of its stage, which was not kept apart once.
        is_best_of_stage = best is not None and BEST_OF_STAGE.get(best.stage) == which
        is_missing = not (self._folder / which).exists()
        return BEST if is_missing and is_best_of_stage else which
