"""Samples images from the generator of a run.

python -m mgm_tf.sample --workdir=runs/nyuv2 --output=samples/

Writes grids by class, images between classes and between noise, and each image by
itself (see `predict/generated.py`).
"""

import pathlib

import numpy as np
from absl import flags
from etils import epy

from mgm_tf.config import command_line, saved

with epy.lazy_imports():
    import tensorflow as tf

    from mgm_tf.export import trained_generator
    from mgm_tf.predict import generated
    from mgm_tf.train import experiment as experiments


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.workdir_flag()
    command_line.checkpoint_flag()
    flags.DEFINE_string(
        "output", None, "The folder into which images are written.", required=True
    )
    flags.DEFINE_integer(
        "number", 8, "The number of images of each class.", lower_bound=1
    )
    flags.DEFINE_integer(
        "steps", 8, "The number of images of a row between two.", lower_bound=2
    )
    flags.DEFINE_list(
        "classes",
        [],
        "The names of the classes that are sampled, separated by commas; none: all.",
    )
    flags.DEFINE_integer("seed", 0, "The seed of the noise.")
    flags.DEFINE_integer(
        "batch_size",
        16,
        "The number of images that are generated at a time.",
        lower_bound=1,
    )
    flags.DEFINE_bool("overwrite", False, "Whether images in --output are replaced.")


def main() -> None:
    """Samples from the weights of a checkpoint."""
    values, workdir = flags.FLAGS, command_line.workdir()
    settings = saved.load(workdir)
    command_line.load_tensorflow()
    experiment = experiments.Experiment(settings)
    step = experiment.restore(workdir, values.checkpoint)
    if not trained_generator.is_trained(experiment, step):
        raise ValueError(
            f"{workdir}: the {values.checkpoint} checkpoint (step {step}) has no "
            "trained generator. --weak=synthetic trains one, after stage 1; "
            "--checkpoint=last takes the last weights."
        )
    sampler = trained_generator.sampler_of(experiment, workdir)
    titles, conditions = _rows(experiment, values.number)
    sampled = generated.Generated(
        sampler, titles, conditions, values.seed, values.batch_size
    )
    output = pathlib.Path(values.output)
    paths = generated.write(
        sampled, output, values.number, values.steps, values.overwrite
    )
    print("\n".join(map(str, paths)))
    print(f"Each image by itself is in {output / generated.IMAGES}.")


def _rows(
    experiment: "experiments.Experiment", number: int
) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the titles and the conditions of the rows.

    Raises:
      ValueError: a class is asked for that there is not.
    """
    train = experiment.data.train
    scenes = train.batch(tf.range(min(number, len(train))))["scene"]
    titles, conditions = experiment.data.scene_classes.typical(scenes)
    wanted = flags.FLAGS.classes or titles
    unknown = [name for name in wanted if name not in titles]
    if unknown:
        raise ValueError(
            f"--classes={','.join(wanted)}: there is no {unknown[0]}; there are "
            f"{', '.join(titles)}."
        )
    places = [titles.index(name) for name in wanted]
    return tuple(wanted), np.asarray(conditions)[places]


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
