"""A folder of one process at a time."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from mgm_tf.errors import InUse
from mgm_tf.files import lock

ROOT = pathlib.Path(__file__).parents[2]
# Holds a folder until it is killed; nothing of TensorFlow is needed.
HOLDER = """
import pathlib, sys, time
from mgm_tf.files import lock
with lock.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path):
    with lock.held(tmp_path / "run"):
        with pytest.raises(InUse) as error, lock.held(tmp_path / "run"):
            pass
        assert str(error.value).startswith(
            f"{tmp_path / 'run'} is in use by process {os.getpid()} on "
        )
    # It is free again, and a folder into which nothing came is gone.
    assert not (tmp_path / "run").exists()
    with lock.held(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert tmp_path.exists() and not list(tmp_path.iterdir())


def test_another_holder_is_waited_for(tmp_path, monkeypatch):
    first = lock.held(tmp_path)
    first.__enter__()
    waits = []

    def free(seconds):
        waits.append(seconds)
        first.__exit__(None, None, None)

    monkeypatch.setattr(lock.time, "sleep", free)
    # When it has it, it is the second holder's alone.
    with (
        lock.held(tmp_path, patience=60),
        pytest.raises(InUse),
        lock.held(tmp_path),
    ):
        pass
    assert len(waits) == 1


def test_a_process_that_is_killed_holds_nothing(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InUse, match=f"process {process.pid} "), lock.held(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / ".lock").exists()
    with lock.held(tmp_path):
        pass
