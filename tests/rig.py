"""A rig that applies single updates to networks and tells what they did."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.algorithm import Update
from mgm_tf.model import MGM
from mgm_tf.optimizers import Adam
from tests import toy

BETA_1 = 0.5  # of the optimizers

# The networks that images pass through in an update.
PATHS = {
    "multi_task": ("encoder", "decoders"),
    "refine": ("encoder", "decoders", "refiner"),
    "self_supervise": ("encoder", "projector"),
    "discriminate": ("encoder", "embedding", "generator", "discriminator"),
    "generate": ("encoder", "embedding", "generator", "discriminator"),
    "refine_weak": ("encoder", "decoders", "refiner"),
    "self_supervise_weak": ("encoder", "projector"),
}

# The networks that make synthesized images.
DRAWING = ("encoder", "embedding", "generator")


def two_replicas() -> tf.distribute.Strategy:
    """Two logical CPU devices; eager replicas take turns where they reduce."""
    devices = ["CPU:0", "CPU:1"]
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())


@dataclasses.dataclass(frozen=True)
class Weight:
    """One weight: of which network, its number there, what it is."""

    network: str
    number: int
    kind: str  # trainable, moving or spectral
    name: str = dataclasses.field(compare=False)

    def __repr__(self):
        return f"{self.network} {self.number}: {self.name}"


_KINDS = {
    "u": "spectral",
    "v": "spectral",
    "moving_mean": "moving",
    "moving_variance": "moving",
}

Weights = dict[Weight, keras.Variable]
Values = dict[Weight, np.ndarray]


def weights_of(networks) -> Weights:
    """Every weight of the networks."""
    return {
        Weight(name, number, _kind(variable), variable.path): variable
        for name, network in networks.items()
        for number, variable in enumerate(network.variables)
    }


def _kind(variable) -> str:
    return "trainable" if variable.trainable else _KINDS[variable.name]


def optimizers_of(networks, updates, learning_rate: float = 1e-3):
    """New optimizers, one a network."""
    made = {}
    for name in {name for update in updates for name in update.trains}:
        made[name] = Adam(learning_rate, beta_1=BETA_1)
        made[name].build(networks[name].trainable_variables)
    return {
        (update.name, name): made[name] for update in updates for name in update.trains
    }


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an update did: the weights that changed, all weights' values, its losses."""

    changed: set[Weight]
    values: Values
    gradients: Values
    terms: dict[str, float]


class Rig:
    """Networks on the replicas of a strategy, to which updates are applied."""

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        names: tuple[str, ...],
        make: Callable[..., dict[str, keras.Model]],
    ):
        self._strategy = strategy
        self._names = names
        with strategy.scope():
            self.networks = make(names)
        self.weights = weights_of(self.networks)
        self._start = self._values()

    def apply(self, update: Update) -> Outcome:
        """A step of this update alone, on the networks as they were made."""
        self.reset()
        with self._strategy.scope():
            optimizers = optimizers_of(self.networks, (update,))
            reader = toy.reader(self._names)
            model = MGM(self.networks, (update,), reader, optimizers)
        self._strategy.run(model.train_step, (self.batch(),))
        values = self._values()
        return Outcome(
            {w for w in values if not np.array_equal(values[w], self._start[w])},
            values,
            self._gradients(optimizers),
            {metric.name: float(metric.result()) for metric in model.metrics},
        )

    def reset(self) -> None:
        """Gives all weights the values that they were made with."""
        with self._strategy.scope():
            for weight, value in self._start.items():
                self.weights[weight].assign(value)

    def batch(self, step: int = 0):
        """The batch, each replica's part of it."""
        whole = toy.raw_batch(self._names, step)
        replicas = self._strategy.num_replicas_in_sync

        def part(context):
            number = context.replica_id_in_sync_group
            return tf.nest.map_structure(
                lambda values: tf.split(values, replicas)[number], whole
            )

        return self._strategy.experimental_distribute_values_from_function(part)

    def _values(self) -> Values:
        return {weight: self._value(v) for weight, v in self.weights.items()}

    def _value(self, variable) -> np.ndarray:
        copies = self._strategy.experimental_local_results(variable.value)
        first, *others = (copy.numpy() for copy in copies)
        for other in others:
            np.testing.assert_array_equal(first, other, err_msg=variable.path)
        return first

    def _gradients(self, optimizers) -> Values:
        """Adam's first moments after its first step: (1 - beta_1) * gradient."""
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
