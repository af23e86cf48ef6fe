"""Evaluates a run: `python -m mgm_tf.evaluate --workdir=DIR --split=test`.

Prints a table and writes `DIR/eval/SPLIT.json`. Where the run has trained the
refinement network R, its reading of the image's label is in the row `scene`.
"""

import json
import math
from collections.abc import Callable

from absl import flags

from mgm_tf import command_line, evaluation, records
from mgm_tf.checkpoints import Checkpoints
from mgm_tf.data_set import TEST, TRAIN, VALIDATION
from mgm_tf.experiment import Experiment
from mgm_tf.labels import Labels


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    flags.DEFINE_enum("split", "test", [TRAIN, VALIDATION, TEST], "Which examples.")
    flags.DEFINE_enum("checkpoint", "best", ["best", "last"], "Which weights.")


def main() -> None:
    """Evaluates the weights and the constant predictor."""
    workdir, split = command_line.workdir(), flags.FLAGS.split
    experiment = Experiment(records.load(workdir))
    checkpoints = Checkpoints(workdir, experiment.networks)
    step = checkpoints.restore(flags.FLAGS.checkpoint)
    labels = _learned_labels(experiment, step)
    examples = experiment.data.split(split)
    metrics = _evaluator(experiment, labels)(examples, progress=True)
    constant = experiment.evaluate_prior(split, workdir)
    headlines = {task.name: task.headline for task in experiment.tasks}
    if labels is not None:
        constant[evaluation.SCENE] = evaluation.constant_scenes(
            examples, labels, experiment.data.frequencies
        )
        headlines[evaluation.SCENE] = labels.headline
    title = f"{workdir}: {flags.FLAGS.checkpoint} checkpoint (step {step}) on {split}"
    print(f"{title}, {len(examples)} examples")
    print(evaluation.table(metrics, constant, headlines))
    record = {
        "split": split,
        "examples": len(examples),
        "checkpoint": flags.FLAGS.checkpoint,
        "step": step,
        "score": _known(evaluation.score(metrics, constant, experiment.tasks)),
        "metrics": _all_known(metrics),
        "constant_predictor": _all_known(constant),
    }
    path = workdir / "eval" / f"{split}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"Written to {path}.")


def _learned_labels(experiment: Experiment, step: int) -> Labels | None:
    """The image labels, if R was taught them and the data hold them."""
    # Clusters are made of training images; the others have none to compare with.
    given = not experiment.scene_labels.learned
    taught = "refiner" in experiment.trained(step)
    return experiment.data.labels if given and taught else None


def _evaluator(
    experiment: Experiment, labels: Labels | None
) -> Callable[..., evaluation.Metrics]:
    if labels is None:
        return experiment.evaluate
    return evaluation.Evaluator(
        evaluation.with_scenes(experiment.predict, experiment.networks["refiner"]),
        experiment.tasks,
        experiment.settings.run.evaluation_batch_size,
        labels,
    )


def _known(value: float) -> float | None:
    """JSON has no NaN: a metric of a task without labels is null."""
    return value if math.isfinite(value) else None


def _all_known(metrics: evaluation.Metrics) -> dict[str, dict[str, float | None]]:
    return {
        task: {name: _known(value) for name, value in values.items()}
        for task, values in metrics.items()
    }


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
