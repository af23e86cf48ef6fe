"""The weights of a run on disk: the last, to go on from, and the best, to use."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping

import keras
import tensorflow as tf

Networks = Mapping[str, keras.Model]


@dataclasses.dataclass(frozen=True)
class Best:
    """The best validation so far."""

    step: int
    stage: str
    score: float


class Checkpoints:
    """Checkpoints below `workdir/checkpoints`: `last/` and `best/`.

    A checkpoint is named by its step. `last` holds the networks and the optimizers of
    the stage, all that a step depends on: data and noise are functions of (seed, step).
    """

    def __init__(self, workdir: pathlib.Path, networks: Networks):
        self._folder = workdir / "checkpoints"
        self._networks = dict(networks)
        self._weights = tf.train.Checkpoint(networks=self._networks)
        self._best = self._manager(self._weights, "best", keep=1)

    def _manager(self, checkpoint, name: str, keep: int):
        return tf.train.CheckpointManager(
            checkpoint, str(self._folder / name), keep, checkpoint_name="step"
        )

    def _state(self, optimizers: Mapping[str, keras.optimizers.Optimizer]):
        return tf.train.Checkpoint(networks=self._networks, optimizers=dict(optimizers))

    def save_last(self, step: int, optimizers) -> None:
        """Writes the state after `step` steps; the one before is kept beside it."""
        manager = self._manager(self._state(optimizers), "last", keep=2)
        manager.save(checkpoint_number=step)

    def keep_best(self, best: Best) -> None:
        """Writes the weights if none of the stage scored as high before.

        A later stage starts anew: what is kept in the end has been through all stages.
        """
        before = self.best()
        rival = before.score if before and before.stage == best.stage else -math.inf
        if not best.score > rival:  # NaN is never the best
            return
        self._best.save(checkpoint_number=best.step)
        text = json.dumps(dataclasses.asdict(best))
        (self._folder / "best.json").write_text(text + "\n")

    def best(self) -> Best | None:
        """The best so far."""
        path = self._folder / "best.json"
        return Best(**json.loads(path.read_text())) if path.exists() else None

    def last_step(self) -> int:
        """The step of the last checkpoint; 0 without one."""
        path = tf.train.latest_checkpoint(str(self._folder / "last"))
        return int(path.rsplit("-", 1)[1]) if path else 0

    def restore_last(self, optimizers=None) -> None:
        """Takes the last state; without `optimizers` (a stage begins) the weights."""
        path = tf.train.latest_checkpoint(str(self._folder / "last"))
        if optimizers is None:
            self._restore_weights(path)
        else:
            status = self._state(optimizers).restore(path)
            status.assert_existing_objects_matched()

    def restore(self, which: str) -> int:
        """Takes the weights of the `best` or `last` checkpoint; returns its step.

        Raises:
          FileNotFoundError: there is none.
        """
        path = tf.train.latest_checkpoint(str(self._folder / which))
        if path is None:
            raise FileNotFoundError(
                f"{self._folder / which} holds no checkpoint: train the run first (the "
                "first validation makes the first best)."
            )
        self._restore_weights(path)
        return int(path.rsplit("-", 1)[1])

    def _restore_weights(self, path: str) -> None:
        status = self._weights.restore(path)
        status.assert_existing_objects_matched().expect_partial()
