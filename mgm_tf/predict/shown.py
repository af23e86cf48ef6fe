"""What a page shows of a photograph: each task beside it, with legend and times."""

import dataclasses
import os
import time

import numpy as np
import tensorflow as tf
from PIL import Image

from mgm_tf.export.predictor import SCENES
from mgm_tf.export.versions import LoadedModel
from mgm_tf.plotting import html, legends
from mgm_tf.plotting.colors import colorize
from mgm_tf.predict import image_files
from mgm_tf.predict.predictions import arrays_of
from mgm_tf.tasks.scenes import scene_classes_of

LARGEST = 768  # pixels of the longer side of a picture on the page


@dataclasses.dataclass(frozen=True)
class Map:
    """A predicted map on a page.

    Attributes:
      picture: its colours, uint8 [H, W, 3].
      legend: what they stand for, HTML.
    """

    picture: np.ndarray
    legend: str


@dataclasses.dataclass(frozen=True)
class Shown:
    """A photograph and all that was predicted of it.

    Attributes:
      photograph: the photograph, at most `LARGEST` pixels long, uint8 [H, W, 3].
      maps: the maps by task, in the same size.
      scenes: the names of the classes of the image; empty where none was learned.
      size: the height and the width of the photograph itself, upright.
      seconds: how long reading, predicting and drawing took, by name.
    """

    photograph: np.ndarray
    maps: dict[str, Map]
    scenes: tuple[str, ...]
    size: tuple[int, int]
    seconds: dict[str, float]


def show(model: LoadedModel, path: str | os.PathLike) -> Shown:
    """Predicts for a photograph, as `python -m mgm_tf.predict` does, and draws it.

    Raises:
      ValueError: the file cannot be read, with the reason.
    """
    started = time.perf_counter()
    pixels = image_files.read(path)
    size = (model.info.image_size, model.info.image_size)
    network_input = tf.image.resize(pixels, size, antialias=True)
    shrunk = Image.fromarray(pixels)
    shrunk.thumbnail((LARGEST, LARGEST))
    photograph = np.asarray(shrunk)
    read = time.perf_counter()
    outputs = {
        name: values[0] for name, values in model(network_input.numpy()[None]).items()
    }
    predicted = time.perf_counter()
    arrays = arrays_of(model.info, outputs, *photograph.shape[:2])
    maps = {
        name: Map(
            colorize(info, arrays[name]),
            html.render(
                "legend.html.j2", legend=legends.legend(info, np.asarray(arrays[name]))
            ),
        )
        for name, info in model.info.tasks.items()
    }
    scenes: tuple[str, ...] = ()
    if SCENES in outputs:
        described = scene_classes_of(model.info).describe(outputs[SCENES])
        scenes = tuple(described)
    seconds = {
        "reading": read - started,
        "predicting": predicted - read,
        "drawing": time.perf_counter() - predicted,
    }
    return Shown(photograph, maps, scenes, pixels.shape[:2], seconds)
