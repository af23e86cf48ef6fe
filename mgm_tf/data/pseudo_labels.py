"""Scene labels that are computed: clusters of E's features, classes of a label map.

Clusters are for data without scene classes: k-means on the features of a trained E.
They are kept in the run's folder, so that a run that goes on has the same.
"""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy.cluster import vq

from mgm_tf.data.batches import in_order
from mgm_tf.data.examples import network_images
from mgm_tf.data.splits import PATIENCE, Split
from mgm_tf.files import reading, whole
from mgm_tf.plotting import terminal

FILE = "scene_clusters.npz"
REMEDY = (
    "The labels of the training come from it, and E has moved since it was made: put a "
    "copy of it back, or begin anew with --restart."
)
PRESENCE_BATCH_SIZE = 64

# images [N, H, W, 3] in [-1, 1] -> features [N, h, w, channels]
Encode = Callable[[tf.Tensor], tf.Tensor]


def with_clusters(
    splits: Sequence[Split],
    encode: Encode,
    clusters: int,
    seed: int,
    workdir: pathlib.Path,
) -> list[Split]:
    """Returns the splits with the number of its cluster as the scene of every image.

    Args:
      splits: the splits; the clusters are computed from the first, and the images of
        the others get the nearest.
      encode: the function that computes E's features of images.
      clusters: the number of clusters.
      seed: the seed of the first centres of k-means.
      workdir: the folder of the run; clusters that are there are read.

    Raises:
      ValueError: there are fewer images than clusters, or the file is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        whole.write_arrays(path, _cluster_arrays(splits, encode, clusters, seed))
    arrays = reading.read_arrays(path, remedy=REMEDY)
    return [
        split.with_scenes(arrays[f"scenes_{index}"])
        for index, split in enumerate(splits)
    ]


def mean_features(split: Split, encode: Encode) -> np.ndarray:
    """Returns the mean of E's features over each image, as unit vectors [n, C]."""
    mean = tf.function(
        lambda images: mean_feature(encode(network_images(images))),
        reduce_retracing=True,
    )
    batches = in_order(split, 32)
    return np.concatenate([mean(batch["image"]).numpy() for batch in batches])


def mean_feature(features: tf.Tensor) -> tf.Tensor:
    """Returns the mean of features [N, h, w, C] over the image, unit vectors [N, C]."""
    return tf.math.l2_normalize(tf.reduce_mean(features, axis=(1, 2)), axis=-1)


def k_means(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Returns the centres [clusters, channels] of k-means, begun by k-means++.

    Raises:
      ValueError: there are fewer rows than clusters.
    """
    if len(features) < clusters:
        raise ValueError(
            f"--scene_clusters={clusters}: there are only {len(features)} images."
        )
    generator = np.random.default_rng(seed)
    return vq.kmeans2(features, clusters, minit="++", rng=generator)[0]


def nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Returns the number of the nearest centre of each row, [n] int32."""
    return vq.vq(features, centres)[0].astype(np.int32)


def _cluster_arrays(
    splits: Sequence[Split], encode: Encode, clusters: int, seed: int
) -> dict[str, np.ndarray]:
    features = [mean_features(split, encode) for split in splits]
    centres = k_means(features[0], clusters, seed)
    scenes = {
        f"scenes_{index}": nearest(rows, centres) for index, rows in enumerate(features)
    }
    return {"centres": centres, **scenes}


def class_presence(split: Split, task: str) -> np.ndarray:
    """Returns whether each class is in each image, int32 [examples, classes] of 0, 1.

    A row is all zeros where nothing of the image is labelled.

    Args:
      split: a split with the label maps of the task.
      task: the name of a task of classes.
    """
    info = split.info.tasks[task]
    classes = len(info.class_names)
    rows = []
    number = -(-len(split) // PRESENCE_BATCH_SIZE)
    progress = terminal.Progress(
        "finding objects", number, "batches", delay=PATIENCE, keep=False
    )
    with progress:
        for batch in in_order(split, PRESENCE_BATCH_SIZE):
            for label_map in batch[task].numpy():
                values = label_map[label_map != info.missing].astype(np.int64)
                rows.append(np.bincount(values, minlength=classes)[:classes] > 0)
            progress.update()
    return np.stack(rows).astype(np.int32)
