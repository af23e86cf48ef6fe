"""Trains a run: `python -m mgm_tf.train --flagfile=configs/nyuv2.flags --workdir=DIR`.

The same command again goes on where the run stopped.
"""

import contextlib
import pathlib

from absl import flags
from etils import epy

from mgm_tf.config import checks, cluster, command_line, saved
from mgm_tf.config import settings as config
from mgm_tf.files import lock

with epy.lazy_imports():
    import tensorflow as tf

    from mgm_tf.evaluate import results
    from mgm_tf.train import dry_run, loop, workers
    from mgm_tf.train import experiment as experiments

PATIENCE = 5.0  # seconds for which a run that is just ending is waited for


def define_flags() -> None:
    """Defines the flags of this command."""
    config.define_flags()
    flags.DEFINE_string(
        "workdir",
        None,
        "The folder of the run, for its checkpoints, logs and results; none: "
        "runs/DATASET.",
    )
    flags.DEFINE_bool(
        "test",
        False,
        "Whether the trained networks are evaluated on the test examples, as a report "
        "of experiments needs.",
    )
    flags.DEFINE_bool(
        "probe",
        False,
        "Whether --test also measures what the encoder knows of scenes and how good "
        "the generator is, as `python -m mgm_tf.probe` does.",
    )
    flags.DEFINE_bool(
        "restart",
        False,
        "Whether to begin anew in a folder that holds a run, which is moved into "
        "`before/` in it.",
    )
    flags.DEFINE_bool(
        "dry_run",
        False,
        "Whether to print the settings, networks, stages and costs of the run without "
        "training it.",
    )


def main() -> None:
    """Trains, or tells what would be trained."""
    settings = checks.from_flags()
    of_workers = cluster.from_environment()
    command_line.load_tensorflow()
    if settings.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    if flags.FLAGS.dry_run:
        print(saved.as_flagfile(settings))
        print(dry_run.report(experiments.Experiment(settings)))
        return
    with workers.together(of_workers):
        _train(experiments.Experiment(settings))


def _train(planned: "experiments.Experiment") -> None:
    dataset = planned.settings.data.dataset
    workdir = pathlib.Path(flags.FLAGS.workdir or f"runs/{dataset}")
    with contextlib.ExitStack() as stack:
        held = lock.held(workdir, PATIENCE)
        workers.by_chief(lambda: stack.enter_context(held))
        loop.claim(planned, workdir, flags.FLAGS.restart)
        print(f"The run is in {workdir}.", flush=True)
        loop.train(planned, workdir)
        if flags.FLAGS.test:
            workers.by_chief(
                lambda: results.test(planned, workdir, probe=flags.FLAGS.probe)
            )


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
