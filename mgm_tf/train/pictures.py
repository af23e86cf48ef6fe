"""The pictures of a run: panels of predictions, generated images, SimCLR views."""

import dataclasses
import functools
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.examples import Examples, Reader, network_images
from mgm_tf.data.inputs import Batches, Split
from mgm_tf.data.randomness import BatchRng
from mgm_tf.method.adversarial import Latent
from mgm_tf.plotting import panels
from mgm_tf.tasks.dense import Task


def prediction_panels(
    networks: Mapping[str, keras.Model],
    split: Split,
    tasks: tuple[Task, ...],
    numbers: tuple[int, ...],
) -> list[np.ndarray]:
    """A panel of input, prediction, target and error for each of these examples."""
    batch = split.batch(tf.constant(numbers))
    features = networks["encoder"](network_images(batch["image"]), training=False)
    predictions = networks["decoders"](features, training=False)
    shown = []
    for row, image in enumerate(batch["image"].numpy()):
        predicted, targets, valids = {}, {}, {}
        for task in tasks:
            predicted[task.name] = task.physical(predictions[task.name])[row].numpy()
            raw = batch[task.name][row].numpy()
            targets[task.name], valids[task.name] = task.info.decode(raw)
        infos = {task.name: task.info for task in tasks}
        shown.append(panels.task_panel(infos, image, predicted, targets, valids))
    return shown


@dataclasses.dataclass(frozen=True)
class Samples:
    """Generated images, a row for each scene label; the same noise each time.

    Attributes:
      reader: its labels and seed.
      split: of training; its first images give E's features.
      columns: images of each class, as far as there are examples.
      classes: at most so many rows.
    """

    reader: Reader
    split: Split
    columns: int = 6
    classes: int = 12

    def __call__(
        self, networks: Mapping[str, keras.Model], latent: Latent
    ) -> np.ndarray:
        """The picture."""
        titles, made = self.images(networks, latent)
        return panels.image_grid([list(row) for row in made], titles)

    def images(
        self, networks: Mapping[str, keras.Model], latent: Latent
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """The rows' titles, and uint8 [rows, columns, H, W, 3], one batch.

        It is normalised by itself: that is how the updates see generated images. The
        moving averages of G are so slow (momentum .999 and .9999) that thousands of
        steps pass before they fit.

        Args:
          networks: by name.
          latent: where z comes from.
        """
        columns = min(self.columns, len(self.split))
        first = self.split.batch(tf.range(columns))
        titles, rows = self.reader.labels.typical(first["scene"])
        titles, rows = titles[: self.classes], rows[: self.classes]
        rng = BatchRng.at(self.reader.seed, tf.constant(0), tf.range(columns), columns)
        examples = Examples(network_images(first["image"]), rows, rng)
        z = latent(_AtTest(networks), examples)
        condition = tf.repeat(rows, columns, axis=0)
        inputs = tf.tile(z, [len(titles), 1])
        made = panels.as_bytes(networks["generator"](inputs, condition, training=True))
        return titles, made.reshape(len(titles), columns, *made.shape[1:])


def synthesized(
    networks: Mapping[str, keras.Model], latent: Latent, examples: Examples
) -> tf.Tensor:
    """G(c~, z) for some examples, [N, H, W, 3] in [-1, 1], normalised as one batch."""
    z = latent(_AtTest(networks), examples)
    return networks["generator"](z, examples.synthesis_condition, training=True)


class _AtTest:
    """Networks called by name, as at test time."""

    def __init__(self, networks: Mapping[str, keras.Model]):
        self._networks = networks

    def __getattr__(self, name: str):
        return functools.partial(self._networks[name], training=False)


def reconstructions(
    networks: Mapping[str, keras.Model], split: Split, number: int = 6
) -> np.ndarray:
    """Some images above what is made again of E's features."""
    images = network_images(split.batch(tf.range(min(number, len(split))))["image"])
    features = networks["encoder"](images, training=False)
    made = networks["reconstructor"](features, training=False)
    rows = [list(panels.as_bytes(values)) for values in (images, made)]
    return panels.image_grid(rows, ("image", "made again"))


def views(batches: Batches, reader: Reader, step: int, number: int = 6) -> np.ndarray:
    """Some images of a step above their two SimCLR views."""
    batch = batches.at(tf.constant(step, tf.int64))
    examples: Examples = reader(batch)
    rng: BatchRng = examples.rng.fold_in("views")
    pair = simclr.two_views(examples.images, rng)
    rows = [
        list(panels.as_bytes(images[:number].numpy()))
        for images in (examples.images, *pair)
    ]
    return panels.image_grid(rows, ("image", "view a", "view b"))
