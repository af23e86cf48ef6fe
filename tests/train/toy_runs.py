"""A run of two small networks in the real loop, which takes a tenth of a second."""

import contextlib
import pathlib
import types
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.files import whole
from mgm_tf.method.algorithm import MULTI_TASK_NETWORK, Update
from mgm_tf.method.images import REAL_IMAGES
from mgm_tf.method.stages import Stage
from mgm_tf.method.watch import Watch, norms
from mgm_tf.train import loop
from mgm_tf.train.experiment import StageTraining
from tests.train.test_checkpoints import networks_of, optimizers_of

LOSS = types.SimpleNamespace(
    terms=("square",), networks=MULTI_TASK_NETWORK, reads_scenes=False
)
UPDATES = (Update("multi_task", REAL_IMAGES, LOSS, MULTI_TASK_NETWORK),)
STAGES = (
    Stage("multi_task", UPDATES, batch_size=8, steps=2),
    Stage("joint", UPDATES, batch_size=8, steps=1, begin=2),
)
TASK = types.SimpleNamespace(name="depth", headline="error", higher_is_better=False)


class Model(keras.Model):
    """Makes the outputs of the networks small."""

    def __init__(self, networks: dict, optimizers: dict):
        super().__init__()
        self.networks = networks
        self.update_optimizers = optimizers
        self.watch = Watch(UPDATES)
        self.step_graph = None
        self.loss_scales: dict = {}
        self.tracker = keras.metrics.Mean("multi_task/square")
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.tracker]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            features = self.networks["encoder"](batch["x"], training=True)
            loss = tf.reduce_mean(self.networks["decoders"](features) ** 2)
        weights = {n: self.networks[n].trainable_variables for n in MULTI_TASK_NETWORK}
        watched = [loss]
        for name, gradients in tape.gradient(loss, weights).items():
            self.update_optimizers[name].apply(gradients, weights[name])
            watched += norms(gradients, [each.value for each in weights[name]])
        self.watch.note(batch["step"], watched)
        self.tracker.update_state(loss)
        return {"multi_task/square": self.tracker.result()}


class Batches:
    """Images that are a function of the seed and the step."""

    split = None

    def __init__(self, seed: int):
        self._seed = seed

    def from_step(self, step: int) -> tf.data.Dataset:
        def batch(number: tf.Tensor) -> dict[str, tf.Tensor]:
            seed = tf.stack([tf.constant(self._seed, tf.int64), number])
            x = tf.random.stateless_normal((8, 3), seed)
            return {"x": x, "step": number}

        return tf.data.Dataset.range(step, 2**40).map(batch)


class TestTime:
    """Does nothing to networks that are judged."""

    __test__ = False
    seconds = 0.0

    @contextlib.contextmanager
    def __call__(self, at: object) -> Iterator[None]:
        yield


class Experiment(types.SimpleNamespace):
    """What the loop needs of an experiment, as a new process makes it."""

    tasks = (TASK,)
    stages = STAGES

    def __init__(self, settings: Any, builder: Any):
        data = types.SimpleNamespace(builder=builder, train=None, validation=None)
        super().__init__(
            settings=settings, data=data, networks=networks_of(1), test_time=TestTime()
        )

    def start(self) -> None:
        """Takes nothing from other runs."""

    def stage_training(self, stage: Stage, workdir: pathlib.Path) -> StageTraining:
        optimizers = optimizers_of(self.networks)
        model = Model(self.networks, optimizers)
        model.compile(optimizer=None, run_eagerly=True)
        seed = stage.seed_of(self.settings.run.seed)
        return StageTraining(stage, optimizers, model, None, lambda: Batches(seed))

    def evaluate(self, split: object) -> dict[str, dict[str, float]]:
        weights = [v.numpy() for v in self.networks["decoders"].variables]
        return {"depth": {"error": float(np.abs(weights[0]).mean())}}

    def evaluate_constant_predictor(
        self, split: str, workdir: pathlib.Path
    ) -> dict[str, dict[str, float]]:
        path = workdir / "constant_predictor.npz"
        if not path.exists():
            whole.write_arrays(path, {"depth": np.zeros(3)})
        return {"depth": {"error": 1.0}}


def run(settings: Any, builder: Any, workdir: pathlib.Path) -> Experiment:
    """Trains as the command does in a new process."""
    experiment = Experiment(settings, builder)
    loop.claim(experiment, workdir)
    loop.train(experiment, workdir)
    return experiment
