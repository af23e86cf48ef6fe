"""What a report shows of a run: predictions, generated images, an oracle's labels.

Arrays in the run's folder, so that a report needs nothing but folders:

    exhibits/predictions.npz  image [K, S, S, 3]; prediction_TASK, target_TASK
                              [K, S, S, C], valid_TASK [K, S, S] of each task
    exhibits/tasks.json       the tasks' records
    exhibits/samples.npz      images [rows, columns, S, S, 3], titles [rows]
    exhibits/oracle.npz       image [K, S, S, 3], segmentation [K, S, S, 1]
"""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from mgm_tf.data import array_files
from mgm_tf.data.examples import network_images
from mgm_tf.train.pictures import Samples

FOLDER = "exhibits"
NUMBER = 6  # of test images
ORACLE, GENERATOR = "oracle", "generator"
SEGMENTATION = "segmentation"

# An experiment; its module is on a floor above.
Run = Any


def write(run: Run, workdir: pathlib.Path) -> None:
    """Writes what there is to show of a run, whose networks have their weights.

    Args:
      run: the `experiment.Experiment`.
      workdir: its folder.
    """
    folder = workdir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    records = {task.name: dataclasses.asdict(task.info) for task in run.tasks}
    (folder / "tasks.json").write_text(json.dumps(records, indent=2) + "\n")
    array_files.save(folder / "predictions.npz", _predictions(run))
    joint = run.stages[-1]
    if GENERATOR in run.networks:
        train, _ = run.examples(joint, workdir)
        samples = Samples(run.reader(joint), train)
        latent = run.method.generate.latent
        titles, images = samples.images(run.networks, latent)
        array_files.save(
            folder / "samples.npz", {"images": images, "titles": np.array(titles)}
        )
        if ORACLE in run.helpers:
            made = images.reshape(-1, *images.shape[2:])[:NUMBER]
            array_files.save(folder / "oracle.npz", _annotated(run, made))


def _predictions(run: Run) -> dict[str, np.ndarray]:
    split = run.data.test
    batch = split.batch(tf.range(min(NUMBER, len(split))))
    predicted = run.predict(network_images(batch["image"]))
    found = {"image": batch["image"].numpy()}
    for task in run.tasks:
        target, valid = task.info.decode(batch[task.name].numpy())
        found[f"prediction_{task.name}"] = task.physical(predicted[task.name]).numpy()
        found[f"target_{task.name}"] = target.astype(np.float32)
        found[f"valid_{task.name}"] = valid
    return found


def _annotated(run: Run, images: np.ndarray) -> dict[str, np.ndarray]:
    predicted = run.helpers[ORACLE](network_images(images))
    task = next(task for task in run.tasks if task.name in predicted)
    return {
        "image": images,
        SEGMENTATION: task.physical(predicted[task.name]).numpy(),
    }
