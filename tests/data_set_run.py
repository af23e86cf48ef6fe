"""A data set trained by its flag file, from files on disk to metrics.

Each data set has a test file of its own: tracing the steps takes long, and the files
are spread over the cores.
"""

import pathlib

import numpy as np
from absl import flags

from mgm_tf.config import settings
from mgm_tf.train import claiming, logs, loop
from mgm_tf.train.experiment import Experiment

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
# Behind a flag file: the same in small.
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


def parsed(*arguments) -> settings.Config:
    values = flags.FlagValues()
    settings.define_flags(values)
    values(["train", *arguments])
    return settings.from_flags(values)


def trained(name: str, folder: pathlib.Path, *more: str) -> Experiment:
    """A run by `configs/NAME.flags` on the files in `folder`/manual, checked."""
    planned = Experiment(
        parsed(
            f"--flagfile={CONFIGS / name}.flags",
            *SHORT,
            f"--manual_dir={folder / 'manual'}",
            f"--data_dir={folder / 'data'}",
            *more,
        )
    )
    workdir = folder / "run"
    claiming.begin(planned, workdir)
    loop.train(planned, workdir)
    stages = {line["stage"] for line in logs.read(workdir)}
    assert stages == {stage.name for stage in planned.stages}
    metrics = planned.evaluate(planned.data.test)
    for task in planned.tasks:
        assert np.isfinite(metrics[task.name]["loss"])
    return planned
