"""Predictions for one image in Python, as in a notebook.

model = mgm_tf.load("saved_models/nyuv2")
maps = single.predict(model, "photo.jpg")
single.draw(model, "photo.jpg")  # a notebook shows it
"""

import os
import pathlib

import numpy as np
from PIL import Image

from mgm_tf.export.versions import LoadedModel, Outputs
from mgm_tf.predict import image_files, predictions
from mgm_tf.predict.maps import arrays_of
from mgm_tf.predict.predictions import Job, Photo

# A file, an image of Pillow, or an array.
Picture = str | os.PathLike | Image.Image | np.ndarray


def predict(model: LoadedModel, image: Picture) -> Outputs:
    """Predicts for an image, in its own size.

    Args:
      model: the model.
      image: a file of any kind, an image of Pillow, or RGB as uint8 [H, W, 3].

    Returns:
      The maps by task, [H, W] or [H, W, C]: `depth` in metres, `segmentation` class
      numbers, `normals` unit vectors, …; and `scene_probabilities`, if there are any.

    Raises:
      ValueError: it is no image.
    """
    photo = _photo(model, image)
    (outputs,) = predictions.outputs_of(model, [photo])
    return arrays_of(model.info, outputs, *photo.size)


def draw(model: LoadedModel, image: Picture) -> Image.Image:
    """Draws an image and all that is predicted of it, with legends and units.

    Raises:
      ValueError: it is no image.
    """
    photo = _photo(model, image)
    (outputs,) = predictions.outputs_of(model, [photo])
    return Image.fromarray(predictions.panel_of(model.info, photo.thumbnail, outputs))


def _photo(model: LoadedModel, image: Picture) -> Photo:
    pixels = _pixels(image)
    path = pathlib.Path("image")
    job = Job(path, path, path)
    return predictions.photo_of(job, pixels, model.info.image_size, lambda: pixels)


def _pixels(image: Picture) -> np.ndarray:
    if isinstance(image, str | os.PathLike):
        return image_files.read(image)
    if isinstance(image, Image.Image):
        image = np.asarray(image.convert("RGB"))
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"Expected RGB as uint8 [H, W, 3], got {image.dtype} {list(image.shape)}."
        )
    return image
