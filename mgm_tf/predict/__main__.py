"""Predicts for an image, or a folder of images, with an exported model.

python -m mgm_tf.predict --saved_model=saved_models/nyuv2 --input=photos/ --output=out/

Writes NAME.panel.png and NAME.npz for each image (see `predictions.py`). Exit code 0:
all are done; 1: some could not be read or written, the others are done; 2: nothing was
done.
"""

from absl import flags

from mgm_tf.config import command_line
from mgm_tf.export import versions
from mgm_tf.predict import predictions


def define_flags() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string(
        "saved_model",
        None,
        "The folder of an exported model, or of one of its versions.",
        required=True,
    )
    flags.DEFINE_string(
        "input",
        None,
        "The image, or the folder of images, for which is predicted.",
        required=True,
    )
    flags.DEFINE_string(
        "output",
        None,
        "The folder into which panels and arrays of predictions are written.",
        required=True,
    )
    flags.DEFINE_integer(
        "batch_size",
        8,
        "The number of images that are predicted at a time.",
        lower_bound=1,
    )
    flags.DEFINE_bool(
        "overwrite", False, "Whether results that exist in --output are replaced."
    )
    flags.DEFINE_bool(
        "resume",
        False,
        "Whether images whose results are in --output already are left out, as after a "
        "prediction that was stopped.",
    )


def main() -> int:
    """Predicts, and returns the exit code."""
    values = flags.FLAGS
    jobs = predictions.plan(
        values.input,
        values.output,
        overwrite=values.overwrite,
        resume=values.resume and not values.overwrite,
    )
    model = versions.load(values.saved_model)
    return min(1, predictions.predict(model, jobs, values.batch_size))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
