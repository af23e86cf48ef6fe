"""Measures speed: `python -m mgm_tf.benchmark --what=input` or `--what=step`.

`input`: how many images a second are read, from memory and from disk, of every data set
that is built in --data_dir (with --dataset or a flag file: of that one). `step`: how
many a second the training steps of these settings take, and how many times as many can
be read.
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
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf
from absl import flags

from mgm_tf.config import command_line
from mgm_tf.config import settings as config
from mgm_tf.config.settings import Config, DataConfig
from mgm_tf.data.batches import Batches
from mgm_tf.data.dataset import DataSet
from mgm_tf.data.splits import Split, fits_in_memory
from mgm_tf.method.stages import Stage
from mgm_tf.train import provenance
from mgm_tf.train.experiment import Experiment

DATASETS = typing.get_args(DataConfig.__dataclass_fields__["dataset"].type)
LEAST_RATIO = 3.0  # images read for an image learned from
NOT_MEASURED = "not measured"
WARM_UP = 6  # batches: more than are read ahead, less than are kept


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_enum("what", "input", list(MEASURED), "What is measured.")
    flags.DEFINE_list(
        "benchmark_datasets", [], "Data sets to read; all that are built if none."
    )
    flags.DEFINE_string("json", None, "A file that the figures are written to as well.")
    flags.DEFINE_integer("windows", 7, "Times that each figure is measured.", 1)
    flags.DEFINE_float("window_seconds", 1.0, "How long each time takes at least.", 0)


@dataclasses.dataclass(frozen=True)
class Rate:
    """Images a second, measured several times.

    Attributes:
      windows: each time's.
    """

    windows: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.windows)

    def __str__(self) -> str:
        low, high = min(self.windows), max(self.windows)
        return f"{self.median:,.0f} ({low:,.0f}-{high:,.0f})"

    def record(self) -> dict:
        """JSON values."""
        return {"median": self.median, "windows": list(self.windows)}


def rate(act: Callable[[], object], images: int) -> Rate:
    """How fast `act` deals with `images` images a call; it is warmed up first."""
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
    """Images a second that are read as training reads them."""
    iterator = iter(batches.from_step(batches.first_step))
    return rate(lambda: next(iterator), _images(batches))


def _images(batches: Batches) -> int:
    """How many images a batch has."""
    return batches.batch_size + sum(p.batch_size for p in batches.extra.values())


def measure_input(settings: Config) -> tuple[dict, Iterator[str]]:
    """Reads every data set; returns the record and the lines of a table."""
    wanted = flags.FLAGS.benchmark_datasets
    one = [settings.data.dataset] if flags.FLAGS["dataset"].present else []
    names = wanted or one or DATASETS
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


def _read(name, settings: Config) -> dict:
    own = settings.data.protocol if name == settings.data.dataset else ""
    wanted = dataclasses.replace(
        settings.data, dataset=name, protocol=own, tasks=config.ALL_TASKS
    )
    data = DataSet(wanted)
    if not data.is_built():
        raise ValueError(
            f"not built in {settings.data.data_dir} at {settings.data.image_size} "
            "pixels; `python -m mgm_tf.data` builds it"
        )
    # Not every data set has all tasks that another is asked for.
    every = data.task_names
    tasks = tuple(t for t in settings.data.tasks if t in every) or every
    size = settings.schedule.multi_task_batch_size
    disk = Split(data.builder, "train", tasks, "disk")
    found = {
        "name": data.builder.info.full_name,
        "examples": len(disk),
        "image_size": disk.info.image_size,
        "tasks": list(tasks),
        "batch_size": size,
        "disk": reading_rate(Batches(disk, size, settings.run.seed)),
    }
    if fits_in_memory(disk):
        kept = Split(data.builder, "train", tasks, "memory")
        found["memory"] = reading_rate(Batches(kept, size, settings.run.seed))
    return found


def _input_table(record: dict) -> Iterator[str]:
    yield f"{'images a second':<20}{'from memory':>24}{'from disk':>24}  tasks"
    for name, row in record.items():
        if NOT_MEASURED in row:
            yield f"{name:<20}{row[NOT_MEASURED]}"
            continue
        kept = str(row.get("memory", "does not fit"))
        tasks = f"{', '.join(row['tasks'])}; {row['image_size']} px"
        yield f"{name:<20}{kept:>24}{row['disk']!s:>24}  {tasks}"


def measure_step(settings: Config) -> tuple[dict, Iterator[str]]:
    """Takes steps of every stage; returns the record and the lines of a table."""
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
    """Images a second that the step takes when it never waits for them."""
    model = experiment.model(stage, experiment.optimizers(stage))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    same = batches.from_step(stage.begin).take(1).cache().repeat().with_options(options)
    iterator = iter(experiment.strategy.experimental_distribute_dataset(same))
    model.make_train_function()
    images = _images(batches)

    def act():
        # The results are looked at: a GPU has then done what it was told.
        tf.nest.map_structure(np.asarray, model.train_function(iterator))

    return rate(act, images * experiment.settings.run.steps_per_execution)


def _step_table(record: dict) -> Iterator[str]:
    yield f"{'images a second':<16}{'step takes':>24}{'can be read':>24}{'ratio':>9}"
    for name, row in record.items():
        mark = "" if row["ratio"] >= LEAST_RATIO else f"  below {LEAST_RATIO:g}"
        numbers = f"{row['step']!s:>24}{row['read']!s:>24}{row['ratio']:>9.1f}"
        yield f"{name:<16}{numbers}{mark}"


MEASURED = {"input": measure_input, "step": measure_step}


def _json(value):
    return value.record()


def _shown(lines: Iterable[str], where: dict) -> str:
    found = f"{where['cpus']} CPU cores, {len(where['gpus'])} GPUs"
    note = f"median (least-most) of {flags.FLAGS.windows}; {found}, "
    return "\n".join(lines) + f"\n{note}load {where['load']:.1f}."


def main() -> None:
    """Measures, prints a table and writes the figures."""
    settings = config.from_flags()
    where = provenance.machine() | {"load": os.getloadavg()[0]}
    record, lines = MEASURED[flags.FLAGS.what](settings)
    print(_shown(lines, where))
    if flags.FLAGS.json:
        whole = {
            "what": flags.FLAGS.what,
            "machine": where,
            flags.FLAGS.what: record,
        }
        text = json.dumps(whole, indent=2, default=_json)
        pathlib.Path(flags.FLAGS.json).write_text(text + "\n")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
