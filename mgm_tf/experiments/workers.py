"""Trainings in processes of their own, which begin with TensorFlow imported.

A server imports it once and forks for every training, so that none of them waits for
it. Nothing is computed before the fork.
"""

import multiprocessing
import os
import sys

from mgm_tf.config import command_line
from mgm_tf.experiments import runner
from mgm_tf.experiments.jobs import Job
from mgm_tf.train import __main__ as train

_PRELOADED = [
    "mgm_tf.experiments.workers",
    "mgm_tf.experiments.forecast",
    "mgm_tf.experiments.report",
]


def start(job: Job) -> runner.Process:
    """Sets a job to work; what it prints goes to a file in its folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    output = str(job.workdir / runner.OUTPUT)
    process = context.Process(target=_train, args=(job.arguments, output))
    process.start()
    return process


def _train(arguments: tuple[str, ...], output: str) -> None:
    """`python -m mgm_tf.train` with these arguments."""
    # A signal to the whole group, as Ctrl-C is, comes to the one who started this.
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv = ["train", *arguments]
    train.define_flags()
    command_line.run(train.main)
