"""The conditional GAN: the latent vectors of G, and the hinge losses of D and G.

SAGAN's losses (Zhang et al., 2019) on images with their scene labels; what an objective
is, `objectives.py` says.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from mgm_tf.data.augmentation.diffaugment import DISCRIMINATOR_AUGMENTATIONS
from mgm_tf.data.examples import SCENE, Examples
from mgm_tf.data.randomness import BatchRng
from mgm_tf.method.objectives import Networks, Terms
from mgm_tf.tasks import losses

GENERATOR = "generator"


class Latent(Protocol):
    """The source of the latent vectors z of G."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are called."""

    def center(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns what noise is added to, [N, size]."""

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns z [N, size] for these examples."""


@dataclasses.dataclass(frozen=True)
class Guided:
    """z = noise + the embedding of E(x) (section 3.3).

    Attributes:
      size: the number of entries of a vector.
    """

    size: int
    networks = ("encoder", "embedding")

    def center(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns the embedding of E(x), [N, size]."""
        return networks.embedding(networks.encoder(examples.images))

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns vectors [N, size] that know what E sees."""
        return self.center(networks, examples) + _noise(examples, self.size)


@dataclasses.dataclass(frozen=True)
class Noise:
    """z = noise: a GAN that knows nothing of E (MGM/j, and SAGAN itself).

    Attributes:
      size: the number of entries of a vector.
    """

    size: int
    networks = ()

    def center(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns zeros [N, size]."""
        return tf.zeros((tf.shape(examples.images)[0], self.size))

    def __call__(self, networks: Networks, examples: Examples) -> tf.Tensor:
        """Returns vectors [N, size] of standard normal numbers."""
        return _noise(examples, self.size)


def _noise(examples: Examples, size: int) -> tf.Tensor:
    return examples.rng.fold_in("latent").normal(size)


def synthesize(
    latent: Latent, generator: str, networks: Networks, examples: Examples
) -> tf.Tensor:
    """Returns G(c~, z), [N, H, W, 3].

    Args:
      latent: where z comes from.
      generator: the name of the network that synthesizes.
      networks: the networks by name.
      examples: what the images are synthesized from.
    """
    z = latent(networks, examples)
    return getattr(networks, generator)(z, examples.synthesis_condition)


def synthesized(
    latent: Latent, generator: str, networks: Networks, examples: Examples
) -> tf.Tensor:
    """Returns what `synthesize` does; shared images, if D has learned of such."""
    shared = (examples.synthesized or {}).get((latent, generator))
    if shared is not None:
        return shared
    return synthesize(latent, generator, networks, examples)


@dataclasses.dataclass(frozen=True)
class _Adversarial:
    """What the losses of D and G share: synthesized images, and D's judgement.

    Attributes:
      latent: where z comes from.
      instance_noise: the standard deviation of the noise on what D sees.
      augmentation: the augmentation of what D sees, a key of
        `DISCRIMINATOR_AUGMENTATIONS`.
    """

    latent: Latent
    instance_noise: float = 0.0
    augmentation: str = "none"
    reads_scenes = True

    @property
    def networks(self) -> tuple[str, ...]:
        """G, D, and the networks that z is made by."""
        return (*self.latent.networks, GENERATOR, "discriminator")

    def _judge(
        self,
        networks: Networks,
        images: tf.Tensor,
        condition: tf.Tensor,
        rng: BatchRng,
    ) -> tf.Tensor:
        images = DISCRIMINATOR_AUGMENTATIONS[self.augmentation](
            images, rng.fold_in("augmentation")
        )
        noise = rng.normal(*images.shape[1:])
        return networks.discriminator(images + self.instance_noise * noise, condition)

    def _judge_synthesized(
        self, networks: Networks, images: tf.Tensor, examples: Examples
    ) -> tf.Tensor:
        rng = examples.rng.fold_in("on synthesized")
        return self._judge(networks, images, examples.synthesis_condition, rng)


class Discriminate(_Adversarial):
    """The hinge loss of the discriminator; synthesized images are constants to it."""

    terms = ("real", "synthesized")

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns E relu(1 - D(x, c)), where c is known, and E relu(1 + D(x~, c~))."""
        images = synthesize(self.latent, GENERATOR, networks, examples)
        if examples.synthesized is not None:
            examples.synthesized[self.latent, GENERATOR] = images
        rng = examples.rng.fold_in("on real")
        on_real = self._judge(networks, examples.images, examples.condition, rng)
        on_synthesized = self._judge_synthesized(
            networks, tf.stop_gradient(images), examples
        )
        known = losses.is_known(examples.condition)
        real = losses.hinge_discriminator_real(on_real, known)
        return {
            "real": examples.weighted(SCENE, real),
            "synthesized": losses.hinge_discriminator_fake(on_synthesized),
        }


class Generate(_Adversarial):
    """The hinge loss of the generator, which reaches the embedding and E through z."""

    terms = ("hinge",)

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns -E D(G(c~, z), c~)."""
        images = synthesized(self.latent, GENERATOR, networks, examples)
        logits = self._judge_synthesized(networks, images, examples)
        return {"hinge": losses.hinge_generator(logits)}
