"""The costs of a step, read off its graph, and those of a run, in its `costs.json`.

The file holds the parameters of each network, the time and the speed of each stage
(validations and pictures left out), the time in which statistics for test time were
estimated, the operations of a step and the peak memory. A run that is continued adds to
it.
"""

import collections
import dataclasses
import json
import pathlib
import resource
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.errors import DamagedFile
from mgm_tf.files import reading, whole
from mgm_tf.method.stages import Stage
from mgm_tf.plotting import terminal

FILE = "costs.json"
# The operations that run another graph.
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
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
    terminal.Column("length"),
)


@dataclasses.dataclass(frozen=True)
class StepCosts:
    """The costs of one step of a stage.

    Attributes:
      flops: the floating-point operations of convolutions, matrix products and what
        else TensorFlow counts; a multiplication and an addition are two.
      activation_bytes: the most memory that intermediate results take at once, if
        operations run in the graph's order and results are freed after their last use.
    """

    flops: int
    activation_bytes: int


def step_costs(model: keras.Model, batch: Mapping[str, tf.TensorSpec]) -> StepCosts:
    """Returns the costs of a training step on such a batch, on one device."""
    step = tf.function(model.train_step).get_concrete_function(dict(batch))
    return StepCosts(flops(step.graph), peak_bytes(step.graph))


def flops(graph: tf.Graph) -> int:
    """Counts the floating-point operations of a graph, as TensorFlow does.

    What the graph calls counts every time that it is called.
    """
    counts: dict[str, int] = {}

    def count(graph: tf.Graph) -> int:
        total = _own_flops(graph)
        for operation in graph.get_operations():
            if operation.type in CALLS:
                name = operation.get_attr("f").name
                if name not in counts:
                    counts[name] = count(_called(operation))
                total += counts[name]
        return total

    return count(graph)


def _called(operation: tf.Operation) -> tf.Graph:
    """Returns the graph that a call runs."""
    # TensorFlow has no public way from a call to what is called.
    return operation.graph._get_function(operation.get_attr("f").name).graph


def _own_flops(graph: tf.Graph) -> int:
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(
        profiler.ProfileOptionBuilder.float_operation()
    )
    profile = profiler.profile(
        graph=graph, cmd="scope", options=options.with_empty_output().build()
    )
    return profile.total_float_ops


def peak_bytes(graph: tf.Graph) -> int:
    """Returns the largest sum of the sizes of results that are still needed."""
    peaks: dict[str, int] = {}

    def peak_of_call(operation: tf.Operation) -> int:
        if operation.type not in CALLS:
            return 0
        name = operation.get_attr("f").name
        if name not in peaks:
            called = _called(operation)
            inputs = frozenset(tensor.name for tensor in called.inputs)
            outputs = [tensor.name for tensor in called.outputs]
            peaks[name] = _peak_bytes(called, peak_of_call, inputs, outputs)
        return peaks[name]

    return _peak_bytes(graph, peak_of_call)


def _peak_bytes(
    graph: tf.Graph,
    peak_of_call: Callable[[tf.Operation], int],
    inputs: frozenset[str] = frozenset(),
    outputs: Sequence[str] = (),
) -> int:
    """Returns the largest sum of the sizes of a graph's own results.

    Args:
      graph: the graph.
      peak_of_call: the same of what an operation calls; 0 if it calls nothing.
      inputs: the names of the tensors that the caller has.
      outputs: the names of those that it is given in the end.
    """
    # Counts down as results are used; a result that is used no more is freed.
    uses: dict[str, int] = collections.Counter(outputs)
    for operation in graph.get_operations():
        uses.update(tensor.name for tensor in operation.inputs)

    def size(tensor: tf.Tensor) -> int:
        return 0 if tensor.name in inputs else _bytes(tensor)

    live = peak = 0
    for operation in graph.get_operations():
        peak = max(peak, live + peak_of_call(operation))
        live += sum(size(tensor) for tensor in operation.outputs if uses[tensor.name])
        peak = max(peak, live)
        for tensor in operation.inputs:
            uses[tensor.name] -= 1
            live -= 0 if uses[tensor.name] else size(tensor)
    return peak


def _bytes(tensor: tf.Tensor) -> int:
    return (tensor.shape.num_elements() or 0) * tensor.dtype.size


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
    # Weights, gradients and the two averages of Adam, 4 bytes each.
    fixed = 16 * sum(counts.values())
    rows: list[Sequence[str] | str] = []
    for stage, costs in stages.items():
        memory = (costs.activation_bytes + fixed) / 2**30
        numbers = str(stage.batch_size), f"{costs.flops / 1e9:.1f}", f"{memory:.2f}"
        rows.append((stage.name, *numbers, lengths[stage.name]))
        rows += [
            f"    {update.name:<22}-> {', '.join(update.trains)}"
            for update in stage.updates
        ]
    return (
        f"{terminal.table(NETWORK_COLUMNS, parameters)}\n\n"
        f"{terminal.table(STAGE_COLUMNS, rows)}\n\n"
        "GFLOP and GiB: of a step, on one device, read off its graph.\n"
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
