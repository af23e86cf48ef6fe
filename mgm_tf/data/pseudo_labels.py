"""Scene classes for data that have none: k-means on the features of a trained E.

The clusters are kept in the run's folder: a run that goes on has the same.
"""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy.cluster import vq

from mgm_tf.data import array_files, inputs
from mgm_tf.data.examples import network_images
from mgm_tf.data.inputs import Split

FILE = "scene_clusters.npz"


def relabelled(
    splits: Sequence[Split],
    encode: Callable[[tf.Tensor], tf.Tensor],
    clusters: int,
    seed: int,
    workdir: pathlib.Path,
) -> list[Split]:
    """The splits with the number of its cluster as the scene of every image.

    Args:
      splits: the first is what the clusters are made of; the others' images go to the
        nearest.
      encode: images [N, H, W, 3] in [-1, 1] -> features [N, h, w, channels].
      clusters: how many.
      seed: of where k-means begins.
      workdir: of the run; read from there if they are kept.

    Raises:
      ValueError: there are fewer images than clusters.
    """
    path = workdir / FILE
    if not path.exists():
        array_files.save(path, _clustered(splits, encode, clusters, seed))
    with np.load(path) as kept:
        return [s.with_scenes(kept[f"scenes_{i}"]) for i, s in enumerate(splits)]


def mean_features(split: Split, encode: Callable) -> np.ndarray:
    """The mean over the image of E's features, unit vectors [examples, channels]."""
    mean = tf.function(
        lambda images: mean_feature(encode(network_images(images))),
        reduce_retracing=True,
    )
    batches = inputs.in_order(split, 32)
    return np.concatenate([mean(batch["image"]).numpy() for batch in batches])


def mean_feature(features: tf.Tensor) -> tf.Tensor:
    """The mean of features [N, h, w, C] over the image, as unit vectors [N, C]."""
    return tf.math.l2_normalize(tf.reduce_mean(features, axis=(1, 2)), axis=-1)


def k_means(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """The centres [clusters, channels] of k-means, begun by k-means++.

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
    """The number of the nearest centre of each row, [n] int32."""
    return vq.vq(features, centres)[0].astype(np.int32)


def _clustered(splits, encode, clusters, seed) -> dict[str, np.ndarray]:
    features = [mean_features(split, encode) for split in splits]
    centres = k_means(features[0], clusters, seed)
    scenes = {f"scenes_{i}": nearest(f, centres) for i, f in enumerate(features)}
    return {"centres": centres, **scenes}
