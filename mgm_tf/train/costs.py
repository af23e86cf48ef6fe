"""The costs of a step, read off its graph, and those of a run, in its `costs.json`.

The file holds the parameters of each network, the time and the speed of each stage
(validations and pictures left out), the time in which statistics for test time were
estimated, the operations of a step and the peak memory. A run that is continued adds to
it.
"""

import dataclasses
import json
import math
import pathlib
import resource
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.errors import DamagedFile
from mgm_tf.files import reading, whole
from mgm_tf.method.stages import Stage
from mgm_tf.plotting import terminal
from mgm_tf.train import memory

FILE = "costs.json"
# On a CPU: TensorFlow itself and the program, and an operation of a step's graph, which
# Python and TensorFlow each keep; measured.
FRAMEWORK_BYTES, OPERATION_BYTES = 800 * 2**20, 25_000
PREDICTION_NETWORKS = ("encoder", "decoders")

NETWORK_COLUMNS = (
    terminal.Column("network", 16),
    terminal.Column("parameters", 14, right=True),
)
STAGE_COLUMNS = (
    terminal.Column("stage", 12),
    terminal.Column("batch", 6, right=True),
    terminal.Column("GFLOP", 10, right=True),
    terminal.Column("GiB", 8, right=True),
    terminal.Column("on a CPU", 9, right=True),
    terminal.Column("length"),
)


@dataclasses.dataclass(frozen=True)
class StepCosts:
    """The costs of one step of a stage.

    Attributes:
      flops: the floating-point operations of convolutions, matrix products and what
        else TensorFlow counts; a multiplication and an addition are two.
      activation_bytes: the most memory that intermediate results take at once.
      operations: the number of operations of its graph.
      state_bytes: the memory of all weights, and of the optimizers of the stage.
    """

    flops: int
    activation_bytes: int
    operations: int = 0
    state_bytes: int = 0

    @property
    def process_bytes(self) -> int:
        """The memory of a process that takes such steps on a CPU, without the data."""
        graph = self.operations * OPERATION_BYTES
        return FRAMEWORK_BYTES + graph + self.device_bytes

    @property
    def device_bytes(self) -> int:
        """The memory of weights, optimizers and intermediate results."""
        return self.state_bytes + self.activation_bytes


def step_costs(model: keras.Model, batch: Mapping[str, tf.TensorSpec]) -> StepCosts:
    """Returns the costs of a training step on such a batch, on one device."""
    step = tf.function(model.train_step).get_concrete_function(dict(batch))
    graph = step.graph
    return StepCosts(
        flops(graph),
        memory.peak_bytes(graph),
        len(graph.get_operations()),
        _state_bytes(model),
    )


def _state_bytes(model: keras.Model) -> int:
    """Returns the memory of the variables of a model and of its optimizers."""
    optimizers = getattr(model, "update_optimizers", {}).values()
    owners = [*getattr(model, "networks", {}).values(), *optimizers]
    variables = {id(v): v for owner in owners for v in owner.variables}
    return sum(
        math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
        for variable in variables.values()
    )


def flops(graph: tf.Graph) -> int:
    """Counts the floating-point operations of a graph, as TensorFlow does.

    What the graph calls counts every time that it is called.
    """
    counts: dict[str, int] = {}

    def count(graph: tf.Graph) -> int:
        total = _own_flops(graph)
        for operation in graph.get_operations():
            if operation.type in memory.CALLS:
                name = operation.get_attr("f").name
                if name not in counts:
                    counts[name] = count(memory.called_graph(operation))
                total += counts[name]
        return total

    return count(graph)


def _own_flops(graph: tf.Graph) -> int:
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(
        profiler.ProfileOptionBuilder.float_operation()
    )
    profile = profiler.profile(
        graph=graph, cmd="scope", options=options.with_empty_output().build()
    )
    return profile.total_float_ops


def table(
    counts: Mapping[str, int],
    stages: Mapping[Stage, StepCosts],
    lengths: Mapping[str, str],
) -> str:
    """Returns a table of the parameters of networks and of the costs of stages.

    Args:
      counts: network -> number of trainable parameters.
      stages: stage -> costs of one of its steps.
      lengths: name of a stage -> its length in words.
    """
    parameters = [
        (name, f"{number:,}")
        for name, number in {**counts, "all": sum(counts.values())}.items()
    ]
    rows: list[Sequence[str] | str] = []
    for stage, costs in stages.items():
        gibibytes = costs.device_bytes / 2**30, costs.process_bytes / 2**30
        numbers = f"{costs.flops / 1e9:.1f}", *(f"{each:.2f}" for each in gibibytes)
        size = str(stage.batch_size)
        rows.append((stage.name, size, *numbers, lengths[stage.name]))
        rows += [
            f"    {update.name:<22}-> {', '.join(update.trains)}"
            for update in stage.updates
        ]
    return (
        f"{terminal.table(NETWORK_COLUMNS, parameters)}\n\n"
        f"{terminal.table(STAGE_COLUMNS, rows)}\n\n"
        "GFLOP and GiB: of a step, on one device, read off its graph. GiB are those\n"
        "of weights, optimizers and results; on a CPU, with TensorFlow and the graph.\n"
        "Data that are kept in memory come on top.\n"
    )


class RunCosts:
    """The costs of a run so far, kept in its folder.

    Attributes:
      record: the content of `costs.json`.
    """

    def __init__(self, workdir: pathlib.Path, record: Mapping[str, Any] | None = None):
        """Continues a record, or begins an empty one.

        Args:
          workdir: the folder of the run.
          record: the record that was noted with the state from which the run goes on;
            None for the one in the folder, if it is there and whole.
        """
        self._path = workdir / FILE
        self.record: dict[str, Any] = {
            "parameters": {},
            "wall_seconds": 0.0,
            "stages": {},
        }
        # A copy, as what follows is added to it.
        self.record |= json.loads(json.dumps(record)) if record else self._kept()
        # Of before: what is recorded of it now counts from now on.
        self._statistics_seconds = self.record.get("statistics_seconds", 0.0)

    def at(self, record: Mapping[str, Any] | None) -> "RunCosts":
        """Returns the costs of the run as they were noted with an earlier state."""
        return RunCosts(self._path.parent, record)

    def record_parameters(self, counts: Mapping[str, int]) -> None:
        """Records the number of trainable parameters of each network."""
        self.record["parameters"] = dict(counts)
        self.record["prediction_parameters"] = sum(
            counts[name] for name in PREDICTION_NETWORKS
        )

    def record_steps(
        self, stage: str, steps: int, seconds: float, batch_size: int
    ) -> None:
        """Adds steps of a stage and the time that they took."""
        entry = self._stage(stage)
        entry["steps"] += steps
        entry["seconds"] += seconds
        entry["batch_size"] = batch_size
        images = entry["steps"] * batch_size
        entry["images_per_second"] = images / max(entry["seconds"], 1e-9)
        self.record["wall_seconds"] += seconds

    def record_statistics(self, seconds: float) -> None:
        """Adds the time that statistics of batch normalization have taken to estimate.

        Args:
          seconds: the time since the run was begun or resumed.
        """
        self.record["statistics_seconds"] = self._statistics_seconds + seconds

    def record_flops(self, stage: str, graph: tf.Graph | None) -> None:
        """Records the operations of a step; without a graph they stay unknown."""
        entry = self._stage(stage)
        # Counting takes long, and a stage has one graph.
        if graph is not None and entry["flops_per_step"] is None:
            entry["flops_per_step"] = flops(graph)

    def save(self) -> None:
        """Writes the record to the folder."""
        self.record["peak_memory_bytes"] = peak_memory()
        whole.write_json(self._path, self.record)

    def _kept(self) -> dict[str, Any]:
        try:
            return reading.read_json(self._path, remedy="What it had is lost.")
        except FileNotFoundError:
            return {}
        except DamagedFile as error:
            print(error)
            return {}

    def _stage(self, name: str) -> dict[str, Any]:
        empty = {"steps": 0, "seconds": 0.0, "flops_per_step": None}
        return self.record["stages"].setdefault(name, empty)


def peak_memory() -> int:
    """Returns the most bytes in use at once, of the first GPU or else this process."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.config.experimental.get_memory_info(gpus[0].name[-5:])["peak"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
