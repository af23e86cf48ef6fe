"""Trained networks behind raw images and image files: the outputs of a SavedModel.

Outputs, at the network's size [N, S, S]: `segmentation` class numbers (int32),
`segmentation_probabilities` [..., classes], `depth` in metres, `normals` [..., 3] unit
vectors, `edges`, `reshading`, `curvature` [..., 2], in the units of the task's
`TaskInfo`; and `scene_probabilities` [N, scenes] if scenes were learned: they sum to 1
where an image is of one scene class, and are independent where it has several labels
(`tasks/scenes.py`). All but class numbers are float32.

In each image's own size, [N, H, W] with the height and the width of the largest image
and zeros where others end, there are the same but the probabilities of classes, which
would be large, and `image_size` [N, 2], the height and the width of each, int32.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.export import encoded_images, resizing
from mgm_tf.networks.folding import FoldedNetwork
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

SCENES = "scene_probabilities"
FEATURES, IMAGE_SIZE = "features", "image_size"


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
        networks: Mapping[str, keras.Model | FoldedNetwork],
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
        # Graphs that every endpoint calls: they are traced and stored once.
        self._encode = tf.function(
            lambda images: self.networks["encoder"](images, training=False),
            input_signature=[tf.TensorSpec([None, image_size, image_size, 3])],
            autograph=False,
        )
        self._decode = tf.function(self._named_outputs, autograph=False)
        self._read = tf.function(
            self._pixels_and_sizes,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from `images` [N, H, W, 3], float32 or uint8, in 0..255."""
        return self._predict(self._resized(images))

    def of_resized(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from images [N, S, S, 3] of the network's size, in 0..255."""
        return self._predict(images)

    def features(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns E's `features` [N, h, w, C] of images as `__call__` takes them.

        Where E has features for each task, they are `depth_features` and so on.
        """
        features = self._encode(_coded(self._resized(images)))
        if isinstance(features, Mapping):
            return {f"{task}_{FEATURES}": values for task, values in features.items()}
        return {FEATURES: features}

    def of_files(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from encoded images, strings [N] (see `encoded_images.py`)."""
        return self._predict(self._read(image_bytes)[0])

    def of_files_in_their_size(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts from encoded images, strings [N], in the size of each image."""
        images, sizes = self._read(image_bytes)
        outputs = self._predict(images)
        maps = {
            task.name: resizing.Map(
                outputs[task.name],
                outputs.get(probabilities_of(task.name)),
                is_direction=task.info.name in resizing.UNIT_VECTORS,
            )
            for task in self.tasks
        }
        scenes = {SCENES: outputs[SCENES]} if SCENES in outputs else {}
        return resizing.in_their_size(maps, sizes) | scenes | {IMAGE_SIZE: sizes}

    def _resized(self, images: tf.Tensor) -> tf.Tensor:
        size = (self.image_size, self.image_size)
        return tf.image.resize(tf.cast(images, tf.float32), size, antialias=True)

    def _pixels_and_sizes(self, image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns images [N, S, S, 3] in 0..255, and their sizes [N, 2], of files."""

        def read(contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pixels = encoded_images.decode(contents)
            return self._resized(pixels), tf.shape(pixels)[:2]

        shape = (self.image_size, self.image_size, 3)
        specs = tf.TensorSpec(shape), tf.TensorSpec([2], tf.int32)
        # One at a time: images of several sizes are no tensor.
        return tf.map_fn(read, image_bytes, fn_output_signature=specs)

    def _predict(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._decode(self._encode(_coded(images)))

    def _named_outputs(
        self, features: tf.Tensor | Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        predictions = self.networks["decoders"](features, training=False)
        outputs: dict[str, tf.Tensor] = {}
        for task in self.tasks:
            outputs |= _outputs_of(task, predictions[task.name])
        if self.scene_classes is not None:
            logits = self.networks["refiner"](predictions, training=False)
            outputs[SCENES] = self.scene_classes.probabilities(logits)
        return outputs


def _coded(images: tf.Tensor) -> tf.Tensor:
    """Returns images in 0..255 as networks see them, in [-1, 1]."""
    return images / 127.5 - 1


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
