"""Small stand-ins that tests share: tasks, a batch as it is stored, networks, a rig."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.algorithm import Objectives, Update
from mgm_tf.examples import Reader
from mgm_tf.labels import Categorical
from mgm_tf.model import MGM
from mgm_tf.networks import build_networks
from mgm_tf.objectives import Contrastive, Discriminate, Generate, MultiTask, Scene
from mgm_tf.optimizers import Adam
from mgm_tf.tasks import Task, task_of

SIZE = 64
BATCH = 4
SCENES = (0, 2, -1, 1)  # of the batch: one is not known
LABELS = Categorical(("kitchen", "office", "bedroom"))
BETA_1 = 0.5

_UNIT_INTERVAL = {"scale": 1 / 65534, "offset": -1 / 65534}
INFOS = {
    info.name: info
    for info in (
        segmentation_info(("wall", "floor", "bed", "lamp"), ((0, 0, 0),) * 4),
        depth_info(),
        normals_info(),
        TaskInfo(name="edges", target_scale=(0.1,), **_UNIT_INTERVAL),
        TaskInfo(name="reshading", target_shift=(0.5,), **_UNIT_INTERVAL),
        TaskInfo(name="curvature", channels=2, scale=1 / 16384, offset=-2.0),
    )
}
ALL_TASKS = tuple(INFOS)


def tasks_of(*names: str) -> tuple[Task, ...]:
    return tuple(task_of(INFOS[name]) for name in names)


def objectives(*names: str) -> Objectives:
    """The losses, of these tasks."""
    return Objectives(
        multi_task=MultiTask(tasks_of(*names)),
        scene=Scene(LABELS),
        contrastive=Contrastive(0.5),
        discriminate=Discriminate(0.01),
        generate=Generate(0.01),
    )


def reader(*names: str) -> Reader:
    return Reader(tasks_of(*names), LABELS, seed=7, batch_size=BATCH)


def raw_batch(*names: str, step: int = 0) -> dict[str, tf.Tensor]:
    """A batch as it is stored: labels are missing, most of them in its first half.

    The first example has no map of any task but segmentation. A quarter of the second's
    pixels and a row of the last's are unlabelled too.
    """
    random = np.random.default_rng(1)
    batch = {
        "image": random.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8),
        "scene": np.array(SCENES, np.int32),
        "position": np.arange(BATCH),
        "step": np.full(BATCH, step),
    }
    for name in names:
        info = INFOS[name]
        high = len(info.class_names) or 4096
        shape = (BATCH, SIZE, SIZE, info.channels)
        raw = random.integers(0, high, shape).astype(info.dtype)
        raw = raw + np.array(info.missing == 0, info.dtype)  # 0 is no label there.
        raw[0, :, : SIZE // 2 if info.class_names else SIZE] = info.missing
        raw[1, : SIZE // 2, : SIZE // 2] = info.missing
        raw[3, 5] = info.missing
        batch[name] = raw
    return {name: tf.constant(values) for name, values in batch.items()}


def tiny_networks(*names: str, gan: str = "sagan") -> dict[str, keras.Model]:
    """All networks with a sixteenth of their widths, and with no weight at rest.

    Weights that start at zero or one could hide what an update leaves alone: all are
    shaken. D's last bias is such that its hinge is past its corner for some images.
    """
    keras.utils.set_random_seed(0)
    networks = build_networks(
        {task.name: task.output_channels for task in tasks_of(*names)},
        LABELS.size,
        SIZE,
        gan=gan,
        width=1 / 16,
        z_dim=16,
    )
    random = np.random.default_rng(2)
    for network in networks.values():
        for weight in network.trainable_variables:
            weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
    return networks


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of a network: of which, the how manyth, and what for."""

    network: str
    number: int
    kind: str  # trainable, moving or spectral
    path: str

    def __repr__(self):
        return f"{self.path} ({self.kind})"


KINDS = {
    "u": "spectral",
    "v": "spectral",
    "moving_mean": "moving",
    "moving_variance": "moving",
}


def weights_of(networks) -> dict[Weight, keras.Variable]:
    """Every weight of the networks."""
    return {
        Weight(name, number, _kind(variable), variable.path): variable
        for name, network in networks.items()
        for number, variable in enumerate(network.variables)
    }


def _kind(variable) -> str:
    return "trainable" if variable.trainable else KINDS[variable.name]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an update did: which weights it changed, from what, and its losses."""

    changed: set[Weight]
    values: dict[Weight, np.ndarray]
    gradients: dict[Weight, np.ndarray]
    terms: dict[str, float]


class Rig:
    """Networks on a strategy's replicas to which single updates are applied."""

    def __init__(self, strategy: tf.distribute.Strategy, names, gan: str = "sagan"):
        self._strategy = strategy
        self._names = names
        with strategy.scope():
            self.networks = tiny_networks(*names, gan=gan)
        self.weights = weights_of(self.networks)
        self._start = self._values()

    def apply(self, update: Update) -> Outcome:
        """Applies one update to the networks as they were at first, and nothing else."""
        with self._strategy.scope():
            for weight, value in self._start.items():
                self.weights[weight].assign(value)
            optimizers = {}
            for name in update.trains:
                optimizer = Adam(1e-3, beta_1=BETA_1)
                optimizer.build(self.networks[name].trainable_variables)
                optimizers[update.name, name] = optimizer
            model = MGM(self.networks, (update,), reader(*self._names), optimizers)
        self._strategy.run(model.train_step, (self._batch(),))
        values = self._values()
        return Outcome(
            {w for w in values if not np.array_equal(values[w], self._start[w])},
            values,
            self._gradients(optimizers),
            {metric.name: float(metric.result()) for metric in model.metrics},
        )

    def _batch(self):
        whole = raw_batch(*self._names)
        rows = BATCH // self._strategy.num_replicas_in_sync

        def part(context):
            start = context.replica_id_in_sync_group * rows
            return {k: v[start : start + rows] for k, v in whole.items()}

        return self._strategy.experimental_distribute_values_from_function(part)

    def _values(self) -> dict[Weight, np.ndarray]:
        return {weight: self._value(v) for weight, v in self.weights.items()}

    def _value(self, variable) -> np.ndarray:
        copies = self._strategy.experimental_local_results(variable.value)
        first, *others = (copy.numpy() for copy in copies)
        for other in others:
            np.testing.assert_array_equal(first, other, err_msg=variable.path)
        return first

    def _gradients(self, optimizers) -> dict[Weight, np.ndarray]:
        """Adam's first moments after its first step are (1 - beta_1) * gradient."""
        gradients = {}
        for (_, name), optimizer in optimizers.items():
            moments = [v for v in optimizer.variables if "momentum" in v.path]
            trained = [
                weight
                for weight in self.weights
                if weight.network == name and weight.kind == "trainable"
            ]
            for weight, moment in zip(trained, moments, strict=True):
                gradients[weight] = self._value(moment) / (1 - BETA_1)
        return gradients
