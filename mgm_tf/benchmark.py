"""Measures speed: `python -m mgm_tf.benchmark --what=input` or `--what=step`.

`input` measures how many images a second are read, from memory and from disk, of every
data set that is built in --data_dir; with --dataset or a flag file, of that one. `step`
measures how many a second the training steps take, and how many times as many are read.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
import typing
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags

from mgm_tf.config import checks, command_line
from mgm_tf.config import settings as config
from mgm_tf.config.settings import Config, DataConfig
from mgm_tf.data.batches import Batches
from mgm_tf.data.dataset import DataSet
from mgm_tf.data.splits import Split, fits_in_memory
from mgm_tf.files import whole
from mgm_tf.method.stages import Stage
from mgm_tf.plotting import terminal
from mgm_tf.train import provenance
from mgm_tf.train.experiment import Experiment

DATASETS = typing.get_args(DataConfig.__dataclass_fields__["dataset"].type)
LEAST_RATIO = 3.0  # images read for an image learned from
NOT_MEASURED = "not measured"
WARM_UP = 6  # batches: more than are read ahead, less than are kept


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_enum(
        "what",
        "input",
        list(MEASURED),
        "What is measured. input: the images a second that are read; step: those that "
        "the training step of each stage takes.",
    )
    flags.DEFINE_list(
        "benchmark_datasets",
        [],
        "The data sets that --what=input reads, separated by commas; none: all that "
        "are built.",
    )
    flags.DEFINE_string(
        "json", None, "The file into which the measured rates are written as JSON."
    )
    flags.DEFINE_integer(
        "windows", 7, "The number of times that each rate is measured.", lower_bound=1
    )
    flags.DEFINE_float(
        "window_seconds",
        1.0,
        "The least number of seconds that one measurement of a rate takes.",
        lower_bound=0,
    )


@dataclasses.dataclass(frozen=True)
class Rate:
    """A rate in images a second, measured several times.

    Attributes:
      windows: the rate of each measurement.
    """

    windows: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the measurements."""
        return statistics.median(self.windows)

    def __str__(self) -> str:
        low, high = min(self.windows), max(self.windows)
        return f"{self.median:,.0f} ({low:,.0f}-{high:,.0f})"

    def record(self) -> dict:
        """Returns the rate as JSON values."""
        return {"median": self.median, "windows": list(self.windows)}


def rate(act: Callable[[], object], images: int) -> Rate:
    """Measures how fast `act` deals with images, after some calls to warm it up.

    Args:
      act: the function whose calls are timed.
      images: the number of images of a call.
    """
    for _ in range(WARM_UP):
        act()
    windows = []
    for _ in range(flags.FLAGS.windows):
        begin, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - begin < flags.FLAGS.window_seconds:
            act()
            calls += 1
        windows.append(calls * images / (time.perf_counter() - begin))
    return Rate(tuple(windows))


def reading_rate(batches: Batches) -> Rate:
    """Measures the images a second that are read as training reads them."""
    iterator = iter(batches.from_step(batches.first_step))
    return rate(lambda: next(iterator), _images(batches))


def _images(batches: Batches) -> int:
    """Returns the number of images of a batch, those of the extra ones included."""
    extra = (images.batch_size for images in batches.extra.values())
    return batches.batch_size + sum(extra)


def measure_input(settings: Config) -> tuple[dict, str]:
    """Measures the reading of data sets; returns the record and a table."""
    named = [settings.data.dataset] if flags.FLAGS["dataset"].present else []
    names = flags.FLAGS.benchmark_datasets or named or DATASETS
    unknown = sorted(set(names) - set(DATASETS))
    if unknown:
        raise ValueError(
            f"--benchmark_datasets={','.join(unknown)}: "
            f"{', '.join(DATASETS)} are known."
        )
    record = {}
    for name in names:
        print(f"Reading {name}.", file=sys.stderr, flush=True)
        try:
            record[name] = _read(name, settings)
        except (ValueError, OSError) as error:
            record[name] = {NOT_MEASURED: str(error).splitlines()[0]}
    return record, _input_table(record)


def _read(name: str, settings: Config) -> dict:
    """Measures the reading of a data set.

    Raises:
      ValueError: the data set is not built.
    """
    protocol = settings.data.protocol if name == settings.data.dataset else ""
    changes: dict[str, Any] = {
        "dataset": name,
        "protocol": protocol,
        "tasks": config.ALL_TASKS,
    }
    data = DataSet(dataclasses.replace(settings.data, **changes))
    if not data.is_built():
        raise ValueError(
            f"not built in {settings.data.data_dir} at {settings.data.image_size} "
            "pixels; `python -m mgm_tf.data` builds it"
        )
    # The tasks of the settings may be those of another data set.
    common = tuple(name for name in settings.data.tasks if name in data.task_names)
    tasks = common or data.task_names
    size = settings.schedule.multi_task_batch_size
    disk = Split(data.builder, "train", tasks, "disk")
    record = {
        "name": data.builder.info.full_name,
        "examples": len(disk),
        "image_size": disk.info.image_size,
        "tasks": list(tasks),
        "batch_size": size,
        "disk": reading_rate(Batches(disk, size, settings.run.seed)),
    }
    if fits_in_memory(disk):
        memory = Split(data.builder, "train", tasks, "memory")
        record["memory"] = reading_rate(Batches(memory, size, settings.run.seed))
    return record


def _input_table(record: dict) -> str:
    columns = (
        terminal.Column("images a second", 20),
        terminal.Column("from memory", 24, right=True),
        terminal.Column("from disk", 24, right=True),
        terminal.Column("tasks"),
    )
    rows: list[Sequence[str] | str] = []
    for name, row in record.items():
        if NOT_MEASURED in row:
            rows.append(f"{name:<20}{row[NOT_MEASURED]}")
            continue
        memory = str(row.get("memory", "does not fit"))
        tasks = f"{', '.join(row['tasks'])}; {row['image_size']} px"
        rows.append((name, memory, str(row["disk"]), tasks))
    return terminal.table(columns, rows)


def measure_step(settings: Config) -> tuple[dict, str]:
    """Measures the training step of every stage; returns the record and a table."""
    experiment = Experiment(settings)
    record = {}
    for stage in experiment.stages:
        print(f"Making the step of {stage.name}.", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as workdir:
            batches = _batches(experiment, stage, pathlib.Path(workdir))
        read = reading_rate(batches)
        taken = _step_rate(experiment, stage, batches)
        record[stage.name] = {
            "batch_size": stage.batch_size,
            "beside": dict(stage.extra),
            "step": taken,
            "read": read,
            "ratio": read.median / taken.median,
        }
    return record, _step_table(record)


def _batches(experiment: Experiment, stage: Stage, workdir: pathlib.Path) -> Batches:
    seed = experiment.settings.run.seed
    train, extra = experiment.examples(stage, workdir)
    return Batches(train, stage.batch_size, seed, stage.begin, extra)


def _step_rate(experiment: Experiment, stage: Stage, batches: Batches) -> Rate:
    """Measures the images a second of a step that never waits for them."""
    model = experiment.model(stage, experiment.optimizers(stage))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    same = batches.from_step(stage.begin).take(1).cache().repeat().with_options(options)
    iterator = iter(experiment.strategy.experimental_distribute_dataset(same))
    model.make_train_function()
    images = _images(batches)

    def act() -> None:
        # A GPU is done when its results are there.
        tf.nest.map_structure(np.asarray, model.train_function(iterator))

    return rate(act, images * experiment.settings.run.steps_per_execution)


def _step_table(record: dict) -> str:
    columns = (
        terminal.Column("images a second", 16),
        terminal.Column("step takes", 24, right=True),
        terminal.Column("can be read", 24, right=True),
        terminal.Column("ratio", 9, right=True),
        terminal.Column(""),
    )
    rows = []
    for name, row in record.items():
        mark = "" if row["ratio"] >= LEAST_RATIO else f"below {LEAST_RATIO:g}"
        ratio = f"{row['ratio']:.1f}"
        rows.append((name, str(row["step"]), str(row["read"]), ratio, mark))
    return terminal.table(columns, rows)


MEASURED = {"input": measure_input, "step": measure_step}


def _json(value: Rate) -> dict:
    return value.record()


def _report(table: str, machine: dict) -> str:
    """Returns a table with a line on the measurements and the machine."""
    devices = f"{machine['cpus']} CPU cores, {len(machine['gpus'])} GPUs"
    note = f"median (least-most) of {flags.FLAGS.windows}; {devices}, "
    return f"{table}\n{note}load {machine['load']:.1f}."


def main() -> None:
    """Measures, prints a table and writes the figures."""
    settings = checks.from_flags()
    machine = provenance.machine() | {"load": os.getloadavg()[0]}
    record, table = MEASURED[flags.FLAGS.what](settings)
    print(_report(table, machine))
    if flags.FLAGS.json:
        file = {"what": flags.FLAGS.what, "machine": machine, flags.FLAGS.what: record}
        text = json.dumps(file, indent=2, default=_json)
        whole.write_text(pathlib.Path(flags.FLAGS.json), text + "\n")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
