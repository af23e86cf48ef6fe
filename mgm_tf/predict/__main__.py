"""Predicts for an image, or a folder of images, with an exported model.

python -m mgm_tf.predict --saved_model=saved_models/nyuv2 --input=photos/ --output=out/

Writes NAME.panel.png and NAME.npz for each image (see `predictions.py`). Exit code 0:
all are done; 1: some could not be read, the others are done; 2: nothing was done.
"""

from absl import flags

from mgm_tf.config import command_line
from mgm_tf.export import versions
from mgm_tf.predict import predictions


def define_flags() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string("saved_model", None, "Exported model.", required=True)
    flags.DEFINE_string("input", None, "Image, or folder of images.", required=True)
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_integer("batch_size", 8, "Images at a time.", lower_bound=1)
    flags.DEFINE_bool("overwrite", False, "Replace results that exist.")


def main() -> int:
    """Predicts, and returns the exit code."""
    values = flags.FLAGS
    jobs = predictions.plan(values.input, values.output, overwrite=values.overwrite)
    model = versions.load(values.saved_model)
    return min(1, predictions.predict(model, jobs, values.batch_size))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
