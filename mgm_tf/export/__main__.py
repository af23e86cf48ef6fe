"""Exports the networks of a run for TensorFlow Serving.

`python -m mgm_tf.export --workdir=runs/nyuv2 --saved_model=saved_models/nyuv2`
writes `saved_models/nyuv2/1/` (or the next free number).
"""

import pathlib

import tensorflow as tf
from absl import flags

from mgm_tf.config import command_line, options, saved
from mgm_tf.export import runtimes, saved_model
from mgm_tf.export.predictor import Predictor
from mgm_tf.train import provenance
from mgm_tf.train.experiment import Experiment


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    flags.DEFINE_string(
        "saved_model",
        None,
        "The folder of the exported model, in which this export gets a numbered folder "
        "of its own.",
        required=True,
    )
    command_line.checkpoint_flag()
    flags.DEFINE_multi_enum(
        "runtime",
        [],
        list(runtimes.RUNTIMES),
        "The other runtime for which the networks are exported as well, into the same "
        "folder: litert (phones, boards) or onnx. It may be given twice.",
    )


def main() -> None:
    """Exports the weights of a checkpoint."""
    workdir, which = command_line.workdir(), flags.FLAGS.checkpoint
    experiment = Experiment(saved.load(workdir))
    step = experiment.restore(workdir, which)
    # R names scenes if it has learned to.
    classifies_scenes = "refiner" in experiment.trained(step)
    sample = experiment.data.validation.batch(tf.constant([0]))["image"][0]
    path = saved_model.export(
        experiment.networks,
        experiment.tasks,
        experiment.data.scene_classes if classifies_scenes else None,
        experiment.data.info.image_size,
        pathlib.Path(flags.FLAGS.saved_model),
        fingerprint=provenance.fingerprint(experiment.settings, experiment.networks),
        extra={
            "settings": options.settings(experiment.settings),
            "step": step,
            "scene_source": experiment.data.info.scene_source,
        },
        sample=sample.numpy(),
    )
    print(f"{which} checkpoint (step {step}) of {workdir} is in {path}.")
    if flags.FLAGS.runtime:
        predictor = Predictor(
            experiment.networks,
            experiment.tasks,
            experiment.data.scene_classes if classifies_scenes else None,
            experiment.data.info.image_size,
        )
        record = runtimes.write(predictor, flags.FLAGS.runtime, path, sample.numpy())
        print(runtimes.text(record))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
