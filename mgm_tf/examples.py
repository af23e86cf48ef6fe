"""What an update of Algorithm 1 works on: images, and what is known of them."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from mgm_tf.geometry import World, augment_world
from mgm_tf.labels import Labels
from mgm_tf.randomness import Draws
from mgm_tf.tasks import Task


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images with their labels, as networks see them.

    Attributes:
      images: [N, H, W, 3] in [-1, 1].
      condition: the scene label as a vector [N, classes]; all zero: not known.
      draws: random numbers for these examples.
      targets: task name -> [N, H, W, channels] in the network's coding; empty for
        synthesized images.
      valid: task name -> [N, H, W] booleans, where there is a label.
      wanted: the labels of what is synthesized from these, [N, classes]; if None, their
        own.
      weak: real images of which only the scene label is used, if there are such.
    """

    images: tf.Tensor
    condition: tf.Tensor
    draws: Draws
    targets: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    valid: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    wanted: tf.Tensor | None = None
    weak: "Examples | None" = None

    @property
    def synthesis_condition(self) -> tf.Tensor:
        """c~: the labels of what is synthesized, [N, classes]."""
        return self.condition if self.wanted is None else self.wanted


def network_images(images: tf.Tensor) -> tf.Tensor:
    """Images 0..255 as networks see them: [-1, 1] (appendix B, "Data Processing")."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


@dataclasses.dataclass(frozen=True)
class Reader:
    """Makes `Examples` of stored batches.

    Attributes:
      tasks: what is learned.
      labels: the scene classes.
      seed: of the run.
      batch_size: examples in the global batch.
      weak_batch_size: weakly labelled ones beside them.
      wanted: (condition, draws) -> the labels of what is synthesized; if None, their
        own.
      augmentation: of labelled examples, a key of `geometry.AUGMENTATIONS`.
    """

    tasks: tuple[Task, ...]
    labels: Labels
    seed: int
    batch_size: int
    weak_batch_size: int = 0
    wanted: Callable[[tf.Tensor, Draws], tf.Tensor] | None = None
    augmentation: str = "none"

    def __call__(self, batch: Mapping[str, tf.Tensor]) -> Examples:
        """The examples of a batch of `inputs.Batches`."""
        draws = Draws.at(
            self.seed, batch["step"][0], batch["position"], self.batch_size
        )
        world = self._world(batch, draws)
        condition = self.labels.condition(batch["scene"])
        wanted = self.wanted and self.wanted(condition, draws.of("wanted"))
        return Examples(
            images=world.images,
            condition=condition,
            draws=draws,
            targets={t.name: t.target(world.physical[t.name]) for t in self.tasks},
            valid=world.valid,
            wanted=wanted,
            weak=self._weak(batch["weak"]) if self.weak_batch_size else None,
        )

    def _world(self, batch: Mapping[str, tf.Tensor], draws: Draws) -> World:
        read = {task.name: task.read(batch[task.name]) for task in self.tasks}
        world = World(
            images=network_images(batch["image"]),
            physical={name: physical for name, (physical, _) in read.items()},
            valid={name: valid for name, (_, valid) in read.items()},
        )
        return augment_world(world, draws.of("augmentation"), self.augmentation)

    def _weak(self, batch: Mapping[str, tf.Tensor]) -> Examples:
        draws = Draws.at(
            self.seed, batch["step"][0], batch["position"], self.weak_batch_size
        )
        return Examples(
            images=network_images(batch["image"]),
            condition=self.labels.condition(batch["scene"]),
            draws=draws.of("weak"),
        )
