"""The losses of Algorithm 1, on networks: frozen hyper-parameters with a call.

Each takes the networks (`train_step.Forward`, called by name) and the examples, and
returns its terms by name: shares of the global batch's means (see `replicas`). An
update minimises their sum. The losses of the GAN are in `adversarial.py`, of EM in
`em.py`, of AdaShare in `adashare.py`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.examples import SCENE, Examples
from mgm_tf.tasks import losses, replicas
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

Terms = Mapping[str, tf.Tensor]

# The networks by name, each a function of tensors: `networks.encoder(images)`.
Networks = Any


class Objective(Protocol):
    """The loss of an update: a sum of named terms."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are called."""

    @property
    def reads_scenes(self) -> bool:
        """Whether the loss depends on scene labels."""

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the terms of the loss by name."""


@dataclasses.dataclass(frozen=True)
class Weighting:
    """How the losses of the tasks are weighed against each other.

    Attributes:
      networks: the network that weighs them, unless all weights are 1.
      trains: that network, if the gradient of the weighted losses trains it.
    """

    networks: tuple[str, ...] = ()
    trains: tuple[str, ...] = ()

    def __call__(self, networks: Networks, examples: Examples, terms: Terms) -> Terms:
        """Returns the weighted terms."""
        if not self.networks:
            return terms
        unweighted = tf.stack(list(terms.values()))
        weighted = networks.task_weights(unweighted, examples.stage_progress.epochs)
        return dict(zip(terms, tf.unstack(weighted), strict=True))


WEIGHTINGS = {
    # Interpretation: the paper sums the losses of the tasks; all weights are 1.
    "equal": Weighting(),
    "uncertainty": Weighting(("task_weights",), ("task_weights",)),
    "dwa": Weighting(("task_weights",)),
}


@dataclasses.dataclass(frozen=True)
class MultiTask:
    """L_multi(y, M(x)): the sum of the tasks' losses.

    Attributes:
      outputs: (key of a prediction, its task); a task may be predicted more than once.
      weighting: how the losses of the tasks are weighed.
    """

    outputs: tuple[tuple[str, Task], ...]
    weighting: Weighting = WEIGHTINGS["equal"]
    reads_scenes = False

    @property
    def terms(self) -> tuple[str, ...]:
        """The keys of the predictions."""
        return tuple(key for key, _ in self.outputs)

    @property
    def networks(self) -> tuple[str, ...]:
        """M, and the network that weighs the losses."""
        return ("encoder", "decoders", *self.weighting.networks)

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the mean loss of every task over its labelled pixels."""
        predictions = networks.decoders(networks.encoder(examples.images))
        terms = self.of(predictions, examples)
        return self.weighting(networks, examples, terms)

    def of(self, predictions: Mapping[str, tf.Tensor], examples: Examples) -> Terms:
        """Returns the loss of these predictions, for each task."""
        return {
            key: examples.weighted(
                task.name,
                task.loss(
                    predictions[key],
                    examples.targets[task.name],
                    examples.valid[task.name],
                ),
            )
            for key, task in self.outputs
        }


@dataclasses.dataclass(frozen=True)
class Scene:
    """L_CE(c, R(M(x))): the scene class read from the predictions alone.

    Its minimum over the weights of R is eq. (3).

    Attributes:
      scene_classes: the scene classes.
    """

    scene_classes: SceneClasses
    terms = ("cross_entropy",)
    networks = ("encoder", "decoders", "refiner")
    reads_scenes = True

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the cross-entropy of the refinement network."""
        # Interpretation: R sees the predictions as they are, of classes the logits.
        predictions = networks.decoders(networks.encoder(examples.images))
        logits = networks.refiner(predictions)
        loss = self.scene_classes.loss(examples.condition, logits)
        return {"cross_entropy": examples.weighted(SCENE, loss)}


@dataclasses.dataclass(frozen=True)
class Contrastive:
    """L_NT-Xent, eq. (6), of two views of each image, on mu = E_self(E(.)).

    Attributes:
      temperature: tau of eq. (6).
    """

    temperature: float
    terms = ("nt_xent",)
    networks = ("encoder", "projector")
    reads_scenes = False

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the contrastive loss of the 2N views, one batch, as in SimCLR."""
        views = simclr.two_views(examples.images, examples.rng.fold_in("views"))
        latent = networks.projector(networks.encoder(tf.concat(views, axis=0)))
        one, other = tf.split(latent, 2)
        return {"nt_xent": losses.nt_xent(one, other, self.temperature)}


@dataclasses.dataclass(frozen=True)
class Reconstruct:
    """The mean square error of the image made again of E(x) (MGM_recon, Table 4).

    Interpretation: in the coding of the networks, [-1, 1], and without augmentation.
    """

    terms = ("square_error",)
    networks = ("encoder", "reconstructor")
    reads_scenes = False

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the error over all pixels and channels."""
        reconstructions = networks.reconstructor(networks.encoder(examples.images))
        errors = tf.reduce_mean(tf.square(reconstructions - examples.images), axis=-1)
        everywhere = tf.ones_like(errors, tf.bool)
        return {"square_error": replicas.masked_mean(errors, everywhere)}
