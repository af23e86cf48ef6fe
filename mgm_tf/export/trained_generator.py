"""The generator of a run as a `Sampler`: with fitting statistics and latent vectors."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from mgm_tf.data.batches import Batches
from mgm_tf.export.sampler import LatentDistribution, Sampler
from mgm_tf.train.batch_statistics import BATCH_SIZE, TestTimeNetworks
from mgm_tf.train.experiment import Experiment

GENERATOR = "generator"
_IMAGES = 1024  # of training, over which the latent vectors are described


def is_trained(experiment: Experiment, step: int) -> bool:
    """Returns whether a run has trained a generator by that step."""
    return GENERATOR in experiment.trained(step)


def sampler_of(experiment: Experiment, workdir: pathlib.Path) -> Sampler:
    """Returns the generator of a run whose networks have their weights.

    Its batch normalization gets the statistics that fit it, for good.
    """
    stage = experiment.stages[-1]
    split, _ = experiment.examples(stage, workdir)
    reader = dataclasses.replace(experiment.reader(stage), extra={}, tasks=())
    experiment.test_time.settle_sampling(reader, split)
    networks = TestTimeNetworks(experiment.networks)
    latent = experiment.method.generate.latent
    size = min(BATCH_SIZE, len(split))
    batches = Batches(split, size, experiment.settings.run.seed)
    reader = dataclasses.replace(reader, batch_size=size)
    centers = [
        latent.center(networks, reader(batches.at(tf.constant(step, tf.int64)))).numpy()
        for step in range(-(-min(_IMAGES, len(split)) // size))
    ]
    return Sampler(
        experiment.networks[GENERATOR],
        experiment.data.scene_classes,
        LatentDistribution.of(np.concatenate(centers)),
    )
