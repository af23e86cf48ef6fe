"""The pictures of a run: panels of predictions, generated images, SimCLR views."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.batches import Batches
from mgm_tf.data.examples import Examples, Reader, network_images
from mgm_tf.data.randomness import BatchRng
from mgm_tf.data.splits import Split
from mgm_tf.method.adversarial import Latent
from mgm_tf.plotting import panels
from mgm_tf.tasks.dense import Task
from mgm_tf.train.batch_statistics import TestTimeNetworks


def prediction_panels(
    networks: Mapping[str, keras.Model],
    split: Split,
    tasks: tuple[Task, ...],
    numbers: tuple[int, ...],
) -> list[np.ndarray]:
    """Draws a panel of input, prediction, target and error for each example.

    Args:
      networks: `encoder` and `decoders`, by name.
      split: the set of the examples.
      tasks: the tasks to show.
      numbers: the numbers of the examples in the set.

    Returns:
      Pictures, uint8 [height, width, 3].
    """
    batch = split.batch(tf.constant(numbers))
    features = networks["encoder"](network_images(batch["image"]), training=False)
    predictions = networks["decoders"](features, training=False)
    infos = {task.name: task.info for task in tasks}
    pictures = []
    for row, image in enumerate(batch["image"].numpy()):
        predicted, targets, valids = {}, {}, {}
        for task in tasks:
            predicted[task.name] = task.physical(predictions[task.name])[row].numpy()
            raw = batch[task.name][row].numpy()
            targets[task.name], valids[task.name] = task.info.decode(raw)
        pictures.append(panels.task_panel(infos, image, predicted, targets, valids))
    return pictures


@dataclasses.dataclass(frozen=True)
class Samples:
    """Generated images, a row for each scene label; the same noise each time.

    Attributes:
      reader: the source of the scene classes and of the seed.
      split: the training examples; E's features are those of the first images.
      columns: the number of images of a class, as far as there are examples.
      classes: the number of rows at most.
    """

    reader: Reader
    split: Split
    columns: int = 6
    classes: int = 12

    def __call__(self, networks: TestTimeNetworks, latent: Latent) -> np.ndarray:
        """Draws the images as a picture, uint8 [height, width, 3]."""
        return self.grid(*self.images(networks, latent))

    @staticmethod
    def grid(titles: tuple[str, ...], images: np.ndarray) -> np.ndarray:
        """Draws what `images` returns as a picture, uint8 [height, width, 3]."""
        return panels.image_grid([list(row) for row in images], titles)

    def images(
        self, networks: TestTimeNetworks, latent: Latent
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """Generates the images as one batch.

        Args:
          networks: the networks of the run, as at test time.
          latent: the source of the latent vectors z.

        Returns:
          The titles of the rows, and images, uint8 [rows, columns, H, W, 3].
        """
        columns = min(self.columns, len(self.split))
        first = self.split.batch(tf.range(columns))
        titles, conditions = self.reader.scene_classes.typical(first["scene"])
        titles, conditions = titles[: self.classes], conditions[: self.classes]
        rng = BatchRng.at(self.reader.seed, tf.constant(0), tf.range(columns), columns)
        examples = Examples(network_images(first["image"]), conditions, rng)
        z = latent(networks, examples)
        images = networks.generator(
            tf.tile(z, [len(titles), 1]), tf.repeat(conditions, columns, axis=0)
        )
        pixels = panels.as_bytes(images)
        return titles, pixels.reshape(len(titles), columns, *pixels.shape[1:])


def reconstructions(
    networks: Mapping[str, keras.Model], split: Split, number: int = 6
) -> np.ndarray:
    """Draws the first images of a set above their reconstructions of E's features."""
    images = network_images(split.batch(tf.range(min(number, len(split))))["image"])
    features = networks["encoder"](images, training=False)
    reconstructed = networks["reconstructor"](features, training=False)
    rows = [list(panels.as_bytes(values)) for values in (images, reconstructed)]
    return panels.image_grid(rows, ("image", "made again"))


def views(batches: Batches, reader: Reader, step: int, number: int = 6) -> np.ndarray:
    """Draws the first images of a step above their two SimCLR views."""
    examples = reader(batches.at(tf.constant(step, tf.int64)))
    pair = simclr.two_views(examples.images, examples.rng.fold_in("views"))
    rows = [
        list(panels.as_bytes(images[:number].numpy()))
        for images in (examples.images, *pair)
    ]
    return panels.image_grid(rows, ("image", "view a", "view b"))
