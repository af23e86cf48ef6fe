"""The constant predictor: the best guess at each pixel without a look at the image.

Whatever uses the image has to beat it.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mgm_tf.data.splits import Split
from mgm_tf.errors import DamagedFile
from mgm_tf.files import reading, whole
from mgm_tf.tasks.dense import Task


@dataclasses.dataclass(frozen=True)
class ConstantPredictor:
    """A predictor that gives the same maps for every image.

    Attributes:
      maps: task -> prediction [H, W, channels] in the network's coding.
    """

    maps: Mapping[str, np.ndarray]

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Repeats the maps for each of the images [N, H, W, 3]."""
        number = tf.shape(images)[0]
        return {
            name: tf.repeat(tf.constant(value[None], tf.float32), number, axis=0)
            for name, value in self.maps.items()
        }


def estimate(
    split: Split,
    tasks: tuple[Task, ...],
    most: int = 500,
    path: pathlib.Path | None = None,
) -> ConstantPredictor:
    """Estimates the constant predictor from a training split.

    Args:
      split: the training examples.
      tasks: the tasks that are predicted.
      most: the number of examples, evenly spread, that are read at most.
      path: a `.npz` file that keeps the predictor; it is read if it exists, and made
        again if it is damaged.
    """
    kept = _read(path, tasks) if path is not None and path.exists() else None
    if kept is not None:
        return kept
    numbers = np.arange(0, len(split), -(-len(split) // most))
    maps = {task.name: _estimate_map(split, task, numbers) for task in tasks}
    if path is not None:
        whole.write_arrays(path, maps)
    return ConstantPredictor(maps)


def _read(path: pathlib.Path, tasks: tuple[Task, ...]) -> ConstantPredictor | None:
    try:
        arrays = reading.read_arrays(path, remedy="It is made again.")
        return ConstantPredictor({task.name: arrays[task.name] for task in tasks})
    except KeyError as error:
        print(f"{path}: expected an array {error}, found none. It is made again.")
    except DamagedFile as error:
        print(error)
    return None


def _estimate_map(split: Split, task: Task, numbers: np.ndarray) -> np.ndarray:
    targets, valid = [], []
    for chunk in np.array_split(numbers, -(-len(numbers) // 32)):
        target, is_labelled = task.decode(split.batch(tf.constant(chunk))[task.name])
        targets.append(target.numpy())
        valid.append(is_labelled.numpy())
    constant = class_frequencies if task.info.class_names else median
    return constant(
        np.concatenate(targets), np.concatenate(valid), task.output_channels
    )


def median(targets: np.ndarray, valid: np.ndarray, channels: int) -> np.ndarray:
    """Computes the lower median of the labels at each pixel, the least L1 loss.

    Where no example has a label, it is the median of all labels.

    Args:
      targets: labels [N, H, W, channels].
      valid: booleans [N, H, W], true where there is a label.
      channels: the number of channels of a label.

    Returns:
      The medians [H, W, channels]; zeros if there is no label at all.
    """
    ordered = np.sort(np.where(valid[..., None], targets, np.inf), axis=0)
    number = valid.sum(axis=0)
    middle = np.maximum(number - 1, 0) // 2
    maps = np.take_along_axis(ordered, middle[None, :, :, None], axis=0)[0]
    labels = targets[valid] if valid.any() else np.zeros((1, channels))
    return np.where(number[..., None] > 0, maps, np.median(labels, axis=0))


def class_frequencies(
    targets: np.ndarray, valid: np.ndarray, channels: int
) -> np.ndarray:
    """Computes the log-frequency of each class at each pixel; its argmax is the mode.

    Args:
      targets: class numbers [N, H, W, 1].
      valid: booleans [N, H, W], true where there is a label.
      channels: the number of classes.

    Returns:
      Logarithms of frequencies that sum to 1, [H, W, channels].
    """
    classes = np.where(valid, targets[..., 0], -1)
    counts = np.stack([(classes == c).sum(axis=0) for c in range(channels)], axis=-1)
    # One example of every class, spread by its share of all pixels, keeps logarithms
    # finite and decides where no example has a label.
    share = counts.sum(axis=(0, 1)) + 1.0
    counts = counts + share / share.sum()
    return np.log(counts / counts.sum(axis=-1, keepdims=True))
