"""Probes the networks of a run: `python -m mgm_tf.probe --workdir=DIR`.

Classifies scenes from E's features by a linear probe and by the nearest neighbours.
Where the run has a generator, it computes the kernel distance (KID) of its images to
test images, on the features of this run's E or of that of `--features_of`. Writes
`DIR/eval/probe.json`.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

from absl import flags
from etils import epy

from mgm_tf.config import command_line, saved
from mgm_tf.files import lock

with epy.lazy_imports():
    from mgm_tf.probe import measure
    from mgm_tf.train import experiment as experiments
    from mgm_tf.train import provenance


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    command_line.checkpoint_flag()
    command_line.allow_other_data_flag()
    flags.DEFINE_string(
        "features_of",
        None,
        "The folder of the run whose encoder gives the features on which the kernel "
        "distance (KID) of generated images is computed; none: that of --workdir.",
    )


def main() -> None:
    """Probes the networks, prints the measurements and writes them."""
    workdir, features_of = command_line.workdir(), flags.FLAGS.features_of
    features_run = _restored(pathlib.Path(features_of))[0] if features_of else None
    experiment, step = _restored(workdir)
    origin = provenance.origin(
        workdir,
        experiment.data.builder,
        step,
        allow_other_data=flags.FLAGS.allow_other_data,
    )
    with lock.held(workdir):
        record = measure.measure(
            experiment, workdir, origin, features_run, features_of or ""
        )
    print("\n".join(_lines(record)))
    print(f"Written to {workdir / 'eval' / 'probe.json'}.")


def _restored(workdir: pathlib.Path) -> "tuple[experiments.Experiment, int]":
    """Returns a run with the weights of a checkpoint, and its step."""
    settings = saved.load(workdir)
    command_line.load_tensorflow()
    experiment = experiments.Experiment(settings)
    return experiment, experiment.restore(workdir, flags.FLAGS.checkpoint)


def _lines(record: dict[str, Any]) -> Iterator[str]:
    for name, value in (record["scene"] or {}).items():
        yield f"{'scene, ' + name.replace('_', ' '):<32}{value:>10.4f}"
    distance = record["kernel_distance"]
    if distance:
        numbers = f"{distance['mean']:>10.4f} ± {distance['std']:.4f}"
        yield f"{'KID':<32}{numbers}, on features of {record['features_of']}"


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
