"""Where the images of an update come from: the minibatch, or beside it, or G.

Each is called with the networks and the minibatch's examples and gives examples. Those
beside the labelled ones are called weak: of most, nothing but the image's label is
known. Tables 1, 2, 3 and 15.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from mgm_tf.data.examples import Examples
from mgm_tf.method.adversarial import Latent
from mgm_tf.method.objectives import Networks
from mgm_tf.tasks.dense import Task


class Images(Protocol):
    """Images for an update."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are called."""

    @property
    def reads_scenes(self) -> bool:
        """Whether they depend on scene labels."""

    @property
    def extra(self) -> str:
        """The further examples of a batch that are read; empty: none."""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """The examples of the update."""


@dataclasses.dataclass(frozen=True)
class Real:
    """(x, y, c): the minibatch itself."""

    networks = ()
    reads_scenes = False
    extra = ""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """The examples as they are."""
        del networks
        return examples


@dataclasses.dataclass(frozen=True)
class ExtraExamples:
    """Further examples of the batch.

    Attributes:
      beside: `weak`: (x~, c~), real images of which nothing but the scene is known
        (MGM_r); `held_out`: labelled ones, from which policies are learned.
    """

    extra: str
    networks = ()
    reads_scenes = False

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """The further examples, at the minibatch's time."""
        del networks
        if self.extra not in examples.extra:
            raise LookupError(f"These batches have no {self.extra} images.")
        return dataclasses.replace(
            examples.extra[self.extra], stage_progress=examples.stage_progress
        )


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """(x~, c~) = G(x, c), with the scene labels of the minibatch.

    Constants to whatever follows. Interpretation: G learns in its own update only.

    Attributes:
      latent: where z comes from.
      generator: the network that synthesizes.
      ratio: of their number to that of the real ones (figure 5).
    """

    latent: Latent
    generator: str = "generator"
    ratio: float = 1.0
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """G, and what z is made by."""
        return (*self.latent.networks, self.generator)

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """As many images as `ratio` says, with their scene labels."""
        examples = examples.repeated(self.ratio)
        generator = getattr(networks, self.generator)
        z = self.latent(networks, examples)
        return _weak(examples, generator(z, examples.synthesis_condition))


@dataclasses.dataclass(frozen=True)
class Combined:
    """Images of several generators, as many of each (MGM-Combine, Table 15).

    Attributes:
      size: of the noise.
      sources: the networks that synthesize, each from images, noise and labels.
      ratio: as of `Synthetic`.
    """

    size: int
    sources: tuple[str, ...]
    ratio: float = 1.0
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """Those that synthesize."""
        return self.sources

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """The first generator's images first, of the first examples, and so on."""
        examples = examples.repeated(self.ratio)
        number, sources = examples.images.shape[0], len(self.sources)
        if number < sources:
            raise ValueError(
                f"A batch of {number} cannot be shared by {sources} generators."
            )
        ends = [number * place // sources for place in range(sources + 1)]
        noise = examples.rng.fold_in("latent").normal(self.size)
        condition = examples.synthesis_condition
        made = [
            getattr(networks, name)(
                examples.images[begin:end], noise[begin:end], condition[begin:end]
            )
            for name, begin, end in zip(self.sources, ends[:-1], ends[1:], strict=True)
        ]
        return _weak(examples, tf.concat(made, axis=0))


@dataclasses.dataclass(frozen=True)
class Annotated:
    """Synthesized images with the label maps of an oracle (ST_G, section 2).

    Attributes:
      images: that are annotated.
      tasks: whose maps.
    """

    images: Synthetic
    tasks: tuple[Task, ...]
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """Those of the images, and the oracle."""
        return (*self.images.networks, "oracle")

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """The images, labelled at every pixel by what the oracle predicts."""
        made = self.images(networks, examples)
        predictions = networks.oracle(made.images)
        targets = {
            task.name: tf.stop_gradient(task.as_target(predictions[task.name]))
            for task in self.tasks
        }
        everywhere = {
            name: tf.ones(target.shape[:3], tf.bool) for name, target in targets.items()
        }
        return dataclasses.replace(
            made,
            targets=targets,
            valid=everywhere,
            stage_progress=examples.stage_progress,
        )


@dataclasses.dataclass(frozen=True)
class Absent:
    """No images: rows that name this are left out."""

    networks = ()
    reads_scenes = False
    extra = ""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Raises LookupError."""
        raise LookupError("There are no weak images in this algorithm.")


REAL, WEAK, HELD_OUT, ABSENT = (
    Real(),
    ExtraExamples("weak"),
    ExtraExamples("held_out"),
    Absent(),
)


def _weak(examples: Examples, images: tf.Tensor) -> Examples:
    """Synthesized images with the labels that they were made for."""
    return Examples(
        images=tf.stop_gradient(images),
        condition=examples.synthesis_condition,
        rng=examples.rng.fold_in("synthetic"),
        stage_progress=examples.stage_progress,
    )
