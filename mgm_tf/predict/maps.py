"""Maps of the network's size as maps of the size of their image.

`export/resizing.py` does the same inside a graph.
"""

import numpy as np
from PIL import Image

from datasets.metadata import DataInfo, TaskInfo
from mgm_tf.export.predictor import SCENES, probabilities_of
from mgm_tf.export.resizing import UNIT_VECTORS
from mgm_tf.export.versions import Outputs


def arrays_of(info: DataInfo, outputs: Outputs, height: int, width: int) -> Outputs:
    """Returns an image's outputs as arrays of its size, as stored in NAME.npz.

    Class numbers are the likeliest of the resized probabilities; everything else is
    resized bilinearly, normals to unit length again.
    """
    size = (height, width)
    arrays = {
        name: _resized_map(task, outputs, size) for name, task in info.tasks.items()
    }
    scenes = {SCENES: outputs[SCENES]} if SCENES in outputs else {}
    return arrays | scenes


def _resized_map(task: TaskInfo, outputs: Outputs, size: tuple[int, int]) -> np.ndarray:
    if task.class_names:
        return _likeliest(outputs[probabilities_of(task.name)], size)
    values = _resized(outputs[task.name], size)
    return _unit_vectors(values) if task.name in UNIT_VECTORS else values


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes [h, w] or [h, w, C] to (height, width), bilinearly, as float32."""
    if values.ndim == 3:
        channels = [_resized(values[..., c], size) for c in range(values.shape[-1])]
        return np.stack(channels, axis=-1)
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def _likeliest(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns class numbers [height, width] of probabilities [h, w, classes].

    One class is resized at a time: all of a large image at once take gigabytes.
    """
    classes = probabilities.shape[-1]
    best = np.zeros(size, np.min_scalar_type(classes - 1))
    highest = _resized(probabilities[..., 0], size).copy()
    for number in range(1, classes):
        values = _resized(probabilities[..., number], size)
        best[values > highest] = number
        np.maximum(highest, values, out=highest)
    return best


def _unit_vectors(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.float32(1e-12))
