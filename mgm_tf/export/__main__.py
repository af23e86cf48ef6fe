"""Exports the networks of a run for TensorFlow Serving.

`python -m mgm_tf.export --workdir=runs/nyuv2 --saved_model=saved_models/nyuv2`
writes `saved_models/nyuv2/1/` (or the next free number).
"""

import dataclasses
import pathlib

from absl import flags
from etils import epy

from mgm_tf.config import choices, command_line, options, places, saved

with epy.lazy_imports():
    import tensorflow as tf

    from mgm_tf.export import (
        model_card,
        runtimes,
        saved_model,
        trained_generator,
    )
    from mgm_tf.export.serving import kit
    from mgm_tf.train import experiment as experiments
    from mgm_tf.train import provenance


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
    flags.DEFINE_bool(
        "with_generator",
        True,
        "Whether the generator, if the run has trained one, gets a signature `sample`; "
        "its weights make the model larger.",
    )
    flags.DEFINE_list(
        "card_runs",
        [],
        "The folders of runs of the same settings with other seeds, separated by "
        "commas: the model card gives the mean and the spread of all.",
    )
    command_line.allow_other_data_flag()
    flags.DEFINE_multi_enum(
        "runtime",
        [],
        choices.RUNTIMES,
        "The other runtime for which the networks are exported as well, into the same "
        "folder: litert (phones, boards) or onnx. It may be given twice.",
    )


def main() -> None:
    """Exports the weights of a checkpoint."""
    workdir, which = command_line.workdir(), flags.FLAGS.checkpoint
    settings = saved.load(workdir)
    command_line.load_tensorflow()
    # Whatever it was trained in: other machines and runtimes know nothing else.
    exact = dataclasses.replace(settings.run, precision="float32")
    experiment = experiments.Experiment(dataclasses.replace(settings, run=exact))
    step = experiment.restore(workdir, which)
    origin = provenance.origin(
        workdir,
        experiment.data.builder,
        step,
        allow_other_data=flags.FLAGS.allow_other_data,
    )
    # R names scenes if it has learned to.
    classifies_scenes = "refiner" in experiment.trained(step)
    sample = experiment.data.validation.batch(tf.constant([0]))["image"][0]
    fingerprint = provenance.fingerprint(settings, experiment.networks)
    sampler = None
    wants_generator = flags.FLAGS.with_generator
    if wants_generator and trained_generator.is_trained(experiment, step):
        sampler = trained_generator.sampler_of(experiment, workdir)
    directory = pathlib.Path(flags.FLAGS.saved_model)
    others = tuple(map(pathlib.Path, flags.FLAGS.card_runs))
    source = model_card.Source(experiment, workdir, which, step, others)
    path = saved_model.export(
        experiment.networks,
        experiment.tasks,
        experiment.data.scene_classes if classifies_scenes else None,
        experiment.data.info.image_size,
        directory,
        fingerprint=fingerprint,
        extra={
            "settings": places.without_places(options.settings(settings)),
            **origin,
            "scene_source": experiment.data.info.scene_source,
        },
        sample=sample.numpy(),
        sampler=sampler,
        card=model_card.text(source, kit.model_name(directory)),
        other_runtimes=flags.FLAGS.runtime,
    )
    folder = kit.write(directory)
    print(f"{which} checkpoint (step {step}) of {workdir} is in {path}.")
    print(f"Files to serve it are in {folder}.")
    if flags.FLAGS.runtime:
        print(runtimes.text(runtimes.record_of(path)))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
