"""A runner's process and its worker, in which a training waits to be killed."""

import multiprocessing
import time
from typing import Any

import tensorflow as tf

import datasets
from mgm_tf.experiments import runner
from mgm_tf.train import logs
from tests import fake_dataset

WAITS_AT = 3  # the step whose losses are written last


def runner_process(arguments: tuple[str, ...], output: str) -> None:
    """Trains in a process of its own, as a runner does, and waits for it."""
    datasets.BUILDERS["rooms"] = fake_dataset.__name__
    # As the tests compute, bit for bit.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    write = logs.Log.scalars

    def scalars(self: logs.Log, step: int, *values: Any) -> None:
        write(self, step, *values)
        if step == WAITS_AT:
            time.sleep(600)

    logs.Log.scalars = scalars  # type: ignore[method-assign]
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=runner._train, args=(arguments, output))
    worker.start()
    worker.join()
