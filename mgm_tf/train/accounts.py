"""What a run costs, in its folder: `costs.json`.

Parameters of each network, time and speed of each stage (validations and pictures
apart), operations of a step, peak memory. A run that goes on adds to it.
"""

import json
import pathlib
import resource
from collections.abc import Mapping

import tensorflow as tf

from mgm_tf.train import costs

FILE = "costs.json"
PREDICTING = ("encoder", "decoders")


class RunCosts:
    """The costs of a run so far.

    Attributes:
      record: JSON values.
    """

    def __init__(self, workdir: pathlib.Path):
        """Goes on with what is in the folder, if there is something."""
        self._path = workdir / FILE
        empty: dict = {"parameters": {}, "wall_seconds": 0.0, "stages": {}}
        known = self._path.exists()
        self.record: dict = json.loads(self._path.read_text()) if known else empty

    def networks(self, counts: Mapping[str, int]) -> None:
        """Notes the trainable parameters of each network."""
        self.record["parameters"] = dict(counts)
        self.record["prediction_parameters"] = sum(counts[name] for name in PREDICTING)

    def spent(self, stage: str, steps: int, seconds: float, batch_size: int) -> None:
        """Adds steps of a stage and the time that they took."""
        entry = self._stage(stage)
        entry["steps"] += steps
        entry["seconds"] += seconds
        entry["batch_size"] = batch_size
        images = entry["steps"] * batch_size
        entry["images_per_second"] = images / max(entry["seconds"], 1e-9)
        self.record["wall_seconds"] += seconds

    def step_of(self, stage: str, graph: tf.Graph | None) -> None:
        """Notes the operations of a step; without a graph they are not known."""
        entry = self._stage(stage)
        if graph is not None and entry["flops_per_step"] is None:
            entry["flops_per_step"] = costs.flops(graph)

    def save(self) -> None:
        """Writes the record."""
        self.record["peak_memory_bytes"] = peak_memory()
        text = json.dumps(self.record, indent=2) + "\n"
        self._path.write_text(text)

    def _stage(self, name: str) -> dict:
        empty = {"steps": 0, "seconds": 0.0, "flops_per_step": None}
        return self.record["stages"].setdefault(name, empty)


def peak_memory() -> int:
    """The most bytes in use at once: of the first GPU, else of this process."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.config.experimental.get_memory_info(gpus[0].name[-5:])["peak"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
