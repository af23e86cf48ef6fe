"""A data set trained by its flag file, from files on disk to metrics.

Each data set has a test file of its own: tracing the steps takes long, and the files
are spread over the cores.
"""

import pathlib

import numpy as np
from absl import flags

from mgm_tf.config import checks, settings
from mgm_tf.train import logs, loop
from mgm_tf.train.experiment import Experiment

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
# Flags that follow a flag file: the same run in small.
SHORT = (
    "--image_size=64",
    "--width=0.0625",
    "--encoder=resnet10",
    "--generator_updates=1",
    "--multi_task_length=2steps",
    "--generative_length=1steps",
    "--joint_length=1steps",
    "--multi_task_batch_size=4",
    "--generative_batch_size=4",
    "--joint_batch_size=4",
    "--evaluation_batch_size=4",
    "--log_every=1",
    # Graphs take longer to make than these few steps take without.
    "--run_eagerly=True",
)


def parsed(*arguments: str) -> settings.Config:
    """Returns the settings of a command line."""
    values = flags.FlagValues()
    settings.define_flags(values)
    values(["train", *arguments])
    return checks.from_flags(values)


def trained(name: str, folder: pathlib.Path, *more: str) -> Experiment:
    """Runs `configs/NAME.flags` on the files in `folder`/manual, and checks the run.

    Returns:
      The experiment that was trained.
    """
    experiment = Experiment(
        parsed(
            f"--flagfile={CONFIGS / name}.flags",
            *SHORT,
            f"--manual_dir={folder / 'manual'}",
            f"--data_dir={folder / 'data'}",
            *more,
        )
    )
    workdir = folder / "run"
    loop.claim(experiment, workdir)
    loop.train(experiment, workdir)
    stages = {line["stage"] for line in logs.read(workdir)}
    assert stages == {stage.name for stage in experiment.stages}
    metrics = experiment.evaluate(experiment.data.test)
    for task in experiment.tasks:
        assert np.isfinite(metrics[task.name]["loss"])
    return experiment
