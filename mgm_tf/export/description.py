"""The description of an exported model for its clients, `assets/model.json`.

What a program in any language needs to send images and to read the answers: the inputs
and outputs of each signature with types and shapes (-1: any), what the numbers of each
output are, and names and colours of classes in the order of their numbers.
"""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from datasets.metadata import TaskInfo
from mgm_tf.export import predictor as outputs
from mgm_tf.export.predictor import Predictor, probabilities_of
from mgm_tf.export.sampler import IMAGES
from mgm_tf.files import whole
from mgm_tf.tasks.scenes import SceneClasses

FILE = pathlib.Path("assets") / "model.json"
TAGS = ("serve",)

# Outputs that are of no task -> what their numbers are.
_UNITS = {
    outputs.SCENES: "probability of each scene class",
    outputs.IMAGE_SIZE: "height and width in pixels",
    IMAGES: "RGB in 0..255",
}
_OF_THE_ENCODER = "feature of the encoder"


def write(predictor: Predictor, path: pathlib.Path, names: Iterable[str]) -> None:
    """Writes the description of the SavedModel in the folder `path`.

    Args:
      predictor: the networks that predict.
      path: the folder of the version.
      names: the signatures that are described.
    """
    units = dict(_UNITS)
    for task in predictor.tasks:
        units[task.name] = task.info.unit or "number"
        units[probabilities_of(task.name)] = "probability of each class"
    defined = meta_graph(path).signature_def
    described = {
        "image_size": predictor.image_size,
        "signatures": {name: _signature(defined[name], units) for name in names},
        "tasks": {task.name: _task(task.info) for task in predictor.tasks},
        "scenes": _scenes(predictor.scene_classes),
    }
    (path / FILE).parent.mkdir(exist_ok=True)
    text = json.dumps(described, indent=2, ensure_ascii=False)
    whole.write_text(path / FILE, text + "\n")


def meta_graph(path: pathlib.Path) -> meta_graph_pb2.MetaGraphDef:
    """Reads what TensorFlow Serving reads of the SavedModel in the folder `path`.

    Raises:
      ValueError: it has no graph for serving.
    """
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if tuple(graph.meta_info_def.tags) == TAGS:
            return graph
    raise ValueError(f"{path / 'saved_model.pb'} has no graph with the tag {TAGS[0]}.")


def _signature(
    defined: meta_graph_pb2.SignatureDef, units: Mapping[str, str]
) -> dict[str, Any]:
    inputs = {name: _tensor(info) for name, info in sorted(defined.inputs.items())}
    given = {
        name: _tensor(info) | {"unit": units.get(name, _OF_THE_ENCODER)}
        for name, info in sorted(defined.outputs.items())
    }
    return {"inputs": inputs, "outputs": given}


def _tensor(info: meta_graph_pb2.TensorInfo) -> dict[str, Any]:
    return {
        "dtype": tf.as_dtype(info.dtype).name,
        "shape": [int(dim.size) for dim in info.tensor_shape.dim],
    }


def _task(info: TaskInfo) -> dict[str, Any]:
    described: dict[str, Any] = {"channels": info.channels, "unit": info.unit}
    if info.class_names:
        classes = zip(info.class_names, info.class_colors, strict=True)
        described["classes"] = [
            {"number": number, "name": name, "color": list(color)}
            for number, (name, color) in enumerate(classes)
        ]
    return described


def _scenes(classes: SceneClasses | None) -> dict[str, Any] | None:
    if classes is None:
        return None
    return {"kind": classes.kind, "names": list(classes.names)}
