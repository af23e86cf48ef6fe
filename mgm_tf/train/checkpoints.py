"""The weights of a run on disk: the last, to continue from, and the best, to use.

Weights that are to be used have the batch statistics with which they were judged; the
last ones those of training.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping

import keras
import tensorflow as tf

from mgm_tf.config.saved import BEST, BEST_OF_JOINT, LAST
from mgm_tf.method.stages import JOINT

# stage -> the checkpoint of its own best weights
BEST_OF_STAGE = {JOINT: BEST_OF_JOINT}

Networks = Mapping[str, keras.Model]
Optimizers = Mapping[str, keras.optimizers.Optimizer]


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


class Checkpoints:
    """The checkpoints of a run, in folders below `workdir/checkpoints`.

    A checkpoint is named by its step. `last` holds the networks and the optimizers of
    the stage, all that a step depends on: data and noise are functions of (seed, step).

    Attributes:
      OF_TRAINING: the checkpoints whose batch statistics are those of training.
    """

    OF_TRAINING = frozenset({LAST})

    def __init__(self, workdir: pathlib.Path, networks: Networks):
        self._folder = workdir / "checkpoints"
        self._networks = dict(networks)
        self._weights = tf.train.Checkpoint(networks=self._networks)

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
        manager = self._manager(self._state(optimizers), LAST, keep=2)
        manager.save(checkpoint_number=step)

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
        manager = self._manager(self._weights, which, keep=1)
        manager.save(checkpoint_number=best.step)
        text = json.dumps(dataclasses.asdict(best))
        (self._folder / f"{which}.json").write_text(text + "\n")

    def best(self, which: str = BEST) -> Best | None:
        """Returns the best validation so far; None before the first."""
        path = self._folder / f"{which}.json"
        return Best(**json.loads(path.read_text())) if path.exists() else None

    def last_step(self) -> int:
        """Returns the step of the last checkpoint; 0 without one."""
        path = tf.train.latest_checkpoint(str(self._folder / LAST))
        return int(path.rsplit("-", 1)[1]) if path else 0

    def restore_last(self, optimizers: Optimizers | None = None) -> None:
        """Restores the last state, or its weights alone where a stage begins.

        Args:
          optimizers: those of the stage that is continued; None where it begins.
        """
        path = tf.train.latest_checkpoint(str(self._folder / LAST))
        if optimizers is None:
            self._restore_weights(path)
        else:
            status = self._state(optimizers).restore(path)
            status.assert_existing_objects_matched()

    def restore(self, which: str) -> int:
        """Restores the weights of a checkpoint, by its name; returns its step.

        Raises:
          FileNotFoundError: there is no such checkpoint.
        """
        path = tf.train.latest_checkpoint(str(self._folder / self._kept(which)))
        if path is None:
            raise FileNotFoundError(
                f"{self._folder / which} holds no checkpoint: train the run first (the "
                "first validation makes the first best)."
            )
        self._restore_weights(path)
        return int(path.rsplit("-", 1)[1])

    def _kept(self, which: str) -> str:
        """Returns the name of the folder of these weights."""
        best = self.best()
        # The best of all is the best of its stage, which was not kept apart once.
        is_best_of_stage = best is not None and BEST_OF_STAGE.get(best.stage) == which
        is_missing = not (self._folder / which).exists()
        return BEST if is_missing and is_best_of_stage else which

    def _restore_weights(self, path: str) -> None:
        status = self._weights.restore(path)
        status.assert_existing_objects_matched().expect_partial()
