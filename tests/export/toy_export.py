"""Toy networks and an export of them, by weights that a pencil can follow."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import depth_info, normals_info, segmentation_info
from mgm_tf.export import saved_model
from mgm_tf.export.sampler import LatentDistribution, Sampler
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical

SIZE = 8
SCENES = ("bedroom", "kitchen")
SCENE_CLASSES = Categorical(SCENES)
TASKS = tuple(
    task_of(info)
    for info in (
        segmentation_info(("wall", "bed"), ((1, 2, 3), (4, 5, 6))),
        depth_info(target_shift=2.0, target_scale=3.0),
        normals_info(),
    )
)


class Encoder(keras.Model):
    """A network that returns images as they are, by weights."""

    def __init__(self):
        super().__init__()
        self.same = keras.layers.Dense(3, kernel_initializer="identity")

    def call(self, images, training=False):
        if training:
            raise ValueError("Prediction is no training.")
        return self.same(images)


class Decoders(keras.Model):
    """Decoders: logits (x, -x) and depth x of grey x in [-1, 1]; normals (1, 1, 2)."""

    def call(self, features, training=False):
        grey = tf.reduce_mean(features, axis=-1, keepdims=True)
        return {
            "segmentation": tf.concat([grey, -grey], -1),
            "depth": grey,
            "normals": 0.75 + 0.0 * features + tf.constant([0.0, 0.0, 0.25]),
        }


class Refiner(keras.Model):
    """A refiner with the logits (mean x, 0)."""

    def call(self, predictions, training=False):
        mean = tf.reduce_mean(predictions["depth"], axis=(1, 2))
        return tf.concat([mean, tf.zeros_like(mean)], -1)


def build_networks():
    networks = {"encoder": Encoder(), "decoders": Decoders(), "refiner": Refiner()}
    features = networks["encoder"](tf.zeros((1, SIZE, SIZE, 3)))
    networks["refiner"](networks["decoders"](features))
    return networks


class Generator(keras.Model):
    """A generator of grey images: the mean of z, 0.5 brighter in a kitchen."""

    def call(self, z, condition, training=False):
        grey = tf.reduce_mean(z, axis=-1) + 0.5 * condition[:, 1]
        ones = tf.ones((1, SIZE, SIZE, 3))
        return tf.clip_by_value(grey, -1.0, 1.0)[:, None, None, None] * ones


def sampler() -> Sampler:
    """The generator on two-dimensional z of mean (0.25, 0.25) and covariance 1."""
    latents = LatentDistribution.of(np.full((3, 2), 0.25))
    return Sampler(Generator(), SCENE_CLASSES, latents)


def export(directory: pathlib.Path, fingerprint: str = "a") -> pathlib.Path:
    """Exports the networks and the generator as the next version."""
    return saved_model.export(
        build_networks(),
        TASKS,
        SCENE_CLASSES,
        SIZE,
        directory,
        fingerprint=fingerprint,
        sampler=sampler(),
    )
