"""The records of evaluations, `eval/SPLIT.json` in a run's folder.

That of another checkpoint than the best is `eval/SPLIT.CHECKPOINT.json`.

Metrics of different rules are never averaged or compared: who reads a record asks
whether it `is_current`. Nothing here needs TensorFlow.
"""

import pathlib
from collections.abc import Mapping

from mgm_tf.config.options import StageLength
from mgm_tf.config.saved import BEST, BEST_OF_JOINT, FILE, LAST
from mgm_tf.files import reading
from mgm_tf.tasks.metrics_version import METRICS_VERSION

VERSION = "metrics_version"
ONE_STEP = "1steps"
# checkpoint -> what tells its files from those of the best
SUFFIXES = {BEST: "", BEST_OF_JOINT: f".{BEST_OF_JOINT}", LAST: f".{LAST}"}


def path_of(workdir: pathlib.Path, split: str, checkpoint: str = BEST) -> pathlib.Path:
    """Returns the file of the metrics of a run's checkpoint on a split."""
    return workdir / "eval" / f"{split}{SUFFIXES[checkpoint]}.json"


def compared(workdir: pathlib.Path) -> pathlib.Path:
    """Returns the file of the metrics by which experiments compare a run."""
    return path_of(workdir, "test", compared_checkpoint(workdir))


def compared_checkpoint(workdir: pathlib.Path) -> str:
    """Returns the name of the checkpoint by which experiments compare a run.

    It is the best of the joint stage: if stage 1 was better, a row of MGM would else be
    one of MT in disguise. Of a run without a joint stage it is the best of all.

    Raises:
      ValueError: the file of the run's settings is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return BEST_OF_JOINT
    return compared_by(reading.read_json(path, remedy="Put a copy of it back."))


def compared_by(settings: Mapping[str, Mapping]) -> str:
    """Returns the name of that checkpoint, by the groups of a run's settings."""
    length = settings.get("schedule", {}).get("joint_length", ONE_STEP)
    return BEST_OF_JOINT if StageLength.parse(length).amount else BEST


def read(path: pathlib.Path) -> dict | None:
    """Returns a record, whatever its version; None if there is no such file.

    Raises:
      ValueError: the file is no JSON, or holds no object.
    """
    if not path.exists():
        return None
    return reading.read_json(path, remedy="Remove the file and evaluate the run again.")


def version_of(record: Mapping[str, object]) -> object:
    """Returns the version of a record's metrics; 1 where it has none."""
    return record.get(VERSION, 1)


def is_current(record: Mapping[str, object]) -> bool:
    """Returns whether the metrics of a record are computed as they are today."""
    return version_of(record) == METRICS_VERSION


def read_current(path: pathlib.Path) -> dict | None:
    """Returns a record of today's metrics; None if there is no such file.

    Raises:
      ValueError: the file is no record, or its metrics follow other rules.
    """
    record = read(path)
    if record is not None:
        remedy = (
            "Evaluate the run again, `python -m mgm_tf.evaluate "
            f"--workdir={path.parent.parent}` (the present file is kept beside the new "
            "one), or leave its folder out. `python -m mgm_tf.experiments run` does so "
            "for all runs of its tables."
        )
        check_current(record, path, remedy)
    return record


def check_current(
    record: Mapping[str, object], path: pathlib.Path, remedy: str
) -> None:
    """Refuses metrics by other rules than today's.

    Raises:
      ValueError: they are; the message names the file and has the remedy.
    """
    if not is_current(record):
        raise ValueError(
            f"{path}: expected metrics of version {METRICS_VERSION}, found version "
            f"{version_of(record)}, whose rules are others. {remedy}"
        )


def keep_other_version(path: pathlib.Path) -> pathlib.Path | None:
    """Makes room for a new record; one by other rules goes on under another name.

    Args:
      path: the file `eval/SPLIT.json`.

    Returns:
      `eval/SPLIT.metrics-VERSION.json`; None if there was nothing to keep.

    Raises:
      ValueError: the file is no record.
    """
    record = read(path)
    if record is None or is_current(record):
        return None
    return path.replace(path.with_suffix(f".metrics-{version_of(record)}.json"))
