"""The weights of a run on disk: the last, to continue from, and the best, to use."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping

import keras
import tensorflow as tf

Networks = Mapping[str, keras.Model]
Optimizers = Mapping[str, keras.optimizers.Optimizer]


@dataclasses.dataclass(frozen=True)
class Best:
    """The best validation of a run so far.

    Attributes:
      step: the number of steps done before it.
      stage: the name of its stage.
      score: the score of `validation.score`.
    """

    step: int
    stage: str
    score: float


class Checkpoints:
    """The checkpoints of a run, `last/` and `best/` below `workdir/checkpoints`.

    A checkpoint is named by its step. `last` holds the networks and the optimizers of
    the stage, all that a step depends on: data and noise are functions of (seed, step).
    """

    def __init__(self, workdir: pathlib.Path, networks: Networks):
        self._folder = workdir / "checkpoints"
        self._networks = dict(networks)
        self._weights = tf.train.Checkpoint(networks=self._networks)
        self._best = self._manager(self._weights, "best", keep=1)

    def _manager(
        self, checkpoint: tf.train.Checkpoint, name: str, keep: int
    ) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(
            checkpoint, str(self._folder / name), keep, checkpoint_name="step"
        )

    def _state(self, optimizers: Optimizers) -> tf.train.Checkpoint:
        return tf.train.Checkpoint(networks=self._networks, optimizers=dict(optimizers))

    def save_last(self, step: int, optimizers: Optimizers) -> None:
        """Writes the state after `step` steps, and keeps the one before as well."""
        manager = self._manager(self._state(optimizers), "last", keep=2)
        manager.save(checkpoint_number=step)

    def keep_best(self, best: Best) -> None:
        """Writes the weights if none of the same stage has scored as high before.

        A later stage starts anew, so that the weights that are kept in the end have
        been through all stages.
        """
        previous = self.best()
        rival = (
            previous.score if previous and previous.stage == best.stage else -math.inf
        )
        if not best.score > rival:  # NaN is never the best.
            return
        self._best.save(checkpoint_number=best.step)
        text = json.dumps(dataclasses.asdict(best))
        (self._folder / "best.json").write_text(text + "\n")

    def best(self) -> Best | None:
        """Returns the best validation so far; None before the first."""
        path = self._folder / "best.json"
        return Best(**json.loads(path.read_text())) if path.exists() else None

    def last_step(self) -> int:
        """Returns the step of the last checkpoint; 0 without one."""
        path = tf.train.latest_checkpoint(str(self._folder / "last"))
        return int(path.rsplit("-", 1)[1]) if path else 0

    def restore_last(self, optimizers: Optimizers | None = None) -> None:
        """Restores the last state, or its weights alone where a stage begins.

        Args:
          optimizers: those of the stage that is continued; None where it begins.
        """
        path = tf.train.latest_checkpoint(str(self._folder / "last"))
        if optimizers is None:
            self._restore_weights(path)
        else:
            status = self._state(optimizers).restore(path)
            status.assert_existing_objects_matched()

    def restore(self, which: str) -> int:
        """Restores the weights of the `best` or `last` checkpoint; returns its step.

        Raises:
          FileNotFoundError: there is no such checkpoint.
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
