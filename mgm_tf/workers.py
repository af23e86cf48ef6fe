"""Trainings in processes of their own, which begin with TensorFlow imported.

A server imports it once and forks for every training, so that none of them waits for
it. Nothing is computed before the fork.
"""

import multiprocessing
import os
import sys

from mgm_tf import command_line, running, train
from mgm_tf.callbacks import Interrupted, NotFinite
from mgm_tf.jobs import Job

_PRELOADED = ["mgm_tf.workers", "mgm_tf.outlook", "mgm_tf.reporting"]


def start(job: Job) -> running.Process:
    """Sets a job to work; what it prints goes to a file in its folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    output = str(job.workdir / running.OUTPUT)
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
    command_line.run(train.main, Interrupted, NotFinite)
