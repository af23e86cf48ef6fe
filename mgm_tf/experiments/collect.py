"""Records of runs: all that reports need of a run's folder, in one small file.

    python -m mgm_tf.experiments collect --runs=runs/few_labels --workdir=results

writes `results/NAME.run.json` of each run: settings, starts, costs, evaluations, and of
the log the lines of validation and of events. `report --runs=results` makes of them
what it makes of the folders, but for pictures. A record says nothing of where and by
whom a run was trained: paths become names, and what names a machine is left out.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from mgm_tf.config.places import without_places
from mgm_tf.experiments.report.runs import CONFIG, RECORD, REMEDY, Run
from mgm_tf.files import reading, whole

LONGEST = 200  # letters of the name of a file, without its ending
DIGITS = 6  # of a number in a log: more than any table shows
LOG = "log"  # the part of a record that has a line of text for each of its own
_TIMES = frozenset({"time"})
_KEPT = ("validation/", "event")


def write(run: Run, folder: pathlib.Path) -> pathlib.Path:
    """Writes the record of a run into a folder; returns its path.

    The same run gives the same bytes. A record that is there is replaced.

    Raises:
      ValueError: a file of the run is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_short_name(run.name)}{RECORD}"
    whole.write_text(path, as_text(record(run)))
    return path


def _short_name(name: str) -> str:
    """Returns a name that a file can have; the record has the whole one."""
    if len(name) <= LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9]}~{mark}"


def record(run: Run) -> dict[str, Any]:
    """Returns what is recorded of a run, JSON values.

    Returns:
      `name`; `settings` by group; `starts`: code, versions, data and sources; `costs`;
      `evaluations`: the name of a file in `eval/` without its ending -> its content;
      and `log`.
    """
    settings = reading.read_json(run.folder / CONFIG, remedy=REMEDY)
    evaluations = {
        path.stem: reading.read_json(path, remedy=REMEDY)
        for path in sorted((run.folder / "eval").glob("*.json"))
    }
    return {
        "name": run.name,
        "settings": without_places(settings),
        "starts": [without_places(start) for start in run.starts],
        "costs": without_places(run.costs),
        "evaluations": without_places(evaluations),
        "log": [
            _short(line)
            for line in run.log
            if any(name.startswith(_KEPT) for name in line)
        ],
    }


def as_text(contents: Mapping[str, Any]) -> str:
    """Returns a record as JSON, a line of the log in a line: it can be compared."""
    head = dict(contents)
    lines = ",\n".join(f"  {json.dumps(line)}" for line in head.pop(LOG))
    text = json.dumps(head, indent=1, ensure_ascii=False, allow_nan=False)
    begin = text.removesuffix("\n}")
    return f'{begin},\n "{LOG}": [\n{lines}\n ]\n}}\n'


def _short(line: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a line of a log without the time of day, numbers rounded."""
    return {
        name: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for name, value in without_places(line).items()
        if name not in _TIMES
    }
