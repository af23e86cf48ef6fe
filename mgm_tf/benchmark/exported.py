"""How long the signatures of an exported model take, by the number of images."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mgm_tf.benchmark.prediction import BATCH_SIZES, by_batch_size
from mgm_tf.benchmark.reading import Windows
from mgm_tf.export import signatures, versions
from mgm_tf.export.serving import warm_up
from mgm_tf.plotting import terminal

PHOTO = (480, 640)  # pixels of the files that are sent, height and width

COLUMNS = (
    terminal.Column("signature", 20),
    terminal.Column("images at once", 14, right=True),
    terminal.Column("milliseconds", 26, right=True),
    terminal.Column("CPU ms", 10, right=True),
    terminal.Column("images/s", 10, right=True),
)


def measure(
    path: pathlib.Path, windows: Windows, batch_sizes: Sequence[int] = BATCH_SIZES
) -> tuple[dict, str]:
    """Measures every signature of an exported model; returns the record and a table.

    Raw images are of the size that the networks see, files are JPEGs of `PHOTO`.

    Raises:
      ValueError: there is no model.
    """
    model = versions.load(path)
    record: dict[str, dict] = {}
    rows: list[Sequence[str] | str] = []
    for name in signatures.NAMES:
        signature = model.model.signatures.get(name)
        if signature is None:
            continue
        acts = {
            number: _act(signature, number, model.info.image_size)
            for number in batch_sizes
        }
        record[name], measured = by_batch_size(acts, windows)
        rows += [(name, *row) for row in measured]
    return record, terminal.table(COLUMNS, rows)


def _act(signature: Any, number: int, image_size: int) -> Callable[[], object]:
    specs = signature.structured_input_signature[1]
    inputs = {
        name: _input(name, spec, number, image_size) for name, spec in specs.items()
    }

    def act() -> None:
        # A GPU is done when its results are there.
        tf.nest.map_structure(lambda tensor: tensor.numpy(), signature(**inputs))

    return act


def _input(name: str, spec: tf.TensorSpec, number: int, image_size: int) -> tf.Tensor:
    return tf.cast(_MADE[name](number, spec, image_size), spec.dtype)


def _files(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    photo = tf.image.resize(warm_up.picture(max(PHOTO)), PHOTO)
    return tf.stack([tf.io.encode_jpeg(tf.cast(photo, tf.uint8))] * number)


def _images(number: int, spec: tf.TensorSpec, image_size: int) -> np.ndarray:
    return np.stack([warm_up.picture(image_size)] * number)


def _scenes(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    return tf.ones([number, *spec.shape[1:]])


def _noise(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    return tf.random.stateless_normal([number, *spec.shape[1:]], (0, 0))


# The inputs of signatures, by their names.
_MADE: dict[str, Callable[[int, tf.TensorSpec, int], Any]] = {
    "images": _images,
    "image_bytes": _files,
    "scene": _scenes,
    "noise": _noise,
}
