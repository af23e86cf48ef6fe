"""What a run's encoder knows: `python -m mgm_tf.probe --workdir=DIR`.

The scene read from E's features by a linear probe and by the nearest neighbours and,
where the run has a generator, the kernel distance (KID) of its images to test images,
on the features of this run's E or of that of `--features_of`. Writes
`DIR/eval/probe.json`.
"""

import pathlib
from collections.abc import Iterator

from absl import flags

from mgm_tf.config import command_line, saved
from mgm_tf.probe import measure
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.experiment import Experiment


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    flags.DEFINE_enum("checkpoint", "best", ["best", "last"], "Which weights.")
    flags.DEFINE_string(
        "features_of", None, "Folder of the run on whose features KID is; this one."
    )


def main() -> None:
    """Measures, prints and writes."""
    workdir, other = command_line.workdir(), flags.FLAGS.features_of
    judge = _restored(pathlib.Path(other)) if other else None
    record = measure.measure(_restored(workdir), workdir, judge, other or "")
    print("\n".join(_lines(record)))
    print(f"Written to {workdir / 'eval' / 'probe.json'}.")


def _restored(workdir: pathlib.Path) -> Experiment:
    experiment = Experiment(saved.load(workdir))
    Checkpoints(workdir, experiment.networks).restore(flags.FLAGS.checkpoint)
    return experiment


def _lines(record: dict) -> Iterator[str]:
    for name, value in (record["scene"] or {}).items():
        yield f"{'scene, ' + name.replace('_', ' '):<32}{value:>10.4f}"
    distance = record["kernel_distance"]
    if distance:
        numbers = f"{distance['mean']:>10.4f} ± {distance['std']:.4f}"
        yield f"{'KID':<32}{numbers}, on features of {record['features_of']}"


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
