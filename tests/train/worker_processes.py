"""Processes that train together on this machine, of one that has imported TensorFlow.

Each is a fork of a server that has nothing but imported: what takes a process seconds,
and all of them the same, is done once.
"""

import contextlib
import json
import multiprocessing
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from typing import Any

import datasets
from mgm_tf.config import command_line
from mgm_tf.train import __main__ as train
from mgm_tf.train import logs
from tests import fake_dataset

KILL, TERMINATE = signal.SIGKILL, signal.SIGTERM
PATIENCE = 300.0  # seconds, far above what is needed

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def started(
    folder: pathlib.Path,
    arguments: Sequence[str],
    stop: dict[int, tuple[int, int]] | None = None,
) -> list[BaseProcess]:
    """Starts the training command on two workers, which print into WORKER.log.

    Args:
      folder: where these files are.
      arguments: the flags of the command.
      stop: worker -> the step at which it gets a signal, and the signal.
    """
    ports = free_ports(2)
    workers = [f"127.0.0.1:{port}" for port in ports]
    processes = []
    for index in range(len(workers)):
        task = {"type": "worker", "index": index}
        tf_config = json.dumps({"cluster": {"worker": workers}, "task": task})
        log = folder / f"{index}.log"
        log.unlink(missing_ok=True)
        given = (tf_config, list(arguments), str(log), (stop or {}).get(index))
        processes.append(CONTEXT.Process(target=work, args=given))
    for process in processes:
        process.start()
    return processes


def free_ports(count: int) -> list[int]:
    """Ports that nobody has just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def codes(processes: Sequence[BaseProcess]) -> list[int | None]:
    """The exit codes of processes; those that do not end are ended, with -9."""
    try:
        for process in processes:
            process.join(PATIENCE)
    finally:
        for process in processes:
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def work(
    tf_config: str, arguments: list[str], log: str, stop: tuple[int, int] | None
) -> None:
    """Trains as the command does."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ["TF_CONFIG"] = tf_config
    datasets.BUILDERS["rooms"] = fake_dataset.__name__
    if stop is not None:
        stop_at(*stop)
    sys.argv = ["train", *arguments]
    train.define_flags()
    command_line.run(train.main)


def stop_at(step: int, number: int) -> None:
    """Sends this process a signal when the losses of a step are written."""
    write = logs.Log.scalars

    def scalars(self: logs.Log, at: int, stage: str, values: Any) -> None:
        write(self, at, stage, values)
        if at == step:
            os.kill(os.getpid(), number)

    logs.Log.scalars = scalars  # type: ignore[method-assign]
