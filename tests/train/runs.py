"""Runs on the made-up data set, and what their folders hold."""

import pathlib

import numpy as np
import tensorflow as tf

from mgm_tf.config.settings import Config
from mgm_tf.train import logs, loop
from mgm_tf.train.experiment import Experiment

# The multi-task network alone, in two stages of one update, as graphs.
ALONE = {
    "tasks": ("depth",),
    "weak": "none",
    "refinement": "none",
    "self_supervision": "none",
    "run_eagerly": False,
    "multi_task_length": "5steps",
    "joint_length": "2steps",
    "log_every": 1,
}


def run(wanted: Config, workdir: pathlib.Path) -> Experiment:
    """Trains as the command does; a new process would start from this as well."""
    planned = Experiment(wanted)
    loop.claim(planned, workdir)
    loop.train(planned, workdir)
    return planned


def state(workdir: pathlib.Path, step: int) -> dict[str, np.ndarray]:
    """All weights, averages and slots of a run's checkpoint by name."""
    reader = tf.train.load_checkpoint(
        str(workdir / "checkpoints" / "last" / f"step-{step}")
    )
    names = reader.get_variable_to_shape_map()
    skipped = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter")
    return {
        name: reader.get_tensor(name) for name in names if not name.startswith(skipped)
    }


def assert_same_state(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys() and one
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def losses(workdir: pathlib.Path) -> list[dict]:
    """The lines with losses."""
    lines = logs.read(workdir)
    return [line for line in lines if any(key.startswith("loss/") for key in line)]
