"""What a step costs, read off its graph: parameters, memory, operations."""

import collections
import dataclasses
import io
from collections.abc import Mapping

import keras
import tensorflow as tf

from mgm_tf.method.algorithm import Stage


@dataclasses.dataclass(frozen=True)
class StepCosts:
    """The costs of one step of a stage.

    Attributes:
      flops: floating-point operations of convolutions, matrix products and what else
        TensorFlow counts; a multiplication and an addition are two.
      activation_bytes: the most that intermediate results take at once, if operations
        run in the graph's order and results are freed after their last use.
    """

    flops: int
    activation_bytes: int


def step_costs(model: keras.Model, batch: Mapping[str, tf.TensorSpec]) -> StepCosts:
    """The costs of a training step on a batch of this shape, on one device."""
    step = tf.function(model.train_step).get_concrete_function(dict(batch))
    return StepCosts(flops(step.graph), peak_bytes(step.graph))


def flops(graph: tf.Graph) -> int:
    """Floating-point operations of a graph, as TensorFlow counts them."""
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(
        profiler.ProfileOptionBuilder.float_operation()
    )
    counted = profiler.profile(
        graph=graph, cmd="scope", options=options.with_empty_output().build()
    )
    return counted.total_float_ops


def peak_bytes(graph: tf.Graph) -> int:
    """The largest sum of the sizes of results that are still needed."""
    uses: dict[str, int] = collections.Counter()
    for operation in graph.get_operations():
        uses.update(tensor.name for tensor in operation.inputs)
    live = peak = 0
    for operation in graph.get_operations():
        made = [t for t in operation.outputs if uses[t.name]]
        live += sum(_bytes(tensor) for tensor in made)
        peak = max(peak, live)
        for tensor in operation.inputs:
            uses[tensor.name] -= 1
            live -= 0 if uses[tensor.name] else _bytes(tensor)
    return peak


def _bytes(tensor: tf.Tensor) -> int:
    return (tensor.shape.num_elements() or 0) * tensor.dtype.size


def table(
    counts: Mapping[str, int],
    stages: Mapping[Stage, StepCosts],
    lengths: Mapping[str, str],
) -> str:
    """Parameters of each network and the costs of a step of each stage, for a person.

    Args:
      counts: network -> trainable parameters.
      stages: with the costs of a step.
      lengths: stage -> how long it lasts, in words.
    """
    text = io.StringIO()
    print(f"{'network':<16}{'parameters':>14}", file=text)
    for name, number in {**counts, "all": sum(counts.values())}.items():
        print(f"{name:<16}{number:>14,}", file=text)
    # Weights, gradients and the two averages of Adam, 4 bytes each.
    fixed = 16 * sum(counts.values())
    print(f"\n{'stage':<12}{'batch':>6}{'GFLOP':>10}{'GiB':>8}  length", file=text)
    for stage, costs in stages.items():
        memory = (costs.activation_bytes + fixed) / 2**30
        numbers = f"{stage.batch_size:>6}{costs.flops / 1e9:>10.1f}{memory:>8.2f}"
        print(f"{stage.name:<12}{numbers}  {lengths[stage.name]}", file=text)
        for update in stage.updates:
            print(f"    {update.name:<22}-> {', '.join(update.trains)}", file=text)
    print("\nGFLOP and GiB: of a step, on one device, read off its graph.", file=text)
    return text.getvalue()
