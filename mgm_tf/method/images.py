"""Where the images of an update come from: the minibatch, its extra examples, or G.

Each source is called with the networks and the minibatch's examples and returns
examples. Images other than the labelled ones are called weak: of most, nothing but the
scene label is known. Tables 1, 2, 3 and 15.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from mgm_tf.data.examples import HELD_OUT, WEAK, Examples
from mgm_tf.method.adversarial import GENERATOR, Latent, synthesized
from mgm_tf.method.objectives import Networks
from mgm_tf.tasks.dense import Task


class Images(Protocol):
    """The images of an update."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are called."""

    @property
    def reads_scenes(self) -> bool:
        """Whether the images depend on scene labels."""

    @property
    def extra(self) -> str:
        """The name of the extra examples that are read; empty if none are."""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the examples of the update."""


@dataclasses.dataclass(frozen=True)
class RealImages:
    """(x, y, c): the minibatch itself."""

    networks = ()
    reads_scenes = False
    extra = ""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the examples as they are."""
        return examples


@dataclasses.dataclass(frozen=True)
class ExtraImages:
    """The extra examples of a batch.

    Attributes:
      extra: `WEAK`: (x~, c~), real images of which nothing but the scene is known
        (MGM_r); `HELD_OUT`: labelled ones, from which policies are learned.
    """

    extra: str
    networks = ()
    reads_scenes = False

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the extra examples, at the progress of the minibatch.

        Raises:
          LookupError: the batch has none of that name.
        """
        if self.extra not in examples.extra:
            raise LookupError(f"These batches have no {self.extra} images.")
        return dataclasses.replace(
            examples.extra[self.extra], stage_progress=examples.stage_progress
        )


@dataclasses.dataclass(frozen=True)
class LabelledAndWeak:
    """The images of the minibatch, then the weak ones that came with it.

    What D and G learn of, if not of the labelled images alone: they need no more than
    the scene.
    """

    networks = ()
    reads_scenes = False
    extra = WEAK

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the examples without their label maps.

        Raises:
          LookupError: the batch has no weak images.
        """
        weak = WEAK_IMAGES(networks, examples)
        return Examples(
            images=tf.concat([examples.images, weak.images], axis=0),
            condition=tf.concat([examples.condition, weak.condition], axis=0),
            rng=examples.rng.followed_by(weak.rng),
            synthesis_condition=tf.concat(
                [examples.synthesis_condition, weak.synthesis_condition], axis=0
            ),
            stage_progress=examples.stage_progress,
            # D and G share images of these, and of no others.
            synthesized=None if examples.synthesized is None else {},
        )


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """(x~, c~) = G(x, c), with the scene labels of the minibatch.

    Constants to whatever follows. Interpretation: G learns in its own update only.

    Attributes:
      latent: where z comes from.
      generator: the name of the network that synthesizes.
      ratio: the number of synthesized images for each real one (figure 5).
    """

    latent: Latent
    generator: str = GENERATOR
    ratio: float = 1.0
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """G, and the networks that z is made by."""
        return (*self.latent.networks, self.generator)

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns synthesized images with their scene labels."""
        examples = examples.repeated(self.ratio)
        images = synthesized(self.latent, self.generator, networks, examples)
        return _weak(examples, images)


@dataclasses.dataclass(frozen=True)
class Combined:
    """Images of several generators, as many of each (MGM-Combine, Table 15).

    Attributes:
      size: the number of entries of the noise.
      sources: the names of the networks that synthesize, each from images, noise and
        scene labels.
      ratio: the number of synthesized images for each real one.
    """

    size: int
    sources: tuple[str, ...]
    ratio: float = 1.0
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that synthesize."""
        return self.sources

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the first generator's images of the first examples, and so on.

        Raises:
          ValueError: there are fewer examples than generators.
        """
        examples = examples.repeated(self.ratio)
        count, sources = examples.images.shape[0], len(self.sources)
        if count < sources:
            raise ValueError(
                f"A batch of {count} cannot be shared by {sources} generators."
            )
        ends = [count * place // sources for place in range(sources + 1)]
        noise = examples.rng.fold_in("latent").normal(self.size)
        condition = examples.synthesis_condition
        parts = [
            getattr(networks, name)(
                examples.images[begin:end], noise[begin:end], condition[begin:end]
            )
            for name, begin, end in zip(self.sources, ends[:-1], ends[1:], strict=True)
        ]
        return _weak(examples, tf.concat(parts, axis=0))


@dataclasses.dataclass(frozen=True)
class Annotated:
    """Synthesized images with the label maps of an oracle (ST_G, section 2).

    Attributes:
      images: the images that are annotated.
      tasks: the tasks whose maps the oracle gives.
    """

    images: Synthetic
    tasks: tuple[Task, ...]
    reads_scenes = True
    extra = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks of the images, and the oracle."""
        return (*self.images.networks, "oracle")

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Returns the images, labelled at every pixel by the oracle's prediction."""
        synthesized = self.images(networks, examples)
        predictions = networks.oracle(synthesized.images)
        targets = {
            task.name: tf.stop_gradient(task.as_target(predictions[task.name]))
            for task in self.tasks
        }
        everywhere = {
            name: tf.ones(target.shape[:3], tf.bool) for name, target in targets.items()
        }
        return dataclasses.replace(
            synthesized,
            targets=targets,
            valid=everywhere,
            stage_progress=examples.stage_progress,
        )


@dataclasses.dataclass(frozen=True)
class NoImages:
    """No images: updates on them are left out of an algorithm."""

    networks = ()
    reads_scenes = False
    extra = ""

    def __call__(self, networks: Networks, examples: Examples) -> Examples:
        """Raises LookupError."""
        raise LookupError("There are no weak images in this algorithm.")


REAL_IMAGES, NO_IMAGES = RealImages(), NoImages()
WEAK_IMAGES, HELD_OUT_IMAGES = ExtraImages(WEAK), ExtraImages(HELD_OUT)
LABELLED_AND_WEAK_IMAGES = LabelledAndWeak()


def _weak(examples: Examples, images: tf.Tensor) -> Examples:
    """Returns synthesized images with the scene labels that they were made for."""
    return Examples(
        images=tf.stop_gradient(images),
        condition=examples.synthesis_condition,
        rng=examples.rng.fold_in("synthetic"),
        stage_progress=examples.stage_progress,
    )
