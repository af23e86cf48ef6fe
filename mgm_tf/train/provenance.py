"""Where a run comes from: code, versions, machine and data, a line for each start."""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
import time

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

FILE = "provenance.jsonl"
_ROOT = pathlib.Path(__file__).parents[1]


def of(builder: tfds.core.DatasetBuilder) -> dict:
    """The record of a start, JSON values."""
    return {
        "time": round(time.time(), 3),
        "code": code(),
        "machine": machine(),
        "data": data(builder),
    }


def code(root: pathlib.Path = _ROOT) -> dict:
    """The commit that is checked out, and whether it was changed; None if not known."""

    def git(*words: str) -> str | None:
        try:
            command = ["git", "-C", str(root), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": git("rev-parse", "HEAD"),
        "modified": None if changes is None else bool(changes),
    }


def machine() -> dict:
    """The processors and the versions of what computes."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "gpus": [detail.get("device_name", "unknown") for detail in details],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tensorflow_datasets": tfds.__version__,
        "numpy": np.__version__,
    }


def data(builder: tfds.core.DatasetBuilder) -> dict:
    """The name of a built data set, its sizes, and a hash that tells it from others.

    The hash is of the record of the data and of the names and sizes of its files; no
    example is read.
    """
    splits = sorted(builder.info.splits.items())
    files = [
        (path.name, path.stat().length)
        for _, split in splits
        for path in split.filepaths
    ]
    told = [dict(builder.info.metadata), files]
    text = json.dumps(told, sort_keys=True)
    return {
        "name": builder.info.full_name,
        "examples": {name: split.num_examples for name, split in splits},
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }


def note(workdir: pathlib.Path, record: dict) -> None:
    """Adds a start to the run's folder.

    Raises:
      ValueError: the run began with other data.
    """
    before = read(workdir)
    if before:
        was, is_now = (one["data"] for one in (before[0], record))
        if was["fingerprint"] != is_now["fingerprint"]:
            raise ValueError(
                f"{workdir / FILE}: the run began with {was['name']} "
                f"{was['examples']}; now there is {is_now['name']} "
                f"{is_now['examples']}, built otherwise. Go on with the data it began "
                "with, or take another --workdir."
            )
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / FILE).open("a") as file:
        file.write(json.dumps(record) + "\n")


def read(workdir: pathlib.Path) -> list[dict]:
    """The starts of a run, the first one first; none if it has no such file."""
    path = workdir / FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
