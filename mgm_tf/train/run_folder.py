"""The folder of a run: whose it is, and whether there is a run to go on with.

What there is, is told by looking at all files. Nothing is written before it is clear
that the folder is this run's, and nothing of another one is ever lost.
"""

import itertools
import os
import pathlib
import shutil
from typing import Any

from mgm_tf.config import saved
from mgm_tf.config.saved import BEST, BEST_OF_JOINT, LAST
from mgm_tf.config.settings import Config
from mgm_tf.data import pseudo_labels
from mgm_tf.files import lines, lock, whole
from mgm_tf.train import costs, logs, provenance
from mgm_tf.train.checkpoint_files import CheckpointFolder, free_name
from mgm_tf.train.checkpoints import ASIDE, FOLDER, RESTART

# Where --restart moves what is in the folder.
BEFORE = "before"
# What only a run leaves that has begun; of the first checkpoint on, all have one.
_TRACES = (logs.FILE, costs.FILE, "eval", pseudo_labels.FILE)
_OF_STEPS = (logs.FILE, provenance.FILE)


def check(workdir: pathlib.Path, settings: Config) -> bool:
    """Finds out whether the folder holds this run, or none; writes nothing.

    Returns:
      whether there is none yet.

    Raises:
      ValueError: it holds another run, or one that cannot be gone on with.
    """
    traces = _traces(workdir)
    if not (workdir / saved.FILE).exists():
        if traces:
            raise ValueError(
                f"{workdir} holds {', '.join(traces)} of a run, but no {saved.FILE}, "
                f"which says of which. {RESTART}"
            )
        return True
    differences = saved.differences(saved.load(workdir), settings)
    if differences:
        raise ValueError(
            f"{workdir} holds a run with other settings; continue it with the same "
            "ones, or take another --workdir.\n  " + "\n  ".join(differences)
        )
    _check_checkpoints(workdir, settings, traces)
    return False


def _traces(workdir: pathlib.Path) -> list[str]:
    """Returns the names of what a run has left after its first steps."""
    traces = [name for name in _TRACES if (workdir / name).exists()]
    folder = workdir / FOLDER
    names = [
        f"{FOLDER}/{path.name}"
        for which in (LAST, BEST, BEST_OF_JOINT)
        for path in (folder / which, folder / f"{which}.json")
        if path.is_file() or any(step for step in CheckpointFolder(path).steps())
    ]
    return traces + names


def _check_checkpoints(
    workdir: pathlib.Path, settings: Config, traces: list[str]
) -> None:
    folder = CheckpointFolder(workdir / FOLDER / LAST)
    step, faults = folder.newest()
    if step is not None:
        noted = folder.record(step).get("settings", {})
        now = saved.lasting(settings)
        differences = [
            f"--{name}: {noted[name]} there, {now[name]} in {saved.FILE}"
            for name in noted
            if name in now and noted[name] != now[name]
        ]
        if differences:
            raise ValueError(
                f"{workdir}: the checkpoint of step {step} is of a run with other "
                f"settings than {saved.FILE} has. {RESTART}\n  "
                + "\n  ".join(differences)
            )
        _check_companions(workdir, folder.record(step), step)
    elif set(faults) - {0}:
        raise ValueError(
            f"{workdir} holds a run, but no checkpoint to go on from: "
            f"{'; '.join(faults.values())}. {RESTART}"
        )
    elif traces and not faults:
        raise ValueError(
            f"{workdir} holds {', '.join(traces)} of a run, but no checkpoint to go on "
            f"from: {folder.folder} has none. {RESTART}"
        )


def _check_companions(workdir: pathlib.Path, record: dict[str, Any], step: int) -> None:
    """Refuses a state whose labels are made of a file that is gone."""
    for name in record.get("beside", ()):
        if not (workdir / name).exists():
            raise ValueError(
                f"{workdir / name} is missing, and was there at step {step}. "
                f"{pseudo_labels.REMEDY}"
            )


def identity(workdir: pathlib.Path, settings: Config) -> dict[str, Any]:
    """Returns what is noted with the checkpoints, to tell the run from others."""
    return {
        "settings": saved.lasting(settings),
        "data": provenance.began_with(workdir),
    }


def beside(workdir: pathlib.Path) -> list[str]:
    """Returns the names of the files that a state of training depends on."""
    names = (pseudo_labels.FILE,)
    return [name for name in names if (workdir / name).exists()]


def move_aside(workdir: pathlib.Path) -> pathlib.Path | None:
    """Moves what is in the folder into one below it; returns it, None of nothing."""
    # The settings first: without them nothing of the rest is taken for the new run.
    others = {path.name for path in workdir.iterdir()} - {BEFORE, lock.FILE}
    settings = [saved.FILE] * (saved.FILE in others)
    names = [*settings, *sorted(others - {saved.FILE})]
    if not names:
        return None
    numbers = itertools.count(1)
    place = next(
        place for n in numbers if not (place := workdir / BEFORE / str(n)).exists()
    )
    place.mkdir(parents=True)
    for name in names:
        os.replace(workdir / name, place / name)
    return place


def sweep(workdir: pathlib.Path) -> None:
    """Removes the drafts that killed processes of this run have left."""
    folder = workdir / FOLDER
    below = [folder / name for name in (LAST, BEST, BEST_OF_JOINT)]
    for place in (workdir, folder, *below, workdir / "eval", workdir / "exhibits"):
        whole.sweep(place)


def mend_lines(workdir: pathlib.Path) -> list[str]:
    """Removes broken lines from the run's logs and keeps copies of these.

    Returns:
      what was done, a sentence each.
    """
    notes = []
    has_steps = any(CheckpointFolder(workdir / FOLDER / LAST).steps())
    for name in _OF_STEPS:
        path = workdir / name
        broken = lines.broken(path)
        if broken:
            place = free_name(workdir / ASIDE / name)
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, place)
            lines.rewind(path, lambda record: True)
            notes.append(
                f"{path}: expected an object of JSON in each line; {len(broken)} had "
                f"none, the first of them line {broken[0]}. The others stay; the file "
                f"as it was is now {place}."
            )
        elif has_steps and not (path.exists() and path.stat().st_size):
            notes.append(f"{path} is missing or empty; what it had is lost.")
    return notes
