"""The losses of Algorithm 1, on networks: frozen hyper-parameters with a call.

Each takes the networks (`Forward`, called by name) and the examples, and returns its
terms by name: shares of the global batch's means (see `replicas`). An update minimises
their sum.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

import tensorflow as tf

from mgm_tf import augment, losses
from mgm_tf.examples import Examples
from mgm_tf.labels import Labels
from mgm_tf.randomness import Draws
from mgm_tf.tasks import Task

Terms = Mapping[str, tf.Tensor]


class Networks(Protocol):
    """The networks by name, each a function of tensors."""

    encoder: Callable
    decoders: Callable
    refiner: Callable
    projector: Callable
    embedding: Callable
    generator: Callable
    discriminator: Callable


class Objective(Protocol):
    """What an update minimises."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms."""

    @property
    def reads_scenes(self) -> bool:
        """Whether the loss depends on scene labels."""

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """The terms of the loss."""


@dataclasses.dataclass(frozen=True)
class MultiTask:
    """L_multi(y, M(x)): the sum of the tasks' losses. Reading: all weights 1."""

    tasks: tuple[Task, ...]
    reads_scenes = False

    @property
    def terms(self) -> tuple[str, ...]:
        """One for each task."""
        return tuple(task.name for task in self.tasks)

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """The loss of every task over its labelled pixels."""
        predictions = networks.decoders(networks.encoder(examples.images))
        return {
            task.name: task.loss(
                predictions[task.name],
                examples.targets[task.name],
                examples.valid[task.name],
            )
            for task in self.tasks
        }


@dataclasses.dataclass(frozen=True)
class Scene:
    """L_CE(c, R(M(x))): the scene class read from the predictions alone."""

    labels: Labels
    terms = ("cross_entropy",)
    reads_scenes = True

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """The cross-entropy of the refinement network."""
        # Reading: R sees the predictions as they are, of classes the logits.
        predictions = networks.decoders(networks.encoder(examples.images))
        logits = networks.refiner(predictions)
        return {"cross_entropy": self.labels.loss(examples.condition, logits)}


@dataclasses.dataclass(frozen=True)
class Contrastive:
    """L_NT-Xent, eq. (6), of two views of each image, on E_self(E(.))."""

    temperature: float
    terms = ("nt_xent",)
    reads_scenes = False

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """The contrastive loss; both views pass as one batch of 2N, as in SimCLR."""
        views = augment.two_views(examples.images, examples.draws.of("views"))
        latent = networks.projector(networks.encoder(tf.concat(views, axis=0)))
        one, other = tf.split(latent, 2)
        return {"nt_xent": losses.nt_xent(one, other, self.temperature)}


def generated(networks: Networks, examples: Examples) -> tf.Tensor:
    """G(c~, z), z = noise + the embedding of E(x) (section 3.3), [N, H, W, 3]."""
    feature = networks.embedding(networks.encoder(examples.images))
    noise = examples.draws.of("latent").normal(feature.shape[-1])
    return networks.generator(feature + noise, examples.synthesis_condition)


@dataclasses.dataclass(frozen=True)
class _Adversarial:
    instance_noise: float
    reads_scenes = True

    def _judge(self, networks: Networks, images, condition, draws: Draws):
        noise = draws.normal(*images.shape[1:])
        return networks.discriminator(images + self.instance_noise * noise, condition)

    def _judge_synthesized(self, networks: Networks, images, examples: Examples):
        draws = examples.draws.of("on synthesized")
        return self._judge(networks, images, examples.synthesis_condition, draws)


class Discriminate(_Adversarial):
    """The hinge loss of the discriminator; what is synthesized is a constant to it."""

    terms = ("real", "synthesized")

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """E relu(1 - D(x, c)), where c is known, and E relu(1 + D(G(c~, z), c~))."""
        synthesized = tf.stop_gradient(generated(networks, examples))
        draws = examples.draws.of("on real")
        on_real = self._judge(networks, examples.images, examples.condition, draws)
        on_synthesized = self._judge_synthesized(networks, synthesized, examples)
        known = losses.known(examples.condition)
        return {
            "real": losses.hinge_discriminator_real(on_real, known),
            "synthesized": losses.hinge_discriminator_fake(on_synthesized),
        }


class Generate(_Adversarial):
    """The hinge loss of the generator, which reaches the embedding and E through z."""

    terms = ("hinge",)

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """-E D(G(c~, z), c~)."""
        synthesized = generated(networks, examples)
        logits = self._judge_synthesized(networks, synthesized, examples)
        return {"hinge": losses.hinge_generator(logits)}
