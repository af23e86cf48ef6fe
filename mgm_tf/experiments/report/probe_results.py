"""The probe results of the encoders of a row (`mgm_tf.probe`)."""

import math
from collections.abc import Callable, Iterable, Mapping

from mgm_tf.experiments.report.runs import Run


def of_row(trainings: Iterable[Mapping[int, Run]]) -> dict | None:
    """Returns the means over all probed runs of a row, of all its networks.

    Args:
      trainings: the finished runs of each training of the row, by seed.

    Returns:
      `linear_probe` and `nearest_neighbours`, accuracies of the scene, and
      `kernel_distance` of generated images; None of what no run has. None itself if no
      run was measured.
    """
    measured = [run.probe for runs in trainings for run in runs.values() if run.probe]
    if not measured:
        return None
    return {name: _mean(measured, read) for name, read in READERS.items()}


def _scene(name: str) -> Callable[[dict], float | None]:
    return lambda record: (record.get("scene") or {}).get(name)


READERS: dict[str, Callable[[dict], float | None]] = {
    "linear_probe": _scene("linear_probe"),
    "nearest_neighbours": _scene("nearest_neighbours"),
    "kernel_distance": lambda record: (record.get("kernel_distance") or {}).get("mean"),
}


def _mean(records: list[dict], read: Callable[[dict], float | None]) -> float | None:
    values = [read(record) for record in records]
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) / len(known) if known else None
