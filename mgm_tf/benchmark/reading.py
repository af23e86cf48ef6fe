"""How many images a second are read, from memory and from disk."""

import dataclasses
import sys
import typing
from collections.abc import Sequence
from typing import Any

from mgm_tf.benchmark.timing import Rate, rate
from mgm_tf.config import settings as config
from mgm_tf.config.settings import Config, DataConfig
from mgm_tf.data.batches import Batches
from mgm_tf.data.dataset import DataSet
from mgm_tf.data.splits import Split, fits_in_memory
from mgm_tf.plotting import terminal

DATASETS = typing.get_args(DataConfig.__dataclass_fields__["dataset"].type)
NOT_MEASURED = "not measured"


@dataclasses.dataclass(frozen=True)
class Windows:
    """How a rate is measured.

    Attributes:
      number: the number of measurements.
      seconds: the least number of seconds of each.
    """

    number: int
    seconds: float


def reading_rate(batches: Batches, windows: Windows) -> Rate:
    """Measures the images a second that are read as training reads them."""
    iterator = iter(batches.from_step(batches.first_step))
    images = images_of(batches)
    return rate(lambda: next(iterator), images, windows.number, windows.seconds)


def images_of(batches: Batches) -> int:
    """Returns the number of images of a batch, those of the extra ones included."""
    extra = (images.batch_size for images in batches.extra.values())
    return batches.batch_size + sum(extra)


def measure(
    settings: Config, names: Sequence[str], windows: Windows
) -> tuple[dict, str]:
    """Measures the reading of data sets; returns the record and a table.

    Args:
      settings: the settings.
      names: the data sets; none: all that are built.
      windows: how rates are measured.

    Raises:
      ValueError: a name is none of a data set.
    """
    unknown = sorted(set(names) - set(DATASETS))
    if unknown:
        raise ValueError(
            f"--benchmark_datasets={','.join(unknown)}: "
            f"{', '.join(DATASETS)} are known."
        )
    record = {}
    for name in names or DATASETS:
        print(f"Reading {name}.", file=sys.stderr, flush=True)
        try:
            record[name] = _read(name, settings, windows)
        except (ValueError, OSError) as error:
            record[name] = {NOT_MEASURED: str(error).splitlines()[0]}
    return record, _table(record)


def _read(name: str, settings: Config, windows: Windows) -> dict:
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
    size, seed = settings.schedule.multi_task_batch_size, settings.run.seed
    disk = Split(data.builder, "train", tasks, "disk")
    record = {
        "name": data.builder.info.full_name,
        "examples": len(disk),
        "image_size": disk.info.image_size,
        "tasks": list(tasks),
        "batch_size": size,
        "disk": reading_rate(Batches(disk, size, seed), windows),
    }
    if fits_in_memory(disk):
        memory = Split(data.builder, "train", tasks, "memory")
        record["memory"] = reading_rate(Batches(memory, size, seed), windows)
    return record


def _table(record: dict) -> str:
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
