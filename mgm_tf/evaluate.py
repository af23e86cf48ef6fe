"""Evaluates a run: `python -m mgm_tf.evaluate --workdir=DIR --split=test`.

Prints a table and writes `DIR/eval/SPLIT.json`.
"""

import json
import math

from absl import flags

from mgm_tf import command_line, evaluation, records
from mgm_tf.checkpoints import Checkpoints
from mgm_tf.experiment import Experiment


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    flags.DEFINE_string("split", "test", "train, validation or test.")
    flags.DEFINE_enum("checkpoint", "best", ["best", "last"], "Which weights.")


def main() -> None:
    """Evaluates the weights and the constant predictor."""
    workdir, split = command_line.workdir(), flags.FLAGS.split
    experiment = Experiment(records.load(workdir))
    checkpoints = Checkpoints(workdir, experiment.networks)
    step = checkpoints.restore(flags.FLAGS.checkpoint)
    metrics = experiment.evaluate(experiment.split(split), progress=True)
    constant = experiment.evaluate_prior(split, workdir)
    title = f"{workdir}: {flags.FLAGS.checkpoint} checkpoint (step {step}) on {split}"
    print(f"{title}, {len(experiment.split(split))} examples")
    print(evaluation.table(metrics, constant, experiment.tasks))
    record = {
        "split": split,
        "examples": len(experiment.split(split)),
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
