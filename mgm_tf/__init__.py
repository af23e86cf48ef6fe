"""MGM: generative modeling for multi-task visual learning, in TensorFlow and Keras."""

import os
import sys
from typing import TYPE_CHECKING

from mgm_tf.config import environment

if TYPE_CHECKING:
    from mgm_tf.export.versions import LoadedModel

# Before anything that reads it is imported.
for _sentence in environment.prepare(is_command=environment.starts_command()):
    print(_sentence, file=sys.stderr)


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
