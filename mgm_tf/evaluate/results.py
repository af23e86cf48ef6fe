"""The results of a run: its metrics on a split, and the arrays of its report."""

import math
import pathlib

from mgm_tf.evaluate import records, report_arrays
from mgm_tf.files import whole
from mgm_tf.probe import measure
from mgm_tf.tasks.metrics_version import METRICS_VERSION
from mgm_tf.tasks.scenes import SceneClasses
from mgm_tf.train import provenance, validation
from mgm_tf.train.experiment import Experiment


def evaluate(
    experiment: Experiment,
    workdir: pathlib.Path,
    split: str,
    which: str,
    *,
    allow_other_data: bool = False,
) -> pathlib.Path:
    """Evaluates a checkpoint, prints a table and writes its record below `eval/`.

    An earlier file whose metrics follow other rules is kept beside the new one.

    Args:
      experiment: the experiment of the run.
      workdir: the folder of the run.
      split: the name of the split of the examples.
      which: the name of the checkpoint, whose weights the networks are given.
      allow_other_data: whether the data may be others than those of the run.

    Returns:
      The path of the file.

    Raises:
      ValueError: they are others, and may not be.
    """
    step = experiment.restore(workdir, which)
    origin = provenance.origin(
        workdir, experiment.data.builder, step, allow_other_data=allow_other_data
    )
    scene_classes = _learned_scene_classes(experiment, step)
    examples = experiment.data.split(split)
    metrics = _evaluator(experiment, scene_classes)(examples, progress=True)
    constant = experiment.evaluate_constant_predictor(split, workdir)
    headlines = {task.name: task.headline for task in experiment.tasks}
    if scene_classes is not None:
        constant[validation.SCENE] = validation.constant_scene_metrics(
            examples, scene_classes, experiment.data.frequencies
        )
        headlines[validation.SCENE] = scene_classes.headline
    title = f"{workdir}: {which} checkpoint (step {step}) on {split}"
    print(f"{title}, {len(examples)} examples")
    print(validation.table(metrics, constant, headlines))
    record = {
        records.VERSION: METRICS_VERSION,
        "split": split,
        "examples": len(examples),
        "checkpoint": which,
        **origin,
        "score": _json_number(validation.score(metrics, constant, experiment.tasks)),
        "metrics": _json_metrics(metrics),
        "constant_predictor": _json_metrics(constant),
    }
    path = records.path_of(workdir, split, which)
    whole.make_folder(path.parent, parents=False)
    kept = records.keep_other_version(path)
    whole.write_json(path, record)
    print(f"Written to {path}{f'; the one before is {kept}' if kept else ''}.")
    return path


def test(experiment: Experiment, workdir: pathlib.Path, *, probe: bool = False) -> None:
    """Evaluates what experiments compare, and writes the report's arrays.

    That is the best checkpoint of the joint stage, on the test examples; of a run
    without that stage, the best of all.

    Args:
      experiment: the experiment of the run.
      workdir: the folder of the run; if it is evaluated already, nothing is done, or
        the metrics alone anew where they follow other rules.
      probe: whether to probe the networks as well.

    Raises:
      ValueError: a file of that name is no record of an evaluation.
    """
    path = records.compared(workdir)
    checkpoint = records.compared_checkpoint(workdir)
    record = records.read(path)
    if record is None:
        step = experiment.restore(workdir, checkpoint)
        report_arrays.write(experiment, workdir)
        if probe:
            origin = provenance.origin(workdir, experiment.data.builder, step)
            measure.measure(experiment, workdir, origin)
    elif records.is_current(record):
        return
    else:
        print(
            f"{path} has metrics of version {records.version_of(record)}, not of "
            f"{METRICS_VERSION}: the checkpoint is evaluated anew."
        )
    evaluate(experiment, workdir, "test", checkpoint)


def _learned_scene_classes(experiment: Experiment, step: int) -> SceneClasses | None:
    """Returns the scene classes if R has learned them from labels in the data."""
    # Pseudo labels are made of training images; the others have none to compare with.
    is_stored = experiment.scene_label_source.relabel is None
    is_learned = "refiner" in experiment.trained(step)
    return experiment.data.scene_classes if is_stored and is_learned else None


def _evaluator(
    experiment: Experiment, scene_classes: SceneClasses | None
) -> validation.Evaluator:
    if scene_classes is None:
        return experiment.evaluate
    refiner = experiment.networks["refiner"]
    return experiment.evaluator(
        validation.with_scenes(experiment.predict, refiner), scene_classes
    )


def _json_number(value: float) -> float | None:
    """Returns the value, or None for NaN (of a task without labels): JSON has none."""
    return value if math.isfinite(value) else None


def _json_metrics(metrics: validation.Metrics) -> dict[str, dict[str, float | None]]:
    return {
        task: {name: _json_number(value) for name, value in values.items()}
        for task, values in metrics.items()
    }
