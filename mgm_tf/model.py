"""The training step: one loop over the updates of the algorithm."""

import dataclasses
from collections.abc import Mapping

import keras
import tensorflow as tf

from mgm_tf import replicas
from mgm_tf.algorithm import Images, Update
from mgm_tf.examples import Examples, Reader
from mgm_tf.layers.batch_normalization import advancing_statistics
from mgm_tf.layers.spectral_normalization import advance_power_iterations

# (name of the update, name of the network) -> its optimizer
Optimizers = Mapping[tuple[str, str], keras.optimizers.Optimizer]


class Forward:
    """The networks as an update sees them, called by name: `forward.encoder(images)`.

    Reading: every pass normalises by its batch, of a frozen network as well: G must not
    show D images that were made with stale averages.
    """

    def __init__(self, networks: Mapping[str, keras.Model], advances: tuple[str, ...]):
        self._networks = networks
        self._advances = advances

    def __getattr__(self, name: str):
        network = self._networks[name]

        def apply(*inputs):
            with advancing_statistics(name in self._advances):
                return network(*inputs, training=True)

        return apply


class MGM(keras.Model):
    """The paper's networks, trained by an algorithm given as rows of updates."""

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        algorithm: tuple[Update, ...],
        reader: Reader,
        optimizers: Optimizers,
    ):
        """Binds built networks to an algorithm.

        Args:
          networks: by name, built.
          algorithm: the updates of a step, in order.
          reader: makes examples of a stored batch.
          optimizers: for every update and every network that it trains, built.
        """
        super().__init__()
        self.networks = dict(networks)
        self.algorithm = algorithm
        self.reader = reader
        self.update_optimizers = dict(optimizers)
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

    def call(self, images, training=False):
        """M(x): predictions in the networks' coding, task -> [N, H, W, channels]."""
        features = self.networks["encoder"](images, training=training)
        return self.networks["decoders"](features, training=training)

    def train_step(self, batch):
        """One iteration of the algorithm."""
        examples = self.reader(batch)
        drawn: dict[Images, Examples] = {}
        for number, update in enumerate(self.algorithm):
            # Images are made once in an iteration, when they are first needed: both
            # losses on synthesized images see the same ones, of G as it is by then.
            if update.images not in drawn:
                drawn[update.images] = self._images(update, examples)
            self._apply(update, drawn[update.images], f"update {number}")
        return {metric.name: metric.result() for metric in self.metrics}

    def _images(self, update: Update, examples: Examples) -> Examples:
        return update.images(Forward(self.networks, update.drawing_advances), examples)

    def _apply(self, update: Update, examples: Examples, purpose: str) -> None:
        """Takes one gradient step on `update.loss`, moving `update.trains` only."""
        examples = dataclasses.replace(examples, draws=examples.draws.of(purpose))
        for name in update.trains:
            advance_power_iterations(self.networks[name])
        with tf.GradientTape() as tape:
            terms = update.loss(Forward(self.networks, update.advances), examples)
            # Optimizers sum gradients over replicas; the paper's losses are means.
            share = tf.add_n(list(terms.values())) / replicas.count()
        variables = {n: self.networks[n].trainable_variables for n in update.trains}
        gradients = tape.gradient(share, variables)
        for name in update.trains:
            _check_reached(update.name, name, gradients[name], variables[name])
            self.update_optimizers[update.name, name].apply(
                gradients[name], variables[name]
            )
        for term, value in terms.items():
            self.trackers[f"{update.name}/{term}"].update_state(value)


def _check_reached(update: str, network: str, gradients, variables) -> None:
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
