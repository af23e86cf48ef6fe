"""The results of a run: its metrics on a split, and what a report shows of it."""

import json
import math
import pathlib
from collections.abc import Callable

from mgm_tf.evaluate import report_arrays
from mgm_tf.probe import measure
from mgm_tf.tasks.scenes import SceneClasses
from mgm_tf.train import validation
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.experiment import Experiment


def evaluate(
    experiment: Experiment, workdir: pathlib.Path, split: str, which: str
) -> pathlib.Path:
    """Evaluates a checkpoint, prints a table and writes `eval/SPLIT.json`.

    Args:
      experiment: the run's.
      workdir: its folder.
      split: the examples.
      which: the checkpoint, `best` or `last`; the networks have its weights then.

    Returns:
      The file.
    """
    step = Checkpoints(workdir, experiment.networks).restore(which)
    labels = _learned_labels(experiment, step)
    examples = experiment.data.split(split)
    metrics = _evaluator(experiment, labels)(examples, progress=True)
    constant = experiment.evaluate_constant_predictor(split, workdir)
    headlines = {task.name: task.headline for task in experiment.tasks}
    if labels is not None:
        constant[validation.SCENE] = validation.constant_scenes(
            examples, labels, experiment.data.frequencies
        )
        headlines[validation.SCENE] = labels.headline
    title = f"{workdir}: {which} checkpoint (step {step}) on {split}"
    print(f"{title}, {len(examples)} examples")
    print(validation.table(metrics, constant, headlines))
    record = {
        "split": split,
        "examples": len(examples),
        "checkpoint": which,
        "step": step,
        "score": _known(validation.score(metrics, constant, experiment.tasks)),
        "metrics": _all_known(metrics),
        "constant_predictor": _all_known(constant),
    }
    path = workdir / "eval" / f"{split}.json"
    path.parent.mkdir(exist_ok=True)
    # Whole or not at all: the file says that the run is finished.
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(record, indent=2) + "\n")
    draft.replace(path)
    print(f"Written to {path}.")
    return path


def test(experiment: Experiment, workdir: pathlib.Path, *, probe: bool = False) -> None:
    """Evaluates the best weights on the test examples; keeps what a report shows.

    Args:
      experiment: the run's.
      workdir: its folder; where it is evaluated already, nothing is done.
      probe: whether to tell what E knows as well.
    """
    if (workdir / "eval" / "test.json").exists():
        return
    Checkpoints(workdir, experiment.networks).restore("best")
    report_arrays.write(experiment, workdir)
    if probe:
        measure.measure(experiment, workdir)
    evaluate(experiment, workdir, "test", "best")


def _learned_labels(experiment: Experiment, step: int) -> SceneClasses | None:
    """The image labels, if R was taught them and the data hold them."""
    # Others are made of training images; there are none to compare with.
    given = experiment.scene_labels.relabel is None
    taught = "refiner" in experiment.trained(step)
    return experiment.data.labels if given and taught else None


def _evaluator(
    experiment: Experiment, labels: SceneClasses | None
) -> Callable[..., validation.Metrics]:
    if labels is None:
        return experiment.evaluate
    refiner = experiment.networks["refiner"]
    return experiment.evaluator(
        validation.with_scenes(experiment.predict, refiner), labels
    )


def _known(value: float) -> float | None:
    """JSON has no NaN: a metric of a task without labels is null."""
    return value if math.isfinite(value) else None


def _all_known(metrics: validation.Metrics) -> dict[str, dict[str, float | None]]:
    return {
        task: {name: _known(value) for name, value in values.items()}
        for task, values in metrics.items()
    }
