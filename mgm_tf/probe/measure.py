"""What a run's encoder knows of scenes, and how far its generator is from real images.

The kernel distance (KID) is that on features of our own encoder, not of Inception as
published figures are: only runs on the features of one and the same can be compared.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mgm_tf.data import pseudo_labels
from mgm_tf.data.inputs import Batches
from mgm_tf.probe import kid, linear_probe
from mgm_tf.train import pictures
from mgm_tf.train.experiment import Experiment

SUBSETS, SUBSET_SIZE = 20, 100  # of KID, as far as there are images
GENERATOR = "generator"


def measure(
    experiment: Experiment,
    workdir: pathlib.Path,
    judge: Experiment | None = None,
    features_of: str = "",
) -> dict:
    """Measures, and writes `eval/probe.json`; the networks have their weights.

    Args:
      experiment: of the run.
      workdir: its folder.
      judge: of the run on whose features KID is; None: the same.
      features_of: the folder of that run.

    Returns:
      `scene`: accuracies of the linear probe and the nearest neighbours; None where no
      scene is stored. `kernel_distance`: `mean`, `std`, `subsets`, `size`; None without
      a generator. `features_of`.
    """
    encode = _encoder(judge or experiment)
    record = {
        "scene": _scene(experiment),
        "kernel_distance": _kernel_distance(experiment, workdir, encode),
        "features_of": features_of or str(workdir),
    }
    path = workdir / "eval" / "probe.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")
    return record


def _encoder(experiment: Experiment) -> Callable[[tf.Tensor], tf.Tensor]:
    return functools.partial(experiment.networks["encoder"], training=False)


def _scene(experiment: Experiment) -> dict[str, float] | None:
    data = experiment.data
    stored = data.labels.size and experiment.scene_labels.relabel is None
    if not (stored and experiment.shares_features):
        return None
    return linear_probe.of_encoder(data.train, data.test, _encoder(experiment))


def _kernel_distance(experiment, workdir, encode) -> dict[str, float] | None:
    """The distance of test images and as many synthesized ones."""
    if GENERATOR not in experiment.networks:
        return None
    real = pseudo_labels.mean_features(experiment.data.test, encode)
    made = _synthesized_features(experiment, workdir, encode, len(real))
    size = min(SUBSET_SIZE, len(real))
    mean, std = kid.in_subsets(real, made, SUBSETS, size, seed=0)
    return {"mean": mean, "std": std, "subsets": SUBSETS, "size": size}


def _synthesized_features(experiment, workdir, encode, number: int) -> np.ndarray:
    """E's mean features of images made from training batches, [number, channels]."""
    stage = experiment.stages[-1]
    train, _ = experiment.examples(stage, workdir)
    batches = Batches(train, stage.batch_size, experiment.settings.run.seed)
    reader = dataclasses.replace(experiment.reader(stage), extra={})
    latent, found = experiment.method.generate.latent, []
    for step in range(-(-number // stage.batch_size)):
        examples = reader(batches.at(tf.constant(step, tf.int64)))
        made = pictures.synthesized(experiment.networks, latent, examples)
        found.append(pseudo_labels.mean_feature(encode(made)))
    return np.concatenate(found)[:number]
