"""What an update of Algorithm 1 works on: images, and what is known of them."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from mgm_tf.labels import Categorical
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
    """

    images: tf.Tensor
    condition: tf.Tensor
    draws: Draws
    targets: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    valid: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)


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
    """

    tasks: tuple[Task, ...]
    labels: Categorical
    seed: int
    batch_size: int

    def __call__(self, batch: Mapping[str, tf.Tensor]) -> Examples:
        """The examples of a batch of `inputs.Batches`."""
        draws = Draws.at(
            self.seed, batch["step"][0], batch["position"], self.batch_size
        )
        decoded = {task.name: task.decode(batch[task.name]) for task in self.tasks}
        return Examples(
            images=network_images(batch["image"]),
            condition=self.labels.condition(batch["scene"]),
            draws=draws,
            targets={name: target for name, (target, _) in decoded.items()},
            valid={name: valid for name, (_, valid) in decoded.items()},
        )
