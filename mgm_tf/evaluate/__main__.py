"""Evaluates a run: `python -m mgm_tf.evaluate --workdir=DIR --split=test`.

Prints a table and writes `DIR/eval/SPLIT.json`. Where the run has trained the
refinement network R, the row `scene` has the metrics of its scene classification.
"""

from absl import flags
from etils import epy

from mgm_tf.config import choices, command_line, saved
from mgm_tf.files import lock

with epy.lazy_imports():
    from mgm_tf.evaluate import results
    from mgm_tf.train import experiment as experiments


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    flags.DEFINE_enum(
        "split",
        "test",
        choices.SPLITS,
        "The part of the data set on which the networks are evaluated.",
    )
    command_line.checkpoint_flag()
    command_line.allow_other_data_flag()


def main() -> None:
    """Evaluates the weights and the constant predictor."""
    workdir, values = command_line.workdir(), flags.FLAGS
    settings = saved.load(workdir)
    command_line.load_tensorflow()
    experiment = experiments.Experiment(settings)
    with lock.held(workdir):
        results.evaluate(
            experiment,
            workdir,
            values.split,
            values.checkpoint,
            allow_other_data=values.allow_other_data,
        )


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
