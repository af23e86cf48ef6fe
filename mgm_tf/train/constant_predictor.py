"""The constant predictor: what training labels say at a pixel, whatever the image.

Any use of the image has to beat it.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mgm_tf.data import array_files
from mgm_tf.data.inputs import Split
from mgm_tf.tasks.dense import Task


@dataclasses.dataclass(frozen=True)
class Prior:
    """The same prediction for every image.

    Attributes:
      maps: task -> [H, W, channels] in the network's coding.
    """

    maps: Mapping[str, np.ndarray]

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The maps, once for each of the images [N, H, W, 3]."""
        number = tf.shape(images)[0]
        return {
            name: tf.repeat(tf.constant(value[None], tf.float32), number, axis=0)
            for name, value in self.maps.items()
        }


def prior(
    split: Split,
    tasks: tuple[Task, ...],
    most: int = 500,
    path: pathlib.Path | None = None,
) -> Prior:
    """The constant predictor of a training split.

    Args:
      split: of training.
      tasks: what is predicted.
      most: the number of examples, evenly spread, that are looked at.
      path: a `.npz` file to keep it in; read from there if it exists.
    """
    if path is not None and path.exists():
        with np.load(path) as kept:
            return Prior({task.name: kept[task.name] for task in tasks})
    numbers = np.arange(0, len(split), -(-len(split) // most))
    maps = {task.name: _constant(split, task, numbers) for task in tasks}
    if path is not None:
        array_files.save(path, maps)
    return Prior(maps)


def _constant(split: Split, task: Task, numbers: np.ndarray) -> np.ndarray:
    targets, valid = [], []
    for some in np.array_split(numbers, -(-len(numbers) // 32)):
        target, known = task.decode(split.batch(tf.constant(some))[task.name])
        targets.append(target.numpy())
        valid.append(known.numpy())
    constant = CONSTANTS.get(task.name, median)
    return constant(
        np.concatenate(targets), np.concatenate(valid), task.output_channels
    )


def median(targets: np.ndarray, valid: np.ndarray, channels: int) -> np.ndarray:
    """What an L1 loss is least at: the lower median of the labels at each pixel.

    Where no example has a label, the median of all labels.

    Args:
      targets: [N, H, W, channels].
      valid: [N, H, W], where there is a label.
      channels: of the result [H, W, channels].
    """
    ordered = np.sort(np.where(valid[..., None], targets, np.inf), axis=0)
    number = valid.sum(axis=0)
    middle = np.maximum(number - 1, 0) // 2
    maps = np.take_along_axis(ordered, middle[None, :, :, None], axis=0)[0]
    labelled = targets[valid] if valid.any() else np.zeros((1, channels))
    return np.where(number[..., None] > 0, maps, np.median(labelled, axis=0))


def class_frequencies(
    targets: np.ndarray, valid: np.ndarray, channels: int
) -> np.ndarray:
    """Logarithms of how often a pixel is of each class; their argmax is the mode.

    Args:
      targets: class numbers [N, H, W, 1].
      valid: [N, H, W], where there is a label.
      channels: the number of classes.
    """
    classes = np.where(valid, targets[..., 0], -1)
    counts = np.stack([(classes == c).sum(axis=0) for c in range(channels)], axis=-1)
    # One example of every class, spread by its share of all pixels, keeps logarithms
    # finite and decides where no example has a label.
    share = counts.sum(axis=(0, 1)) + 1.0
    counts = counts + share / share.sum()
    return np.log(counts / counts.sum(axis=-1, keepdims=True))


# Numbers have their median.
CONSTANTS = {"segmentation": class_frequencies}
