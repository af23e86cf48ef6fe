"""The settings of a run on disk: written, read again, compared."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from datasets.files import records
from mgm_tf.config import options, paths
from mgm_tf.config.settings import Config
from mgm_tf.files import reading, whole

FILE = "config.json"

# The names of a run's checkpoints.
LAST, BEST, BEST_OF_JOINT = "last", "best", "best_of_joint"
CHECKPOINTS = (BEST, BEST_OF_JOINT, LAST)


def as_flagfile(settings: Config) -> str:
    """Returns the settings as a flag file that repeats the run."""
    lines = []
    for name, value in options.settings(settings).items():
        text = ",".join(value) if isinstance(value, tuple) else value
        lines.append(f"--{name}={text}")
    return "\n".join(lines) + "\n"


def save(settings: Config, workdir: pathlib.Path) -> None:
    """Writes `config.json` and `config.flags` into the run's folder."""
    whole.make_folder(workdir)
    whole.write_text(workdir / "config.flags", as_flagfile(settings))
    whole.write_json(workdir / FILE, dataclasses.asdict(settings))


def load(workdir: pathlib.Path) -> Config:
    """Reads the settings of the run in `workdir`.

    An option that was not there yet has the value by which the run has been trained.

    Raises:
      FileNotFoundError: there is no run in the folder.
      ValueError: the file is damaged, or does not hold the settings of this version.
    """
    path = workdir / FILE
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: {workdir} is not the --workdir of a training run."
        )
    remedy = (
        "Put a copy of it back; config.flags beside it has the same settings, and "
        "training with --restart begins anew."
    )
    groups = reading.read_json(path, remedy=remedy)
    for name, group in groups.items():
        records.an_object(f"{path}: {name}", group)
    saved = {name: value for group in groups.values() for name, value in group.items()}
    return of_record(path, saved)


def of_record(path: pathlib.Path, values: Mapping[str, object]) -> Config:
    """Returns the settings of a record: name -> value, as JSON has it.

    Args:
      path: the file that holds the record.
      values: the record.

    Raises:
      ValueError: they are not the settings of this version.
    """
    before = {
        name: field.metadata["before"]
        for name, field in options.leaves(Config).items()
        if field.metadata["before"] is not None
    }
    flat = before | dict(values)
    names = set(options.leaves(Config))
    if set(flat) != names:
        raise ValueError(
            f"{path}: expected the settings of this version; missing "
            f"{sorted(names - set(flat))}, unknown {sorted(set(flat) - names)}."
        )
    return options.build(Config, _checked(path, flat))


def _checked(path: pathlib.Path, flat: Mapping[str, object]) -> dict[str, object]:
    """Returns settings whose values are of the types of `Config`; raises ValueError."""
    fields = options.leaves(Config)
    try:
        return {k: records.check(fields[k].type, k, value) for k, value in flat.items()}
    except ValueError as error:
        raise ValueError(f"{path}: {error}.") from error


def _compared(settings: Config) -> dict[str, object]:
    """Returns settings as they are compared: a folder is one, however it is named."""
    fields = options.leaves(Config)
    return {
        name: paths.absolute_value(value) if fields[name].metadata["folder"] else value
        for name, value in options.settings(settings).items()
    }


def lasting(settings: Config) -> dict[str, Any]:
    """Returns the settings that may not change in a run, name -> JSON value."""
    flat = options.settings(settings)
    return {
        name: list(flat[name]) if isinstance(flat[name], tuple) else flat[name]
        for name, field in options.leaves(Config).items()
        if not field.metadata["may_change"]
    }


def differences(old: Config, new: Config) -> list[str]:
    """Returns a line for each setting that differs and may not change in a run."""
    before, after = _compared(old), _compared(new)
    return [
        f"--{name}: {before[name]} before, {after[name]} now"
        for name, field in options.leaves(Config).items()
        if before[name] != after[name] and not field.metadata["may_change"]
    ]
