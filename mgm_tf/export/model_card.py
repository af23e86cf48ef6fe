"""The model card of an exported model, `assets.extra/MODEL_CARD.md`.

What it predicts, from which data and code it comes, how good it is, and what it is not
for; Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.config import options, saved
from mgm_tf.evaluate import records
from mgm_tf.plotting import html
from mgm_tf.train import provenance, validation
from mgm_tf.train.experiment import Experiment

_SPLIT = "test"
# What runs may differ in whose metrics are averaged.
_FREE = frozenset({"seed", "data_dir", "manual_dir"})


@dataclasses.dataclass(frozen=True)
class Source:
    """The run that a model is exported from.

    Attributes:
      experiment: its experiment.
      workdir: its folder.
      checkpoint: the name of the checkpoint.
      step: its step.
      others: the folders of runs of the same settings and other seeds.
    """

    experiment: Experiment
    workdir: pathlib.Path
    checkpoint: str
    step: int
    others: Sequence[pathlib.Path] = ()


def text(source: Source, name: str) -> str:
    """Returns the card of a model, in Markdown.

    Raises:
      ValueError: another run has other settings, or is not evaluated.
    """
    experiment = source.experiment
    info, data = experiment.data.info, provenance.data(experiment.data.builder)
    settings = options.settings(experiment.settings)
    starts = provenance.read(source.workdir)
    code = starts[-1]["code"] if starts else {"commit": None, "modified": None}
    examples = data["examples"].items()
    sources = [(task.name, task.info.source) for task in experiment.tasks]
    return html.render(
        "model_card.md.j2",
        name=name,
        tasks=[
            {"name": task.name, "words": _words(task.info)} for task in experiment.tasks
        ],
        scenes=info.scene_names,
        data=data
        | {
            "examples": ", ".join(f"{number} {split}" for split, number in examples),
            "image_size": info.image_size,
        },
        sources=[each for each in (*sources, ("scene", info.scene_source)) if each[1]],
        notes=info.notes,
        method=settings,
        checkpoint=source.checkpoint,
        step=source.step,
        seed=settings["seed"],
        commit=code["commit"],
        modified=code["modified"],
        versions={"tensorflow": tf.__version__, "keras": keras.__version__},
        metrics=_metrics(source),
    )


def _words(info: Any) -> str:
    if info.class_names:
        return f"class numbers: {', '.join(info.class_names)}"
    return info.unit or "numbers"


def _metrics(source: Source) -> dict[str, Any] | None:
    """Returns the headline of each task, with its spread; None if not evaluated."""
    record = _record(source.workdir, source.checkpoint)
    if record is None:
        return None
    runs = [record, *(_other(run, source) for run in source.others)]
    experiment = source.experiment
    headlines = {task.name: task.headline for task in experiment.tasks}
    if validation.SCENE in record["metrics"]:
        headlines[validation.SCENE] = experiment.data.scene_classes.headline
    rows = []
    for task, metric in headlines.items():
        values = [run["metrics"][task][metric] for run in runs]
        constant = record["constant_predictor"].get(task, {}).get(metric)
        numbers = [value for value in values if value is not None]
        rows.append(
            {
                "task": task,
                "metric": metric,
                "value": _number(values[0]),
                "spread": _spread(numbers),
                "constant": _number(constant),
            }
        )
    words = f"On {record['examples']} {_SPLIT} examples."
    if len(runs) > 1:
        words += f" Mean and standard deviation of {len(runs)} runs, other seeds."
    else:
        words += " One run: how much another seed would change is not known."
    return {"rows": rows, "runs": len(runs), "words": words}


def _record(workdir: pathlib.Path, checkpoint: str) -> dict | None:
    return records.read_current(records.path_of(workdir, _SPLIT, checkpoint))


def _other(workdir: pathlib.Path, source: Source) -> dict:
    ours = options.settings(source.experiment.settings)
    theirs = options.settings(saved.load(workdir))
    unequal = [
        name
        for name, value in ours.items()
        if name not in _FREE and theirs.get(name) != value
    ]
    if unequal:
        raise ValueError(
            f"{workdir} has another --{unequal[0]} than {source.workdir}: a card gives "
            "the mean of runs that differ in their seed alone."
        )
    record = _record(workdir, source.checkpoint)
    if record is None:
        raise ValueError(
            f"{workdir} is not evaluated; this does so: python -m mgm_tf.evaluate "
            f"--workdir={workdir} --split={_SPLIT} --checkpoint={source.checkpoint}"
        )
    return record


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "-"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
