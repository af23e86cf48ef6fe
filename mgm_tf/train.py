"""Trains a run: `python -m mgm_tf.train --flagfile=configs/nyuv2.flags --workdir=DIR`.

The same command again goes on where the run stopped.
"""

from absl import flags

from mgm_tf import command_line, config, experiment, records, training
from mgm_tf.callbacks import Interrupted, NotFinite


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_string("workdir", None, "The folder of the run.")
    flags.DEFINE_bool("dry_run", False, "Print what would be trained, and its costs.")
    flags.register_multi_flags_validator(
        ["workdir", "dry_run"],
        lambda given: given["workdir"] or given["dry_run"],
        "--workdir=DIR is needed: the folder of the run.",
    )


def main() -> None:
    """Trains, or tells what would be trained."""
    settings = config.from_flags()
    planned = experiment.Experiment(settings)
    if flags.FLAGS.dry_run:
        print(records.as_flagfile(settings))
        print(experiment.costs_report(planned))
        return
    experiment.begin(planned, command_line.workdir())
    training.train(planned, command_line.workdir())


if __name__ == "__main__":
    define_flags()
    command_line.run(main, Interrupted, NotFinite)
