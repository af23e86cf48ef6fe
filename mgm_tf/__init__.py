"""MGM: generative modeling for multi-task visual learning, in TensorFlow and Keras."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgm_tf.export.versions import LoadedModel


def load(path: str | os.PathLike) -> "LoadedModel":
    """Loads an exported model, which predicts when it is called with images.

        model = mgm_tf.load("saved_models/nyuv2")
        depth = model(images)["depth"]  # uint8 [N, H, W, 3] -> metres [N, S, S]

    Args:
      path: the folder of the model, whose newest version is loaded, or of a version.

    Raises:
      ValueError: there is no model, or `python -m mgm_tf.export` did not write it.
    """
    # Only here: TensorFlow takes seconds to import.
    from mgm_tf.export import versions

    return versions.load(path)
