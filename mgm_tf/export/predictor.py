"""Trained networks behind raw images: what a SavedModel answers with.

Outputs, at the network's size [N, S, S]: `segmentation` class numbers (int32),
`segmentation_probabilities` [..., classes], `depth` in metres, `normals` [..., 3] unit
vectors, `edges`, `reshading`, `curvature` [..., 2], in the units of the task's
`TaskInfo`; and `scene_probabilities` [N, scenes] if scenes were learned: they sum to 1
where an image is of one scene class, and stand each for itself where it has several
labels (`labels.py`). All but class numbers are float32.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

SCENES = "scene_probabilities"


class Predictor:
    """The networks behind raw images: resizing and coding inside.

    Args:
      networks: by name: `encoder`, `decoders` and, to name scenes, `refiner`.
      tasks: the tasks to predict.
      labels: of the images, or None where no scene was learned.
      image_size: height and width that the networks see.

    Raises:
      ValueError: a network that is needed is not there.
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        tasks: Sequence[Task],
        labels: SceneClasses | None,
        image_size: int,
    ):
        needed = ("encoder", "decoders") + (("refiner",) if labels else ())
        missing = [name for name in needed if name not in networks]
        if missing:
            raise ValueError(
                f"To predict, networks {', '.join(needed)} are needed; missing: "
                f"{', '.join(missing)} (given: {', '.join(networks) or 'none'})."
            )
        self.networks = {name: networks[name] for name in needed}
        self.tasks = tuple(tasks)
        self.labels = labels
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

    def _named_outputs(self, images):
        features = self.networks["encoder"](images, training=False)
        predictions = self.networks["decoders"](features, training=False)
        outputs: dict[str, tf.Tensor] = {}
        for task in self.tasks:
            outputs |= _outputs_of(task, predictions[task.name])
        if self.labels is not None:
            logits = self.networks["refiner"](predictions, training=False)
            outputs[SCENES] = self.labels.probabilities(logits)
        return outputs


def _outputs_of(task: Task, prediction: tf.Tensor) -> dict[str, tf.Tensor]:
    physical = task.physical(prediction)
    named = {task.name: physical[..., 0] if task.info.channels == 1 else physical}
    if task.info.class_names:
        logits = tf.cast(prediction, tf.float32)
        named[probabilities_of(task.name)] = tf.nn.softmax(logits)
    return named


def probabilities_of(name: str) -> str:
    """The output that holds the class probabilities of a task."""
    return f"{name}_probabilities"
