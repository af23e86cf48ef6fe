"""Every data set with files of its own: built, audited, trained by its flag file."""

import json
import pathlib

import numpy as np
import pytest
from absl import flags

from datasets.folder import example
from datasets.tiny_taskonomy import generate
from mgm_tf import config, experiment, logs, training
from mgm_tf.experiment import Experiment
from tests.datasets import test_cityscapes_zurich as cityscapes

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
# Behind a flag file: the same in small. Tracing the steps is what takes the time.
SHORT = (
    "--image_size=64",
    "--width=0.0625",
    "--generator_updates=1",
    "--multi_task_length=3steps",
    "--generative_length=1steps",
    "--joint_length=2steps",
    "--multi_task_batch_size=4",
    "--generative_batch_size=4",
    "--joint_batch_size=4",
    "--evaluation_batch_size=4",
    "--log_every=1",
)


def taskonomy(folder):
    generate.write(folder, generate.BUILDINGS[:3], frames=10, size=64)


def folder_of_photographs(folder):
    example.write(folder, images=24, size=64)


def without_scenes(folder):
    folder_of_photographs(folder)
    (folder / "scenes.csv").unlink()
    record = json.loads((folder / "dataset.json").read_text())
    record["unlabelled"] = "weak"
    (folder / "dataset.json").write_text(json.dumps(record))


def streets(folder):
    """Frames of Zurich with a horizon each."""
    for number in range(12):
        horizon = 250 + 40 * number
        image, ids = cityscapes.image(number), cityscapes.ids(number)
        image[:horizon, :, 2], image[horizon:, :, 2] = 200, 80
        ids[:horizon, 32:], ids[horizon:, 32:] = cityscapes.SKY, cityscapes.ROAD
        cityscapes.save(image, folder / cityscapes.image_of(number))
        cityscapes.save(ids, folder / cityscapes.labels_of(number))


# What writes the files, and flags for this case.
CASES = {
    "tiny_taskonomy": (taskonomy, ("--target_coding=taskonomy", "--weak=none")),
    "cityscapes_zurich": (streets, ("--augmentation=flip_crop",)),
    "folder": (folder_of_photographs, ("--weak=real",)),
    "folder without scenes": (
        without_scenes,
        (
            "--scene_labels=cluster",
            "--scene_clusters=3",
            "--weak=real",
            "--refinement=peoe",
        ),
    ),
}


def parsed(*arguments) -> config.Config:
    values = flags.FlagValues()
    config.define_flags(values)
    values(["train", *arguments])
    return config.from_flags(values)


@pytest.mark.parametrize("case", CASES)
def test_a_data_set_trains_by_its_flag_file(case, tmp_path):
    write, more = CASES[case]
    write(tmp_path / "manual")
    wanted = parsed(
        f"--flagfile={CONFIGS / case.partition(' ')[0]}.flags",
        *SHORT,
        f"--manual_dir={tmp_path / 'manual'}",
        f"--data_dir={tmp_path / 'data'}",
        *more,
    )
    planned = Experiment(wanted)
    workdir = tmp_path / "run"
    experiment.begin(planned, workdir)
    training.train(planned, workdir)
    stages = {line["stage"] for line in logs.read(workdir)}
    assert stages == {stage.name for stage in planned.stages}
    trained = planned.trained(6)
    assert {"encoder", "decoders", "refiner"} <= trained
    metrics = planned.evaluate(planned.data.test)
    for task in planned.tasks:
        assert np.isfinite(metrics[task.name]["loss"])
