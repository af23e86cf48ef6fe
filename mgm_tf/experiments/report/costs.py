"""What a row of a table costs: parameters, time, memory, operations."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from mgm_tf.experiments.report.runs import Run


def of_row(trainings: Iterable[Mapping[int, Run]]) -> dict | None:
    """Returns the costs of all networks of a row, each the mean over its seeds.

    Args:
      trainings: the finished runs of each training of the row, by seed.

    Returns:
      `trained_parameters` and `prediction_parameters`; `seconds` of all trainings one
      after the other; `images_per_second` of the last stage, of an image that goes
      through the networks of all trainings; `flops` of all steps and
      `flops_per_step` of the last stage, summed;
      `peak_memory_bytes`, the largest; `machines`. What is not known of a training is
      None of the row. None itself if no run has measured anything.
    """
    parts = [list(runs.values()) for runs in trainings]
    runs = [run for part in parts for run in part]
    if not any(run.costs for run in runs):
        return None
    paces = [_mean(part, _pace) for part in parts]
    known = [pace for pace in paces if pace]
    return {
        "trained_parameters": _sum(parts, _trained),
        "prediction_parameters": _sum(parts, _entry("prediction_parameters")),
        "seconds": _sum(parts, _entry("wall_seconds")),
        "images_per_second": (
            1 / sum(1 / pace for pace in known) if len(known) == len(paces) else None
        ),
        "flops": _sum(parts, _all_flops),
        "flops_per_step": _sum(parts, _flops),
        "peak_memory_bytes": _largest(parts, _entry("peak_memory_bytes")),
        "machines": list(dict.fromkeys(machine(run) for run in runs if run.starts)),
    }


def machine(run: Run) -> str:
    """Names the machine where a run was last computed."""
    record = run.starts[-1].get("machine", {})
    gpus = record.get("gpus") or []
    if gpus:
        kinds = " and ".join(dict.fromkeys(gpus))
        return f"{len(gpus)} x {kinds}" if len(gpus) > 1 else kinds
    return f"{record.get('cpus', 'unknown')} CPU cores"


Reader = Callable[[dict], float | None]


def _entry(name: str) -> Reader:
    return lambda costs: costs.get(name)


def _trained(costs: dict) -> float | None:
    parts = costs.get("parameters")
    return sum(parts.values()) if parts else None


def _last_stage(costs: dict) -> dict:
    stages = list((costs.get("stages") or {}).values())
    return stages[-1] if stages else {}


def _pace(costs: dict) -> float | None:
    return _last_stage(costs).get("images_per_second")


def _flops(costs: dict) -> float | None:
    return _last_stage(costs).get("flops_per_step")


def _all_flops(costs: dict) -> float | None:
    """Returns the operations of all steps of all stages; None if one's are not known.

    Those of runs with which this one began are not among them.
    """
    stages = list((costs.get("stages") or {}).values())
    each = [(s.get("steps"), s.get("flops_per_step")) for s in stages]
    if not each or any(steps is None or flops is None for steps, flops in each):
        return None
    return math.fsum(steps * flops for steps, flops in each)


def _mean(runs: Sequence[Run], read: Reader) -> float | None:
    values = [read(run.costs) for run in runs if run.costs]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _sum(parts: Sequence[Sequence[Run]], read: Reader) -> float | None:
    means = [_mean(part, read) for part in parts]
    known = [mean for mean in means if mean is not None]
    return math.fsum(known) if len(known) == len(means) else None


def _largest(parts: Sequence[Sequence[Run]], read: Reader) -> float | None:
    means = [_mean(part, read) for part in parts]
    known = [mean for mean in means if mean is not None]
    return max(known) if known and len(known) == len(means) else None
