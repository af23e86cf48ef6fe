"""The arrays of a run that a report shows: predictions, generated images, labels.

They are in the folder of the run, so that a report needs nothing but folders. K is the
number of images, S their height and width, C the number of channels of a task:

    exhibits/predictions.npz  image [K, S, S, 3]; prediction_TASK, target_TASK
                              [K, S, S, C], valid_TASK [K, S, S] of each task
    exhibits/tasks.json       the tasks' records
    exhibits/samples.npz      images [rows, columns, S, S, 3], titles [rows]
    exhibits/oracle.npz       image [K, S, S, 3], segmentation [K, S, S, 1]
"""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from mgm_tf.data.examples import network_images
from mgm_tf.files import whole
from mgm_tf.train.experiment import Experiment
from mgm_tf.train.pictures import Samples

FOLDER = "exhibits"
NUMBER = 6  # of test images, and of generated images that the oracle labels
ORACLE, GENERATOR = "oracle", "generator"
SEGMENTATION = "segmentation"


def write(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Writes the arrays of a run, whose networks have their weights, to its folder."""
    folder = workdir / FOLDER
    whole.make_folder(folder)
    records = {task.name: dataclasses.asdict(task.info) for task in experiment.tasks}
    whole.write_json(folder / "tasks.json", records)
    whole.write_arrays(folder / "predictions.npz", _predictions(experiment))
    joint = experiment.stages[-1]
    if GENERATOR in experiment.networks:
        train, _ = experiment.examples(joint, workdir)
        reader, latent = experiment.reader(joint), experiment.method.generate.latent
        with experiment.test_time.sampling(reader, train) as networks:
            titles, images = Samples(reader, train).images(networks, latent)
        whole.write_arrays(
            folder / "samples.npz", {"images": images, "titles": np.array(titles)}
        )
        if ORACLE in experiment.helpers:
            first = images.reshape(-1, *images.shape[2:])[:NUMBER]
            whole.write_arrays(folder / "oracle.npz", _oracle_labels(experiment, first))


def _predictions(experiment: Experiment) -> dict[str, np.ndarray]:
    """Returns the first test images with predictions and labels, physical values."""
    split = experiment.data.test
    batch = split.batch(tf.range(min(NUMBER, len(split))))
    predicted = experiment.predict(network_images(batch["image"]))
    arrays = {"image": batch["image"].numpy()}
    for task in experiment.tasks:
        target, valid = task.info.decode(batch[task.name].numpy())
        arrays[f"prediction_{task.name}"] = task.physical(predicted[task.name]).numpy()
        arrays[f"target_{task.name}"] = target.astype(np.float32)
        arrays[f"valid_{task.name}"] = valid
    return arrays


def _oracle_labels(experiment: Experiment, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns images with the oracle's labels of the first task that it predicts."""
    predicted = experiment.helpers[ORACLE](network_images(images))
    task = next(task for task in experiment.tasks if task.name in predicted)
    return {
        "image": images,
        SEGMENTATION: task.physical(predicted[task.name]).numpy(),
    }
