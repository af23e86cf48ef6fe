"""Measures speed: `python -m mgm_tf.benchmark --what=input`, `step`, …

`input` measures how many images a second are read, from memory and from disk, of every
data set that is built in --data_dir; with --dataset or a flag file, of that one. `step`
measures how long the training steps take, whole and update by update, how near that is
to what this machine's convolutions reach, and how many times as many images are read;
with --compare, of several settings in turn. `evaluation` measures predictions,
`export` the signatures of the exported model in --saved_model. `scaling` predicts what
many GPUs gain.
"""

import itertools
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags
from etils import epy

from mgm_tf.benchmark.timing import Rate, Timing
from mgm_tf.config import checks, command_line
from mgm_tf.config import settings as config
from mgm_tf.config.settings import Config
from mgm_tf.files import whole

with epy.lazy_imports():
    from mgm_tf.benchmark import exported, prediction, reading, scaling, steps
    from mgm_tf.train import provenance


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_enum(
        "what",
        "input",
        list(MEASURED),
        "What is measured. input: the images a second that are read; step: the "
        "training step of each stage and its updates; evaluation: predictions; export: "
        "the signatures of an exported model. scaling measures nothing: it predicts "
        "what many GPUs gain, from the operations and gradients of a step.",
    )
    flags.DEFINE_string(
        "saved_model",
        None,
        "The folder of the exported model whose signatures --what=export measures.",
    )
    flags.DEFINE_multi_string(
        "compare",
        [],
        "A flag and values of it, such as passes:sequential,shared, whose steps are "
        "measured in turn; the first value is what the others are compared with. "
        "Given several times, all combinations are measured.",
    )
    flags.DEFINE_list(
        "benchmark_datasets",
        [],
        "The data sets that --what=input reads, separated by commas; none: all that "
        "are built.",
    )
    flags.DEFINE_string(
        "json", None, "The file into which the measured figures are written as JSON."
    )
    flags.DEFINE_integer(
        "windows", 7, "The number of times that each figure is measured.", lower_bound=1
    )
    flags.DEFINE_float(
        "window_seconds",
        1.0,
        "The least number of seconds that one measurement of a figure takes.",
        lower_bound=0,
    )


def variants_of(compare: Sequence[str]) -> dict[str, Config]:
    """Returns the settings of every combination of values, by a name.

    Args:
      compare: `FLAG:VALUE,VALUE` each.

    Raises:
      ValueError: there is no such flag of a setting, or no value.
    """
    axes = [_axis(text) for text in compare]
    variants = {}
    for values in itertools.product(*axes):
        before = {name: flags.FLAGS[name].value for name, _ in values}
        for name, text in values:
            flags.FLAGS[name].parse(text)
        try:
            key = " ".join(f"{name}={text}" for name, text in values)
            variants[key] = checks.from_flags()
        finally:
            for name, earlier in before.items():
                flags.FLAGS[name].value = earlier
    return variants


def _axis(text: str) -> list[tuple[str, str]]:
    name, _, values = text.partition(":")
    settings = config.options.leaves(Config)
    if name not in settings or not values:
        raise ValueError(
            f"--compare={text}: expected FLAG:VALUE,VALUE with a flag of a setting, "
            "such as passes:sequential,shared."
        )
    return [(name, value) for value in values.split(",")]


def _windows() -> "reading.Windows":
    return reading.Windows(flags.FLAGS.windows, flags.FLAGS.window_seconds)


def _measure_input(settings: Config) -> tuple[dict, str]:
    named = [settings.data.dataset] if flags.FLAGS["dataset"].present else []
    return reading.measure(
        settings, flags.FLAGS.benchmark_datasets or named, _windows()
    )


def _measure_steps(settings: Config) -> tuple[dict, str]:
    return steps.measure(variants_of(flags.FLAGS.compare), _windows())


def _measure_evaluation(settings: Config) -> tuple[dict, str]:
    return prediction.measure(settings, _windows())


def _measure_export(settings: Config) -> tuple[dict, str]:
    if flags.FLAGS.saved_model is None:
        raise ValueError("--what=export measures the model of --saved_model=FOLDER.")
    return exported.measure(pathlib.Path(flags.FLAGS.saved_model), _windows())


def _predict_scaling(settings: Config) -> tuple[dict, str]:
    return scaling.measure(settings)


# --what
MEASURED: dict[str, Callable[[Config], tuple[dict, str]]] = {
    "input": _measure_input,
    "step": _measure_steps,
    "evaluation": _measure_evaluation,
    "export": _measure_export,
    "scaling": _predict_scaling,
}
PREDICTED = frozenset({"scaling"})  # what no clock has seen


def _json(value: Rate | Timing) -> Any:
    return value.record()


def _report(table: str, machine: dict) -> str:
    """Returns a table with a line on the measurements and the machine."""
    devices = f"{machine['cpus']} CPU cores, {len(machine['gpus'])} GPUs"
    note = f"median (least-most) of {flags.FLAGS.windows}; {devices}, "
    return f"{table}\n{note}load {machine['load']:.1f}."


def main() -> None:
    """Measures, prints a table and writes the figures."""
    settings = checks.from_flags()
    command_line.load_tensorflow()
    machine = provenance.machine() | {"load": os.getloadavg()[0]}
    record, table = MEASURED[flags.FLAGS.what](settings)
    print(table if flags.FLAGS.what in PREDICTED else _report(table, machine))
    if flags.FLAGS.json:
        file = {"what": flags.FLAGS.what, "machine": machine, flags.FLAGS.what: record}
        text = json.dumps(file, indent=2, default=_json)
        whole.write_text(pathlib.Path(flags.FLAGS.json), text + "\n")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
