"""The training step: reads a batch, then draws and applies each update in turn."""

from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.data.examples import Reader
from mgm_tf.method.accumulation import Parts
from mgm_tf.method.algorithm import Average, Update
from mgm_tf.method.loss_scaling import UNSCALED, LossScale
from mgm_tf.method.passes import PASSES
from mgm_tf.method.rates import CONSTANT, RateSchedule
from mgm_tf.method.watch import Watch, norms
from mgm_tf.networks.layers.recomputation import recomputing
from mgm_tf.networks.layers.spectral_normalization import advance_power_iterations
from mgm_tf.tasks import replicas

# (name of the update, name of the network) -> its optimizer
Optimizers = Mapping[tuple[str, str], keras.optimizers.Optimizer]


class MGM(keras.Model):
    """The paper's networks, trained by an algorithm given as rows of updates."""

    train_function: Callable[..., dict] | None  # of Keras

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        algorithm: tuple[Update, ...],
        reader: Reader,
        optimizers: Optimizers,
        frozen: tuple[str, ...] = (),
        rate_schedule: RateSchedule = CONSTANT,
        passes: str = "sequential",
        loss_scales: Mapping[str, LossScale] | None = None,
        accumulation_steps: int = 1,
        remat: bool = False,
        compiles: bool = False,
    ) -> None:
        """Binds built networks to an algorithm.

        Args:
          networks: the built networks by name.
          algorithm: the updates of a step, in order.
          reader: what makes examples of a stored batch.
          optimizers: a built optimizer for every update and network that it trains.
          frozen: the networks that work as at test time.
          rate_schedule: the factor on all learning rates.
          passes: what the updates of a step share, a key of `passes.PASSES`.
          loss_scales: the scale of the loss of an update by its name, if it has one.
          accumulation_steps: the number of parts of a batch whose gradients are
            averaged.
          remat: whether activations are computed again in backward passes.
          compiles: whether XLA compiles the passes of each network.
        """
        super().__init__()
        self.networks = dict(networks)
        self.algorithm = algorithm
        self.reader = reader
        self.update_optimizers = dict(optimizers)
        self.frozen = frozen
        self.rate_schedule = rate_schedule
        self.passes = passes
        self.loss_scales = dict(loss_scales or {})
        self.accumulation_steps = accumulation_steps
        self.remat = remat
        self.compiles = compiles
        self.watch = Watch(algorithm)
        # The graph of a step, when it is made: what a step costs is read off it.
        self.step_graph: tf.Graph | None = None
        self.trackers = {
            f"{update.name}/{term}": keras.metrics.Mean(f"{update.name}/{term}")
            for update in algorithm
            for term in update.loss.terms
        }
        # The networks are built, and `fit` would not know how to build this.
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The mean of every term of every update since the last reset."""
        return list(self.trackers.values())

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns M(x) in the networks' coding, task -> [N, H, W, channels]."""
        features = self.networks["encoder"](images, training=training)
        return self.networks["decoders"](features, training=training)

    def make_train_function(self, force: bool = False) -> Callable[..., dict]:
        """Makes what `fit` calls for each step; of several machines without results.

        Keras would have these exchange every mean in every step, though nobody reads
        what a step returns.
        """
        strategy = self.distribute_strategy
        if not replicas.are_apart(strategy):
            return super().make_train_function(force)
        if force or self.train_function is None:

            @tf.function(autograph=False)
            def step(iterator: tf.distribute.DistributedIterator) -> None:
                strategy.run(self.train_step, (next(iterator),))

            def train_function(iterator: tf.distribute.DistributedIterator) -> dict:
                step(iterator)
                return {}

            self.train_function = train_function
        return self.train_function

    def _maybe_symbolic_build(self, *arguments: object, **options: object) -> None:
        """Does nothing: the networks are built, and Keras would take a batch for it."""

    # Nothing in a step branches on a tensor: AutoGraph would rewrite a thousand
    # functions, for a quarter of the time in which the graph is built.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch: Mapping) -> dict[str, tf.Tensor]:
        """Takes one iteration of the algorithm: its updates, each once, in order.

        Args:
          batch: a stored batch of `data.batches.Batches`.

        Returns:
          The mean of every term of every update since the last reset.
        """
        if tf.inside_function():
            self.step_graph = tf.compat.v1.get_default_graph()
        # Read: stored integers become images and labels as networks see them.
        examples = self.reader(batch)
        scale = self.rate_schedule(examples.stage_progress.fraction)
        parts = Parts(
            examples.parts(self.accumulation_steps),
            lambda: PASSES[self.passes](
                self.networks, self.frozen, compiles=self.compiles
            ),
        )
        watched: list[tf.Tensor] = []
        with recomputing(self.remat):
            for number, update in enumerate(self.algorithm):
                watched += self._apply(update, parts, f"update {number}", scale)
        self.watch.note(batch["step"][0], watched)
        return {metric.name: metric.result() for metric in self.metrics}

    def _apply(
        self,
        update: Update,
        parts: Parts,
        purpose: str,
        scale: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Takes one gradient step on `update.loss`, moving `update.trains` only.

        Returns:
          The numbers that are watched.
        """
        parts.draw(update)
        for name in update.trains:
            advance_power_iterations(self.networks[name])
        variables = {n: self.networks[n].trainable_variables for n in update.trains}
        scaling = self.loss_scales.get(update.name, UNSCALED)
        terms, gradients = parts.follow(update, variables, purpose, scaling)
        for name in update.trains:
            _check_reached(update.name, name, gradients[name], variables[name])
        moved = scaling.apply(
            gradients, lambda unscaled: self._move(update, unscaled, scale)
        )
        for term, value in terms.items():
            self.trackers[f"{update.name}/{term}"].update_state(value)
        return [*(terms[term] for term in update.loss.terms), *moved]

    def _move(
        self,
        update: Update,
        gradients: Mapping[str, Sequence[tf.Tensor]],
        scale: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Changes the networks that an update trains, and those that follow them.

        Returns:
          What is watched of each network that is trained.
        """
        watched: list[tf.Tensor] = []
        for name in update.trains:
            watched += self._descend(update, name, gradients[name], scale)
        for average in update.averages:
            follow(self.networks[average.of], self.networks[average.into], average)
        return watched

    def _descend(
        self,
        update: Update,
        name: str,
        gradients: Sequence[tf.Tensor],
        scale: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes the step of the update's optimizer for one network.

        Returns:
          The norm of the gradients, and the root mean square of the weights then.
        """
        optimizer = self.update_optimizers[update.name, name]
        variables = self.networks[name].trainable_variables
        factor = update.factor_on(name)
        optimizer.apply(gradients, variables, scale=scale, factor=factor)
        return norms(gradients, [variable.value for variable in variables])


def follow(network: keras.Model, follower: keras.Model, average: Average) -> None:
    """Moves the follower's weights a step towards the network's.

    Moving averages and spectral vectors, which are no weights, are copied.

    Args:
      network: the network that is trained.
      follower: the network that follows.
      average: with the decay of the running average.
    """
    weights = network.trainable_variables, follower.trainable_variables
    for value, mean in zip(*weights, strict=True):
        replicas.assign(
            mean, value, lambda m, v: average.decay * m + (1 - average.decay) * v
        )
    states = network.non_trainable_variables, follower.non_trainable_variables
    for value, copy in zip(*states, strict=True):
        copy.assign(value)


def _check_reached(
    update: str,
    network: str,
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[keras.Variable],
) -> None:
    unreached = [
        variable.path
        for gradient, variable in zip(gradients, variables, strict=True)
        if gradient is None
    ]
    if unreached:
        raise ValueError(
            f"Update {update!r} trains {network!r}, but its loss does not depend on "
            f"{unreached}."
        )
