"""Trains a run: `python -m mgm_tf.train --flagfile=configs/nyuv2.flags --workdir=DIR`.

The same command again goes on where the run stopped.
"""

import pathlib

from absl import flags

from mgm_tf.config import command_line, saved
from mgm_tf.config import settings as config
from mgm_tf.evaluate import results
from mgm_tf.train import dry_run, loop
from mgm_tf.train.experiment import Experiment


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_string("workdir", None, "The folder of the run; runs/DATASET if none.")
    flags.DEFINE_bool(
        "test", False, "Evaluate on the test examples when trained, as a report needs."
    )
    flags.DEFINE_bool(
        "probe", False, "With --test: also tell what E knows, as mgm_tf.probe does."
    )
    flags.DEFINE_bool("dry_run", False, "Print what would be trained, and its costs.")


def main() -> None:
    """Trains, or tells what would be trained."""
    settings = config.from_flags()
    planned = Experiment(settings)
    if flags.FLAGS.dry_run:
        print(saved.as_flagfile(settings))
        print(dry_run.report(planned))
        return
    workdir = pathlib.Path(flags.FLAGS.workdir or f"runs/{settings.data.dataset}")
    loop.claim(planned, workdir)
    print(f"The run is in {workdir}.", flush=True)
    loop.train(planned, workdir)
    if flags.FLAGS.test:
        results.test(planned, workdir, probe=flags.FLAGS.probe)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
