"""Builds a data set, or audits it: `python -m mgm_tf.data --dataset=nyuv2 …`.

    python -m mgm_tf.data --dataset=nyuv2 --manual_dir=FOLDER --data_dir=data
    python -m mgm_tf.data --dataset=nyuv2 --data_dir=data --audit

Training builds what it needs by itself; this does it before, and shows what there is.
"""

import pathlib
from collections.abc import Sequence

from absl import flags
from etils import epy

from datasets.metadata import DataInfo, TaskInfo
from mgm_tf.config import checks, command_line, options
from mgm_tf.config import settings as config
from mgm_tf.plotting import terminal

with epy.lazy_imports():
    import tensorflow_datasets as tfds

    from mgm_tf.data import audit, builders
    from mgm_tf.data import splits as stored

_MOST_NAMES = 8


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags(group=config.DataConfig)
    flags.DEFINE_bool(
        "audit",
        False,
        "Whether to audit the built data set and write report.html and report.json, "
        "in the place of building it.",
    )
    flags.DEFINE_string(
        "report_dir",
        None,
        "The folder into which --audit writes its report; none: the folder `audit` in "
        "that of the built data set.",
    )
    flags.DEFINE_list(
        "beam_options",
        [],
        "The options of Apache Beam for data sets that are built by it, such as "
        "runner=FlinkRunner,flink_master=HOST:PORT; none: it runs on this machine.",
    )


def settings() -> config.DataConfig:
    """Returns the settings of parsed flags, checked.

    Raises:
      ValueError: see `checks.check`.
    """
    data = options.from_flags(config.DataConfig, flags.FLAGS)
    checks.check(config.Config(data=data))
    return data


def main() -> int:
    """Builds or audits; returns the exit code: 1 if the audit found errors."""
    data = settings()
    command_line.load_tensorflow()
    builder = builders.open_builder(
        data.dataset, data.protocol, data.image_size, data.data_dir
    )
    if flags.FLAGS.audit:
        return write_audit(builder, flags.FLAGS.report_dir)
    builders.prepare(
        builder, data.manual_dir, data.max_damaged, flags.FLAGS.beam_options
    )
    print(description(builder))
    return 0


def write_audit(builder: "tfds.core.DatasetBuilder", report_dir: str | None) -> int:
    """Audits all splits and tasks, and writes the report.

    Returns:
      the exit code: 1 if there are errors, else 0.

    Raises:
      FileNotFoundError: the data set is not built.
    """
    builders.check_built(builder)
    info = DataInfo.from_metadata(builder.info.metadata)
    splits = {
        name: stored.Split(builder, name, tuple(info.tasks), "disk")
        for name in builder.info.splits
    }
    report = audit.audit(splits, damaged=builders.quarantined(builder))
    folder = pathlib.Path(report_dir or builder.data_path / "audit")
    page = audit.write(report, folder)
    print(audit.summary(report))
    print(f"The report: {page}")
    return int(bool(report.errors))


def description(builder: "tfds.core.DatasetBuilder") -> str:
    """Returns the lines that describe a built data set."""
    info = DataInfo.from_metadata(builder.info.metadata)
    mebibytes = builders.bytes_on_disk(builder) / 2**20
    splits = [
        (name, f"{split.num_examples:,}") for name, split in builder.info.splits.items()
    ]
    tasks = [
        (task.name, _unit(task), task.source or "-") for task in info.tasks.values()
    ]
    left_out = builders.quarantined(builder)
    lines = [
        f"{builder.info.full_name}: {builder.data_path}, {mebibytes:,.1f} MiB, "
        f"{info.image_size} x {info.image_size} pixels",
        "",
        _table(("split", "images"), splits),
        "",
        _table(("task", "unit", "source"), tasks),
        "",
        f"Image label: {info.label_kind}, {len(info.scene_names)} classes"
        f"{_some(info.scene_names)}",
        *(f"  source: {text}" for text in (info.scene_source,) if text),
        f"Left out as damaged: {len(left_out)}",
        *(f"  {row['name']}: {row['reason']}" for row in left_out[:_MOST_NAMES]),
    ]
    return "\n".join(lines + [f"Notes: {text}" for text in (info.notes,) if text])


def _unit(task: TaskInfo) -> str:
    """Returns the unit of a task's values, or the number of its classes."""
    classes = len(task.class_names)
    return f"{task.unit}, one of {classes}" if classes else task.unit or "-"


def _some(names: Sequence[str]) -> str:
    """Returns the first names in brackets."""
    more = ["…"] * (len(names) > _MOST_NAMES)
    return f" ({', '.join([*names[:_MOST_NAMES], *more])})" if names else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return terminal.table([terminal.Column(title) for title in head], rows)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
