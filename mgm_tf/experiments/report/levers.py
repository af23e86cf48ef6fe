"""What was tried: runs of a row with further settings, beside the row's own.

A run `rooms-labelled_percent25-mgm+after_stage_1-synthesis_factor0.3-seed0` is one of
the row whose runs are `rooms-labelled_percent25-mgm+after_stage_1-seed0`, with another
`--synthesis_factor`. Choices are made on validation: so these runs are compared by it,
at the step of their best score in the last stage, and need no test.
"""

from collections.abc import Mapping, Sequence

from mgm_tf.experiments.registry.names import flags_behind, stem_and_seed
from mgm_tf.experiments.registry.records import Flags
from mgm_tf.experiments.report import statistics
from mgm_tf.experiments.report.curves import SCORE
from mgm_tf.experiments.report.runs import Run

Levers = list[dict]


def of_block(block: dict, runs: Mapping[str, Run]) -> Levers:
    """Returns the rows of a block with further settings, and those that they vary.

    Where a row has not been run as it is, its variations are compared with the one that
    has nothing but the settings that all of them share.

    Args:
      block: the record from `Blocks.of`.
      runs: all runs by name.

    Returns:
      Of each row with variations first what they vary, then these: `row`; `flags` as
      on a command line, of a variation those that what it varies has not; `varies`;
      `runs`, the names; `values`: `validation/score` and each task's figure of the
      block's columns -> a `statistics.summary`, or None where no run was validated;
      `against` what it varies, None of that itself: `gain` of the score over the
      `seeds` that both have, and the paired `test`, see `statistics.paired`.
    """
    by_stem: dict[str, dict[int, Run]] = {}
    for name, run in runs.items():
        known = stem_and_seed(name)
        if known:
            by_stem.setdefault(known[0], {})[known[1]] = run
    shown = {stem for row in block["rows"] for stem in row["stems"].values()}
    found: Levers = []
    for row in block["rows"]:
        for own in dict.fromkeys(row["stems"].values()):
            tried = {
                flags: by_stem[stem]
                for stem in sorted(by_stem.keys() - shown)
                if (flags := flags_behind(own, stem))
            }
            tasks = [task for task, stem in row["stems"].items() if stem == own]
            columns = [c for c in block["columns"] if c["task"] in tasks]
            name = row["name"] if len(tasks) > 1 else f"{row['name']}, {tasks[0]}"
            if tried:
                found += _compared(name, tried, by_stem.get(own, {}), columns)
    return found


def _compared(
    name: str,
    tried: Mapping[Flags, Mapping[int, Run]],
    as_it_is: Mapping[int, Run],
    columns: Sequence[dict],
) -> Levers:
    """Returns the entries of a row, what is varied first."""
    shared: Flags = ()
    if not as_it_is:
        first, *others = tried
        shared = tuple(flag for flag in first if all(flag in one for one in others))
    base = as_it_is or tried.get(shared, {})
    measured = _measured(base, columns)
    entries = [_entry(name, shared, base, measured, None, varies=False)]
    for flags, runs in tried.items():
        if flags != shared:
            values = _measured(runs, columns)
            further = tuple(flag for flag in flags if flag not in shared)
            against = _against(values[SCORE], measured[SCORE])
            entries.append(_entry(name, further, runs, values, against, varies=True))
    return entries


def _entry(
    row: str,
    flags: Flags,
    runs: Mapping[int, Run],
    values: dict,
    against: dict | None,
    *,
    varies: bool,
) -> dict:
    return {
        "row": row,
        "flags": " ".join(f"--{name}={value}" for name, value in flags),
        "varies": varies,
        "runs": [run.name for run in runs.values()],
        "values": values,
        "against": against,
    }


def best_of_the_last_stage(run: Run) -> dict | None:
    """Returns the line of the log with the best score in the run's last stage."""
    lines = [line for line in run.log if line.get(SCORE) is not None]
    last = [line for line in lines if line.get("stage") == lines[-1].get("stage")]
    return max(last, key=lambda line: line[SCORE], default=None)


def _measured(runs: Mapping[int, Run], columns: Sequence[dict]) -> dict:
    """Returns the validation of runs at their best, name -> summary over the seeds."""
    best = {seed: best_of_the_last_stage(run) for seed, run in sorted(runs.items())}
    names = {SCORE: SCORE} | {
        column["task"]: f"validation/{column['task']}/{column['metric']}"
        for column in columns
    }
    return {key: _summary(best, name) for key, name in names.items()}


def _summary(lines: Mapping[int, dict | None], name: str) -> dict | None:
    values = {
        seed: line[name]
        for seed, line in lines.items()
        if line is not None and line.get(name) is not None
    }
    return statistics.summary(values) if values else None


def _against(own: dict | None, base: dict | None) -> dict | None:
    """Returns by how much a score is above the row's, over the seeds of both."""
    if own is None or base is None:
        return None
    seeds = own["values"].keys() & base["values"].keys()
    if not seeds:
        return None
    gains = [own["values"][seed] - base["values"][seed] for seed in sorted(seeds)]
    return {
        "gain": sum(gains) / len(gains),
        "seeds": len(gains),
        "test": statistics.paired(own["values"], base["values"]),
    }
