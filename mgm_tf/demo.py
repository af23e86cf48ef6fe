"""Serves a page for an exported model: `python -m mgm_tf.demo --saved_model=DIR`.

Drop or take a photograph and see every task. It needs Gradio: `pip install -r
requirements-demo.txt`. The page is for this machine alone unless --address says more.
"""

import pathlib
import tempfile
import threading

from absl import flags
from etils import epy
from PIL import Image

from mgm_tf.config import command_line

with epy.lazy_imports():
    from datasets.rooms import render
    from mgm_tf.export import versions
    from mgm_tf.predict import image_files

ROOMS, SIZE, SEED = 8, 256, 7  # of the gallery


def define_flags() -> None:
    """Defines the flags of this command."""
    command_line.saved_model_flag()
    flags.DEFINE_string(
        "address",
        "127.0.0.1",
        "The address on which the page is served. 127.0.0.1: for this machine alone; "
        "0.0.0.0: for whoever reaches this machine.",
    )
    flags.DEFINE_integer(
        "port",
        7860,
        "The port on which the page is served. 0: the first free one from 7860 on.",
        lower_bound=0,
        upper_bound=65535,
    )
    flags.DEFINE_string(
        "gallery",
        None,
        "The folder of images that the page offers to try; none: generated rooms.",
    )


def main() -> None:
    """Serves the page until it is interrupted."""
    command_line.load_tensorflow()
    try:
        from mgm_tf.predict import page
    except ImportError as error:
        raise ValueError(
            f"The page needs {error.name}: pip install -r requirements-demo.txt"
        ) from error
    values = flags.FLAGS
    model = versions.load(values.saved_model)
    # What visitors upload goes with the server.
    with tempfile.TemporaryDirectory(prefix="mgm_tf-demo-") as temporary:
        folder, gallery = pathlib.Path(temporary), values.gallery
        images = image_files.find(gallery).images if gallery else rooms(folder)
        page.warm_up(model)
        built = page.build(model, folder, images)
        with page.serve(built, values.address, values.port) as address:
            print(f"The page is at {address} (Ctrl-C ends it).", flush=True)
            threading.Event().wait()


def rooms(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes pictures of rooms that no model has seen; returns their paths."""
    paths = []
    for number in range(ROOMS):
        picture = render.fresh_room(SEED, number, SIZE)
        paths.append(folder / f"{picture.scene_name}.png")
        Image.fromarray(picture.image).save(paths[-1])
    return paths


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
