"""What many GPUs would gain, predicted from a step's operations and bytes; a model.

A step on n devices takes the time of its operations, of the gradients' exchange and of
the many small exchanges, one after another:

    t(n) = flops(batch of a device) / (achieved share * peak)
         + 2 (n - 1) / n * bytes / slowest link                    (ring all-reduce)
         + exchanges * 2 log2(n) * latency                         (of trees)

Nothing overlaps: the updates of Algorithm 1 follow one another, and each needs the
gradients of all devices before the next begins. Batch statistics and contrasts are
exchanged in every pass. What is left out: reading, evaluations, stragglers.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from mgm_tf import networks
from mgm_tf.config.settings import Config
from mgm_tf.method.stages import Stage
from mgm_tf.plotting import terminal
from mgm_tf.train import costs, dry_run
from mgm_tf.train.experiment import Experiment

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
GRADIENT_BYTES = 4  # of a weight, float32
# Operations that normalise by the batch, or pass its gradient on: an exchange each.
NORMALIZATIONS = frozenset({"FusedBatchNormV3", "FusedBatchNormGradV3"})


@dataclasses.dataclass(frozen=True)
class Link:
    """A way between devices.

    Attributes:
      name: its name.
      bytes_per_second: what it carries in one direction.
      latency: the seconds that a small message takes.
    """

    name: str
    bytes_per_second: float
    latency: float


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine with GPUs.

    Attributes:
      name: the name of the GPU.
      peak: its operations a second in TF32, as its data sheet says, without sparsity.
      devices: the number of GPUs.
      inside: the link between them.
    """

    name: str
    peak: float
    devices: int
    inside: Link


# Interpretation: thin convolutions of 128 px reach a part of a data sheet's peak.
ACHIEVED = 0.25
MACHINES = (
    Machine("A100", 156e12, 8, Link("NVLink", 300e9, 5e-6)),
    Machine("H100", 494e12, 8, Link("NVLink", 450e9, 5e-6)),
)
NETWORKS = (
    Link("100 Gb/s", 12.5e9, 20e-6),
    Link("25 Gb/s", 3.125e9, 20e-6),
)


@dataclasses.dataclass(frozen=True)
class Work:
    """What a step computes and exchanges.

    Attributes:
      flops: the operations of an image of the batch.
      gradient_bytes: the bytes of all gradients of a step.
      exchanges: the number of exchanges, whatever their size.
    """

    flops: float
    gradient_bytes: int
    exchanges: int


def step_seconds(
    work: Work, batch_size: float, number: int, machine: Machine, network: Link
) -> float:
    """Predicts the seconds of a step.

    Args:
      work: the step.
      batch_size: the number of images of each device.
      number: the number of devices; machines are filled one by one.
      machine: the machines.
      network: the link between machines, of which each has one.
    """
    computing = work.flops * batch_size / (ACHIEVED * machine.peak)
    link = machine.inside if number <= machine.devices else network
    carried = 2 * (number - 1) / number * work.gradient_bytes / link.bytes_per_second
    waiting = work.exchanges * 2 * math.log2(number) * link.latency
    return computing + carried + waiting


def efficiency(
    work: Work, batch_size: float, number: int, machine: Machine, network: Link
) -> float:
    """Predicts the speed of `number` devices by that of one, over their number.

    Each of them has `batch_size` images: the global batch grows with the number.
    """
    one = step_seconds(work, batch_size, 1, machine, network)
    return one / step_seconds(work, batch_size, number, machine, network)


def speedup(
    work: Work, global_batch: float, number: int, machine: Machine, network: Link
) -> float:
    """Predicts how many times as fast a step of the same global batch is."""
    one = step_seconds(work, global_batch, 1, machine, network)
    own = global_batch / number
    return one / step_seconds(work, own, number, machine, network)


def work_of(
    stage: Stage, counts: Mapping[str, int], graph: tf.Graph, images: int
) -> Work:
    """Returns what a step of a stage computes and exchanges.

    Args:
      stage: the stage; a network is exchanged for every update that trains it.
      counts: network -> number of trainable parameters.
      graph: the graph of the step.
      images: the number of labelled images of its batch.
    """
    trained = [name for update in stage.updates for name in update.trains]
    parameters = sum(counts[name] for name in trained)
    normalizations = sum(
        operation.type in NORMALIZATIONS for operation in graph.get_operations()
    )
    return Work(
        costs.flops(graph) / images,
        GRADIENT_BYTES * parameters,
        normalizations + len(trained),
    )


def measure(settings: Config) -> tuple[dict, str]:
    """Predicts the efficiency of the last stage; returns the record and tables."""
    experiment = Experiment(settings)
    stage = experiment.plan(dry_run.examples_of(experiment))[-1]
    model = experiment.model(stage, experiment.optimizers(stage))
    spec = dry_run.batch_of(experiment, stage)
    graph = tf.function(model.train_step).get_concrete_function(spec).graph
    counts = networks.parameter_counts(experiment.networks)
    work = work_of(stage, counts, graph, stage.batch_size)
    record = {
        "stage": stage.name,
        "batch_size": stage.batch_size,
        "achieved_share_of_peak": ACHIEVED,
        **dataclasses.asdict(work),
        "rows": _rows(work, stage.batch_size),
    }
    return record, _table(record)


def _rows(work: Work, batch_size: int) -> list[dict]:
    return [
        {
            "gpu": machine.name,
            "network": network.name,
            "gpus": number,
            "efficiency": efficiency(work, batch_size, number, machine, network),
            "speedup_of_the_same_batch": speedup(
                work, batch_size, number, machine, network
            ),
        }
        for machine in MACHINES
        for network in NETWORKS
        for number in NUMBERS
    ]


def _table(record: dict) -> str:
    columns = (
        terminal.Column("GPUs, network", 18),
        *(terminal.Column(str(number), 6, right=True) for number in NUMBERS),
    )

    def table(key: str, form: str) -> str:
        cells: dict[str, list[str]] = {}
        for row in record["rows"]:
            name = f"{row['gpu']}, {row['network']}"
            cells.setdefault(name, []).append(format(row[key], form))
        rows: Sequence[Sequence[str]] = [(name, *each) for name, each in cells.items()]
        return terminal.table(columns, rows)

    batch = record["batch_size"]
    return (
        f"Predicted, stage {record['stage']}: {record['flops'] / 1e9:,.1f} GFLOP an "
        f"image, {record['gradient_bytes'] / 2**20:,.0f} MiB of gradients and "
        f"{record['exchanges']} exchanges a step; {ACHIEVED:.0%} of the peak.\n\n"
        f"Efficiency with {batch} images on each GPU:\n"
        f"{table('efficiency', '.0%')}\n\n"
        f"Times as fast with {batch} images in all:\n"
        f"{table('speedup_of_the_same_batch', '.1f')}\n"
    )
