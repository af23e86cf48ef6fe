"""How long training steps take: whole ones and each update alone, variants in turn."""

import dataclasses
import math
import pathlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.benchmark import convolutions
from mgm_tf.benchmark.reading import Windows, images_of, reading_rate
from mgm_tf.benchmark.timing import Rate, Timing, first_call, in_turn, ratios
from mgm_tf.config.settings import Config
from mgm_tf.data.batches import Batches
from mgm_tf.method.stages import Stage
from mgm_tf.plotting import terminal
from mgm_tf.train import costs, memory
from mgm_tf.train.experiment import Experiment

LEAST_RATIO = 3.0  # images read for an image learned from
WHOLE = "step"

COLUMNS = (
    terminal.Column("", 24),
    terminal.Column("milliseconds", 26, right=True),
    terminal.Column("CPU ms", 10, right=True),
    terminal.Column("images/s", 9, right=True),
    terminal.Column("GFLOP", 8, right=True),
    terminal.Column("GFLOP/s", 8, right=True),
    terminal.Column("of peak", 8, right=True),
    terminal.Column("first call", 11, right=True),
    terminal.Column("GiB", 6, right=True),
    terminal.Column("", 24),
)


@dataclasses.dataclass(frozen=True)
class Measured:
    """A step, or an update of it, that is ready to be timed.

    Attributes:
      act: takes it once.
      images: the number of images of a batch.
      flops: its operations.
      activation_bytes: the memory of its intermediate results.
      first_call: the seconds in which its graph was made and run for the first time.
      graph: its graph.
    """

    act: Callable[[], object]
    images: int
    flops: int
    activation_bytes: int
    first_call: float
    graph: tf.Graph


class Variant:
    """The steps of a stage under some settings.

    Attributes:
      stage: the stage.
      read: the images a second that can be read for it.
      parts: the whole step and, under their names, the updates.
    """

    def __init__(self, experiment: Experiment, name: str, windows: Windows) -> None:
        """Makes batches and graphs, and takes every step.

        Args:
          experiment: the experiment of the settings.
          name: the name of the stage.
          windows: how rates are measured.
        """
        self.stage = next(s for s in experiment.stages if s.name == name)
        with tempfile.TemporaryDirectory() as workdir:
            batches = _batches(experiment, self.stage, pathlib.Path(workdir))
        self.read = reading_rate(batches, windows)
        images = images_of(batches) * experiment.settings.run.steps_per_execution
        self.parts = {WHOLE: _measured(experiment, self.stage, batches, images)}
        updates = {update.name: update for update in self.stage.updates}
        # Of several that are alike, as two of D, one.
        for update in updates.values() if len(updates) > 1 else ():
            alone = dataclasses.replace(self.stage, updates=(update,))
            part = _measured(experiment, alone, batches, images)
            self.parts[update.name] = part


def _batches(experiment: Experiment, stage: Stage, workdir: pathlib.Path) -> Batches:
    seed = experiment.settings.run.seed
    train, extra = experiment.examples(stage, workdir)
    return Batches(train, stage.batch_size, seed, stage.begin, extra)


def _measured(
    experiment: Experiment, stage: Stage, batches: Batches, images: int
) -> Measured:
    model = experiment.model(stage, experiment.optimizers(stage))
    act = _act(experiment, model, batches)
    seconds = first_call(act)
    graph = model.step_graph
    return Measured(
        act, images, costs.flops(graph), memory.peak_bytes(graph), seconds, graph
    )


def _act(
    experiment: Experiment, model: keras.Model, batches: Batches
) -> Callable[[], object]:
    """Returns what takes a step that never waits for its batch."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    same = batches.from_step(batches.first_step).take(1).cache().repeat()
    distributed = experiment.strategy.experimental_distribute_dataset(
        same.with_options(options)
    )
    iterator = iter(distributed)
    model.make_train_function()

    def act() -> None:
        # A GPU is done when its results are there.
        tf.nest.map_structure(np.asarray, model.train_function(iterator))

    return act


def measure(variants: Mapping[str, Config], windows: Windows) -> tuple[dict, str]:
    """Measures the training step of every stage; returns the record and a table.

    Args:
      variants: settings by a name, such as `passes=shared`; the first is what the
        others are compared with.
      windows: how times are measured.

    Raises:
      ValueError: the variants have other stages, or run without graphs.
    """
    if any(settings.run.run_eagerly for settings in variants.values()):
        raise ValueError(
            "--run_eagerly: operations are counted in the graph of a step, which there "
            "must be."
        )
    experiments = {key: Experiment(settings) for key, settings in variants.items()}
    names = [
        tuple(stage.name for stage in experiment.stages)
        for experiment in experiments.values()
    ]
    if len(set(names)) > 1:
        raise ValueError(
            "--compare: variants are compared stage by stage, but they have "
            f"{' and '.join(', '.join(each) for each in names)}."
        )
    record, tables = {}, []
    for name in names[0]:
        print(f"Making the steps of {name}.", file=sys.stderr, flush=True)
        ready = {key: Variant(e, name, windows) for key, e in experiments.items()}
        record[name], table = _stage(name, ready, windows)
        tables.append(table)
    return record, "\n\n".join(tables)


def _stage(
    name: str, variants: Mapping[str, Variant], windows: Windows
) -> tuple[dict, str]:
    first = next(iter(variants.values()))
    peaks = _peaks(variants, windows)
    record: dict = {
        "peak_flops": peaks[next(iter(peaks))],
        "peaks": peaks,
        "variants": {key: {} for key in variants},
    }
    for part in first.parts:
        acts = {key: v.parts[part].act for key, v in variants.items()}
        timings = in_turn(acts, windows.number, windows.seconds)
        reference = timings[next(iter(timings))]
        for key, timing in timings.items():
            row = _row(variants[key].parts[part], timing, peaks[key])
            row["ratio"] = ratios(timing, reference)
            record["variants"][key][part] = row
    for key, variant in variants.items():
        record["variants"][key]["reading"] = _reading(
            variant, record["variants"][key][WHOLE]["timing"]
        )
    return record, _table(name, record)


def _peaks(variants: Mapping[str, Variant], windows: Windows) -> dict[str, float]:
    """Returns what each variant is held against; those of a precision have the same."""
    measured: dict[object, float] = {}
    peaks = {}
    for key, variant in variants.items():
        graph = variant.parts[WHOLE].graph
        dtypes = frozenset(each.dtype for each in convolutions.convolutions_of(graph))
        if dtypes not in measured:
            measured[dtypes] = convolutions.peak(graph, windows.number, windows.seconds)
        peaks[key] = measured[dtypes]
    return peaks


def _row(part: Measured, timing: Timing, peak: float) -> dict:
    speed = part.flops / timing.median
    return {
        "timing": timing,
        "images_per_second": part.images / timing.median,
        "flops": part.flops,
        "flops_per_second": speed,
        "share_of_peak": speed / peak if peak else math.nan,
        "first_call_seconds": part.first_call,
        "activation_bytes": part.activation_bytes,
    }


def _reading(variant: Variant, step: Timing) -> dict:
    images = variant.parts[WHOLE].images
    taken = Rate(tuple(images / seconds for seconds in step.seconds))
    return {
        "batch_size": variant.stage.batch_size,
        "beside": dict(variant.stage.extra),
        "step": taken,
        "read": variant.read,
        "ratio": variant.read.median / taken.median,
    }


def _table(stage: str, record: dict) -> str:
    rows: list[Sequence[str] | str] = []
    for variant, parts in record["variants"].items():
        rows.append(f"{stage} {variant}".rstrip())
        rows += [
            (f"  {part}", *_cells(row))
            for part, row in parts.items()
            if "timing" in row
        ]
        rows.append(f"  read: {reading_note(parts['reading'])}")
    found = dict.fromkeys(record["peaks"].values())
    peaks = " and ".join(f"{peak / 1e9:,.0f}" for peak in found)
    note = f"Peak: {peaks} GFLOP/s, of its convolutions alone."
    return f"{terminal.table(COLUMNS, rows)}\n{note}"


def _cells(row: dict) -> tuple[str, ...]:
    median, low, high = row["ratio"]
    return (
        str(row["timing"]),
        f"{1e3 * row['timing'].cpu_median:,.1f}",
        f"{row['images_per_second']:,.1f}",
        f"{row['flops'] / 1e9:,.1f}",
        f"{row['flops_per_second'] / 1e9:,.0f}",
        f"{100 * row['share_of_peak']:.0f} %",
        f"{row['first_call_seconds']:.1f} s",
        f"{row['activation_bytes'] / 2**30:.2f}",
        f"x {median:.2f} ({low:.2f}-{high:.2f})",
    )


def reading_note(row: dict) -> str:
    """Returns how many images are read for one that is learned from, in words."""
    mark = "" if row["ratio"] >= LEAST_RATIO else f", below {LEAST_RATIO:g}"
    return f"{row['read']} images a second, {row['ratio']:.1f} times the step's{mark}"
