"""Trained networks behind raw images: the outputs of a SavedModel.

Outputs, at the network's size [N, S, S]: `segmentation` class numbers (int32),
`segmentation_probabilities` [..., classes], `depth` in metres, `normals` [..., 3] unit
vectors, `edges`, `reshading`, `curvature` [..., 2], in the units of the task's
`TaskInfo`; and `scene_probabilities` [N, scenes] if scenes were learned: they sum to 1
where an image is of one scene class, and are independent where it has several labels
(`tasks/scenes.py`). All but class numbers are float32.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

SCENES = "scene_probabilities"


class Predictor:
    """The networks behind raw images, with resizing and coding.

    Args:
      networks: the networks by name: `encoder`, `decoders` and, for scenes, `refiner`.
      tasks: the tasks to predict.
      scene_classes: the scene classes, or None where no scene was learned.
      image_size: the height and the width of the images that the networks see.

    Raises:
      ValueError: a network that is needed is missing.
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        tasks: Sequence[Task],
        scene_classes: SceneClasses | None,
        image_size: int,
    ):
        needed = ("encoder", "decoders") + (("refiner",) if scene_classes else ())
        missing = [name for name in needed if name not in networks]
        if missing:
            raise ValueError(
                f"To predict, networks {', '.join(needed)} are needed; missing: "
                f"{', '.join(missing)} (given: {', '.join(networks) or 'none'})."
            )
        self.networks = {name: networks[name] for name in needed}
        self.tasks = tuple(tasks)
        self.scene_classes = scene_classes
        self.image_size = image_size
        # One graph that every endpoint calls: it is traced and stored once.
        self._predict = tf.function(
            self._named_outputs,
            input_signature=[tf.TensorSpec([None, image_size, image_size, 3])],
            autograph=False,
        )

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from `images` [N, H, W, 3], float32 or uint8, in 0..255."""
        size = (self.image_size, self.image_size)
        resized = tf.image.resize(tf.cast(images, tf.float32), size, antialias=True)
        return self._predict(resized / 127.5 - 1)

    def of_resized(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from images [N, S, S, 3] of the network's size, in 0..255."""
        return self._predict(images / 127.5 - 1)

    def _named_outputs(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        features = self.networks["encoder"](images, training=False)
        predictions = self.networks["decoders"](features, training=False)
        outputs: dict[str, tf.Tensor] = {}
        for task in self.tasks:
            outputs |= _outputs_of(task, predictions[task.name])
        if self.scene_classes is not None:
            logits = self.networks["refiner"](predictions, training=False)
            outputs[SCENES] = self.scene_classes.probabilities(logits)
        return outputs


def _outputs_of(task: Task, prediction: tf.Tensor) -> dict[str, tf.Tensor]:
    physical = task.physical(prediction)
    outputs = {task.name: physical[..., 0] if task.info.channels == 1 else physical}
    if task.info.class_names:
        logits = tf.cast(prediction, tf.float32)
        outputs[probabilities_of(task.name)] = tf.nn.softmax(logits)
    return outputs


def probabilities_of(name: str) -> str:
    """Returns the name of the output with the class probabilities of a task."""
    return f"{name}_probabilities"
