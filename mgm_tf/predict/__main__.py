"""Predicts for images or a video with an exported model.

python -m mgm_tf.predict --saved_model=saved_models/nyuv2 --input=photos/ --output=out/

Writes NAME.panel.png and NAME.npz for each image, or what --results names (see
`predictions.py`; of a video, `video.py`). Exit code 0: all are done; 1: some could not
be read or written, the others are done; 2: nothing was done.
"""

from absl import flags
from etils import epy

from mgm_tf.config import choices, command_line

with epy.lazy_imports():
    from mgm_tf.export import versions
    from mgm_tf.predict import point_cloud, predictions, sources, video


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.saved_model_flag()
    flags.DEFINE_string(
        "input",
        None,
        "What is predicted for: an image, a folder of images, a pattern such as "
        "'photos/*.jpg', a video, or - for an image on standard input.",
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
    flags.DEFINE_multi_enum(
        "results",
        ["panel", "npz"],
        choices.RESULTS,
        "A kind of result that is written; give the flag several times for several. "
        "panel: a picture of all; npz: arrays; png: picture files of the maps, depth "
        "in millimetres, class numbers and their colours, normals, ...; ply: a point "
        "cloud of the depth.",
    )
    flags.DEFINE_list(
        "intrinsics",
        [],
        "The camera for point clouds: focal lengths and principal point, fx,fy,cx,cy, "
        "in pixels of the image.",
    )
    flags.DEFINE_integer(
        "every",
        1,
        "The number of frames of a video of which one is predicted.",
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
    command_line.load_tensorflow()
    values = flags.FLAGS
    intrinsics = (
        point_cloud.Intrinsics.parse(values.intrinsics) if values.intrinsics else None
    )
    # Named twice is wanted once.
    kinds = tuple(dict.fromkeys(values.results))
    wanted = predictions.Wanted(kinds, intrinsics)
    with sources.as_path(values.input) as path:
        if sources.is_video(path):
            return video.predict(
                versions.load(values.saved_model),
                path,
                values.output,
                values.batch_size,
                wanted,
                every=values.every,
                overwrite=values.overwrite,
            )
        jobs = sources.plan(path, values.output)
        model = versions.load(values.saved_model)
        if not values.overwrite and values.resume:
            jobs = sources.unfinished(jobs, model.info, wanted.kinds)
        elif not values.overwrite:
            sources.refuse_existing(jobs, model.info, wanted.kinds)
        return min(1, predictions.predict(model, jobs, values.batch_size, wanted))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
