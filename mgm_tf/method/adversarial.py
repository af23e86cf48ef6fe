"""The generator at work: latent vectors, what is synthesized, and the losses of GAN.

What an objective is, `objectives.py` says.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from mgm_tf.data.augmentation.diffaugment import DISCRIMINATOR_AUGMENTATIONS
from mgm_tf.data.examples import Examples
from mgm_tf.data.randomness import BatchRng
from mgm_tf.method.objectives import Networks, Terms
from mgm_tf.tasks import losses


class Latent(Protocol):
    """Where the latent vectors z of G come from."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are called."""

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """z [N, size] for these examples."""


@dataclasses.dataclass(frozen=True)
class Guided:
    """z = noise + the embedding of E(x) (section 3.3).

    Attributes:
      size: of a vector.
    """

    size: int
    networks = ("encoder", "embedding")

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Vectors [N, size] that know what E sees."""
        feature = networks.embedding(networks.encoder(examples.images))
        return feature + _noise(examples, self.size)


@dataclasses.dataclass(frozen=True)
class Noise:
    """z = noise: a GAN that knows nothing of E (MGM/j, and SAGAN itself).

    Attributes:
      size: of a vector.
    """

    size: int
    networks = ()

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Vectors [N, size] of standard normal numbers."""
        del networks
        return _noise(examples, self.size)


def _noise(examples: Examples, size: int) -> tf.Tensor:
    return examples.rng.fold_in("latent").normal(size)


@dataclasses.dataclass(frozen=True)
class _Adversarial:
    """What the two players share.

    Attributes:
      latent: where z comes from.
      instance_noise: standard deviation of the noise on what D sees.
      augmentation: of what D sees, a key of `DISCRIMINATOR_AUGMENTATIONS`.
    """

    latent: Latent
    instance_noise: float = 0.0
    augmentation: str = "none"
    reads_scenes = True

    @property
    def networks(self) -> tuple[str, ...]:
        """G, D, and what z is made by."""
        return (*self.latent.networks, "generator", "discriminator")

    def _synthesized(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """G(c~, z), [N, H, W, 3]."""
        z = self.latent(networks, examples)
        return networks.generator(z, examples.synthesis_condition)

    def _judge(self, networks: Networks, images, condition, rng: BatchRng):
        images = DISCRIMINATOR_AUGMENTATIONS[self.augmentation](
            images, rng.fold_in("augmentation")
        )
        noise = rng.normal(*images.shape[1:])
        return networks.discriminator(images + self.instance_noise * noise, condition)

    def _judge_synthesized(self, networks: Networks, images, examples: Examples):
        rng = examples.rng.fold_in("on synthesized")
        return self._judge(networks, images, examples.synthesis_condition, rng)


class Discriminate(_Adversarial):
    """The hinge loss of the discriminator; what is synthesized is a constant to it."""

    terms = ("real", "synthesized")

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """E relu(1 - D(x, c)), where c is known, and E relu(1 + D(G(c~, z), c~))."""
        synthesized = tf.stop_gradient(self._synthesized(networks, examples))
        rng = examples.rng.fold_in("on real")
        on_real = self._judge(networks, examples.images, examples.condition, rng)
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
        synthesized = self._synthesized(networks, examples)
        logits = self._judge_synthesized(networks, synthesized, examples)
        return {"hinge": losses.hinge_generator(logits)}
