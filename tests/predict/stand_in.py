"""A stand-in for an exported model, whose predictions a pencil can follow."""

import pathlib
import types

import tensorflow as tf

from datasets.metadata import DataInfo, depth_info, normals_info, segmentation_info
from mgm_tf.export.versions import LoadedModel

SIZE = 4
INFO = DataInfo(
    image_size=SIZE,
    tasks={
        "segmentation": segmentation_info(("wall", "bed"), ((0, 200, 0), (0, 0, 200))),
        "depth": depth_info(),
        "normals": normals_info(),
    },
    scene_names=("bedroom", "kitchen"),
)


def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
    """Predicts depth as the red channel, bed where bright, normals to the camera."""
    red = tf.cast(images, tf.float32)[..., 0]
    bed = red / 255
    scene = tf.reduce_mean(bed, axis=(1, 2))
    return {
        "depth": red,
        "segmentation": tf.cast(bed > 0.5, tf.int32),
        "segmentation_probabilities": tf.stack([1 - bed, bed], axis=-1),
        "normals": tf.stack([0 * red, 0 * red, 1 + 0 * red], axis=-1),
        "scene_probabilities": tf.stack([1 - scene, scene], axis=-1),
    }


def model() -> LoadedModel:
    """The model."""
    return LoadedModel(pathlib.Path("1"), INFO, {}, types.SimpleNamespace(serve=serve))
