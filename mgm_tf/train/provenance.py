"""The provenance of a run: code, versions, machine and data, a line for each start."""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mgm_tf.config import options
from mgm_tf.config.saved import LAST
from mgm_tf.config.settings import Config
from mgm_tf.errors import DamagedFile
from mgm_tf.files import lines, whole
from mgm_tf.train.checkpoint_files import CheckpointFolder
from mgm_tf.train.checkpoints import FOLDER

FILE = "provenance.jsonl"
_ROOT = pathlib.Path(__file__).parents[1]
# What a step's speed hangs on besides the clock.
VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def collect(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Returns the record of a start, as JSON values."""
    return {
        "time": round(time.time(), 3),
        "code": code(),
        "machine": machine(),
        "data": data(builder),
    }


def code(root: pathlib.Path = _ROOT) -> dict[str, Any]:
    """Returns the commit that is checked out, and whether it is modified.

    Both are None where that is not known.
    """

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(root), *words]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, check=False
            )
        except OSError:
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": git("rev-parse", "HEAD"),
        "modified": None if changes is None else bool(changes),
    }


def machine() -> dict[str, Any]:
    """Returns the processors and the versions of the software that computes."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "processor": processor(),
        "gpus": [detail.get("device_name", "unknown") for detail in details],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tensorflow_datasets": tfds.__version__,
        "numpy": np.__version__,
    }


def processor() -> str:
    """Returns the name of the processor and the vector instructions that it has."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(reversed([line.partition(":")[::2] for line in lines]))
    named = {key.strip(): value.strip() for key, value in fields.items()}
    name = named.get("model name", platform.machine())
    known = [text for text in VECTORS if text in named.get("flags", "").split()]
    return f"{name} ({', '.join(known)})" if known else name


def data(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Returns the name of a built data set, its sizes and its fingerprint.

    The fingerprint is a hash of the record of the data and of the names and sizes of
    its files; no example is read.
    """
    splits = sorted(builder.info.splits.items())
    files = [
        (path.name, path.stat().length)
        for _, split in splits
        for path in split.filepaths
    ]
    text = json.dumps([dict(builder.info.metadata), files], sort_keys=True)
    return {
        "name": builder.info.full_name,
        "examples": {name: split.num_examples for name, split in splits},
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }


def note(workdir: pathlib.Path, record: dict[str, Any]) -> None:
    """Appends the record of a start to the folder of the run.

    Raises:
      ValueError: the run began with other data.
    """
    check(workdir, record)
    whole.make_folder(workdir)
    lines.append(workdir / FILE, record)


def check(workdir: pathlib.Path, record: dict[str, Any]) -> None:
    """Refuses to go on with other data than a run began with.

    Raises:
      ValueError: the run began with other data.
    """
    first, current = began_with(workdir), record["data"]
    if first and first["fingerprint"] != current["fingerprint"]:
        raise ValueError(
            f"{workdir / FILE}: the run began with {first['name']} "
            f"{first['examples']}; now there is {current['name']} "
            f"{current['examples']}, built otherwise. Go on with the data it began "
            "with, or take another --workdir."
        )


def began_with(workdir: pathlib.Path) -> dict[str, Any] | None:
    """Returns the record of the data with which a run began; None if it is not known.

    Where its own file is lost, it is the one that was noted with the checkpoints.
    """
    starts = [start for start in lines.readable(workdir / FILE) if "data" in start]
    if starts:
        return starts[0]["data"]
    folder = CheckpointFolder(workdir / FOLDER / LAST)
    for step in reversed(folder.steps()):
        with contextlib.suppress(DamagedFile):
            noted = folder.record(step).get("data")
            if noted:
                return noted
    return None


def origin(
    workdir: pathlib.Path,
    builder: tfds.core.DatasetBuilder,
    step: int,
    *,
    allow_other_data: bool = False,
) -> dict[str, Any]:
    """Returns what a result comes from: the step, the code and the data, JSON values.

    Args:
      workdir: the folder of the run.
      builder: the builder of the data that are used now.
      step: the step of the checkpoint.
      allow_other_data: whether these may be others than those of the run; the record
        says in `is_of_the_run` what they are, None where that is not known.

    Raises:
      ValueError: they are others, and may not be.
    """
    first, current = began_with(workdir), data(builder)
    same = None if first is None else first["fingerprint"] == current["fingerprint"]
    if first is not None and not (same or allow_other_data):
        raise ValueError(
            f"{workdir}: the run began with {first['name']} {first['examples']}; now "
            f"there is {current['name']} {current['examples']}, built otherwise. "
            "--allow_other_data uses it, and the result says so."
        )
    return {"step": step, "code": code(), "data": current | {"is_of_the_run": same}}


def read(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the starts of a run, the first one first; none without the file.

    Raises:
      DamagedFile: a line is no object of JSON.
    """
    return lines.read(workdir / FILE, remedy="Going on with the training mends it.")


def fingerprint(settings: Config, networks: Mapping[str, keras.Model]) -> str:
    """Tells these weights, and how they came about, from any others.

    Args:
      settings: the settings of the run.
      networks: its networks by name.
    """
    digest = hashlib.sha256()
    for name, value in options.settings(settings).items():
        if not options.leaves(Config)[name].metadata["may_change"]:
            digest.update(f"{name}={value}\n".encode())
    for network in networks.values():
        for variable in network.variables:
            digest.update(variable.numpy().tobytes())
    return digest.hexdigest()
