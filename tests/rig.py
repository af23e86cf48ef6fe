"""A rig that applies single updates to networks and tells what they did."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.method.algorithm import Update
from mgm_tf.method.train_step import MGM
from mgm_tf.train.optimizers import Adam
from tests import toy

# Steps are taken down the gradient, so long ones that the least of gradients moves a
# weight, and that the step tells the gradient as exactly as it was.
RATE = 1e6


def two_replicas() -> tf.distribute.Strategy:
    """Two logical CPU devices; eager replicas take turns where they reduce.

    Of several strategies in one process, collective operations take each other's
    keys. So these have none; the strategy that has them is `devices.strategy_of(2)`.
    """
    devices = ["CPU:0", "CPU:1"]
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())


@dataclasses.dataclass(frozen=True)
class Weight:
    """One weight: of which network, its number there, what it is."""

    network: str
    number: int
    kind: str  # trainable, moving, spectral or record
    name: str = dataclasses.field(compare=False)

    def __repr__(self) -> str:
        return f"{self.network} {self.number}: {self.name}"


_KINDS = {
    "u": "spectral",
    "v": "spectral",
    "moving_mean": "moving",
    "moving_variance": "moving",
    # What Dynamic Weight Average notes of the losses.
    "last": "record",
    "before_last": "record",
    "sums": "record",
    "number": "record",
    "present": "record",
}

Weights = dict[Weight, keras.Variable]
Values = dict[Weight, np.ndarray]


def weights_of(networks: Mapping[str, keras.Model]) -> Weights:
    """Every weight of the networks."""
    return {
        Weight(name, number, _kind(variable), variable.path): variable
        for name, network in networks.items()
        for number, variable in enumerate(network.variables)
    }


def is_to_change(update: Update, weight: Weight) -> bool:
    """Whether an update is to change a weight, by what it says of itself."""
    # A network that follows another does in all as that one does.
    leaders = {average.into: average.of for average in update.averages}
    name = leaders.get(weight.network, weight.network)
    passed, drew = update.loss.networks, update.images.networks
    return {
        "trainable": name in update.trains,
        "spectral": name in update.trains,
        "moving": name in {*passed} & {*update.advances}
        # The images come from a pass of their own; an oracle works as at test time.
        or name in {*drew} & {*update.drawing_advances} - {"oracle"},
        "record": name in passed,
    }[weight.kind]


def _kind(variable: keras.Variable) -> str:
    return "trainable" if variable.trainable else _KINDS[variable.name]


def optimizers_of(
    networks: Mapping[str, keras.Model],
    updates: Sequence[Update],
    make: Callable[[float], keras.optimizers.Optimizer] = Adam,
    rate: float = 1e-3,
) -> dict[tuple[str, str], keras.optimizers.Optimizer]:
    """New optimizers of a kind, one a network."""
    made = {}
    for name in {name for update in updates for name in update.trains}:
        made[name] = make(rate)
        made[name].build(networks[name].trainable_variables)
    return {
        (update.name, name): made[name] for update in updates for name in update.trains
    }


class Descent(keras.optimizers.SGD):
    """Plain gradient descent, so that a step tells the gradient."""

    def apply(
        self,
        grads: Sequence[tf.Tensor],
        trainable_variables: Sequence[keras.Variable] | None = None,
        *,
        scale: tf.Tensor | None = None,
        factor: float = 1.0,
    ) -> None:
        """Takes the step for all weights."""
        scale = 1.0 if scale is None else scale
        super().apply([scale * factor * g for g in grads], trainable_variables)


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
        # The values of all weights as they were made.
        self.start = self._values()
        self._moved: set[Weight] = set()

    def apply(
        self, update: Update, frozen: tuple[str, ...] = (), step: int = 0
    ) -> Outcome:
        """A step of this update alone, on the networks as they were made."""
        self._put_back(self._moved)
        extra = filter(None, [update.images.extra])
        reader = toy.reader(self._names, extra)
        with self._strategy.scope():
            optimizers = optimizers_of(self.networks, (update,), Descent, RATE)
            model = MGM(self.networks, (update,), reader, optimizers, frozen)
        self._strategy.run(model.train_step, (self.batch(step),))
        values = self._values()
        start = self.start
        self._moved = {w for w in values if not np.array_equal(values[w], start[w])}
        return Outcome(
            self._moved,
            values,
            self._gradients(update, values),
            {metric.name: float(metric.result()) for metric in model.metrics},
        )

    def reset(self) -> None:
        """Gives all weights the values that they were made with."""
        # Who asks for it moves them without being seen.
        self._moved = set(self.weights)
        self._put_back(self._moved)

    def _put_back(self, weights: set[Weight]) -> None:
        with self._strategy.scope():
            for weight in weights:
                self.weights[weight].assign(self.start[weight])

    def batch(self, step: int = 0) -> Any:
        """The batch, each replica's part of it."""
        whole = toy.raw_batch(self._names, step)
        replicas = self._strategy.num_replicas_in_sync

        def part(context: tf.distribute.ReplicaContext) -> Any:
            number = context.replica_id_in_sync_group
            return tf.nest.map_structure(
                lambda values: tf.split(values, replicas)[number], whole
            )

        return self._strategy.experimental_distribute_values_from_function(part)

    def _values(self) -> Values:
        return {weight: self._value(v) for weight, v in self.weights.items()}

    def _value(self, variable: keras.Variable) -> np.ndarray:
        copies = self._strategy.experimental_local_results(variable.value)
        first, *others = (copy.numpy() for copy in copies)
        for other in others:
            np.testing.assert_array_equal(first, other, err_msg=variable.path)
        return first

    def _gradients(self, update: Update, values: Values) -> Values:
        return {
            weight: (self.start[weight] - values[weight]) / RATE
            for weight in self.weights
            if weight.network in update.trains and weight.kind == "trainable"
        }


def step_of(
    rig: Rig, tasks: Sequence[str], updates: Sequence[Update], **options: Any
) -> tuple[Values, dict[str, float]]:
    """Takes a step of plain descent from the weights as they were made.

    Its rate is such that what an update changes shows in the next.

    Returns:
      The change of every weight, and the losses.
    """
    rig.reset()
    optimizers = optimizers_of(rig.networks, updates, Descent, 1e-2)
    reader = toy.reader(tasks)
    model = MGM(rig.networks, tuple(updates), reader, optimizers, **options)
    terms = model.train_step(toy.raw_batch(tasks))
    changes = {
        weight: variable.numpy() - rig.start[weight]
        for weight, variable in rig.weights.items()
    }
    return changes, {name: float(value) for name, value in terms.items()}
