"""The measurements of a run: scenes from its encoder's features, KID of its generator.

The kernel distance (KID) is computed on features of our own encoder, not of Inception
as published figures are: only runs on the features of the same encoder can be compared.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mgm_tf.data import pseudo_labels
from mgm_tf.data.batches import Batches
from mgm_tf.files import whole
from mgm_tf.probe import kid, linear_probe
from mgm_tf.train.experiment import Experiment

SUBSETS, SUBSET_SIZE = 20, 100  # of KID, as far as there are images
GENERATOR = "generator"

# images [N, H, W, 3] in [-1, 1] -> features [N, h, w, channels]
Encode = Callable[[tf.Tensor], tf.Tensor]


def measure(
    experiment: Experiment,
    workdir: pathlib.Path,
    origin: Mapping[str, Any],
    features_run: Experiment | None = None,
    features_of: str = "",
) -> dict[str, Any]:
    """Probes the networks, which have their weights, and writes `eval/probe.json`.

    Args:
      experiment: the experiment of the run.
      workdir: the folder of the run.
      origin: what the networks and the data are, see `provenance.origin`.
      features_run: the experiment of the run on whose features KID is computed; None
        for the run itself.
      features_of: the folder of that run.

    Returns:
      The record that is written. `scene`: the accuracies of the linear probe and the
      nearest neighbours; None where no scene is stored. `kernel_distance`: `mean`,
      `std`, `subsets`, `size`; None without a generator. `features_of`: the folder of
      the run on whose features KID is computed.
    """
    encode = _encoder(features_run or experiment)
    record = {
        "scene": _scene(experiment),
        "kernel_distance": _kernel_distance(experiment, workdir, encode),
        "features_of": features_of or str(workdir),
        **origin,
    }
    path = workdir / "eval" / "probe.json"
    whole.make_folder(path.parent, parents=False)
    whole.write_json(path, record)
    return record


def _encoder(experiment: Experiment) -> Encode:
    return functools.partial(experiment.networks["encoder"], training=False)


def _scene(experiment: Experiment) -> dict[str, float] | None:
    data = experiment.data
    is_stored = (
        data.scene_classes.size and experiment.scene_label_source.relabel is None
    )
    if not (is_stored and experiment.shares_features):
        return None
    return linear_probe.probe_encoder(data.train, data.test, _encoder(experiment))


def _kernel_distance(
    experiment: Experiment, workdir: pathlib.Path, encode: Encode
) -> dict[str, float] | None:
    """Computes KID of as many synthesized images as there are test images."""
    if GENERATOR not in experiment.networks:
        return None
    real = pseudo_labels.mean_features(experiment.data.test, encode)
    synthesized = _synthesized_features(experiment, workdir, encode, len(real))
    size = min(SUBSET_SIZE, len(real))
    mean, std = kid.in_subsets(real, synthesized, SUBSETS, size, seed=0)
    return {"mean": mean, "std": std, "subsets": SUBSETS, "size": size}


def _synthesized_features(
    experiment: Experiment, workdir: pathlib.Path, encode: Encode, number: int
) -> np.ndarray:
    """Returns mean features [number, channels] of images made of training batches."""
    stage = experiment.stages[-1]
    train, _ = experiment.examples(stage, workdir)
    batches = Batches(train, stage.batch_size, experiment.settings.run.seed)
    reader = dataclasses.replace(experiment.reader(stage), extra={})
    latent = experiment.method.generate.latent
    features = []
    with experiment.test_time.sampling(reader, train) as networks:
        for step in range(-(-number // stage.batch_size)):
            examples = reader(batches.at(tf.constant(step, tf.int64)))
            z = latent(networks, examples)
            images = networks.generator(z, examples.synthesis_condition)
            features.append(pseudo_labels.mean_feature(encode(images)))
    return np.concatenate(features)[:number]
