"""The known answer of an exported model, `assets.extra/answer.json`.

`rest_check.py` asks a served model the same and compares. The image is small and comes
back in its own size, so that a probe that asks every few seconds costs little.
"""

import base64
import pathlib

import numpy as np
import tensorflow as tf

from mgm_tf.export.serving import warm_up
from mgm_tf.export.serving.rest_check import ANSWER
from mgm_tf.export.signatures import BYTES_FULL
from mgm_tf.files import whole

SIZE = 32  # pixels
_PLACES = 24  # of each output


def write(path: pathlib.Path, model: tf.Module) -> None:
    """Writes what the loaded SavedModel `model` of the folder `path` answers."""
    file = tf.io.encode_png(warm_up.picture(SIZE)).numpy()
    outputs = model.signatures[BYTES_FULL](tf.constant([file]))
    known = {
        "signature": BYTES_FULL,
        "image": base64.b64encode(file).decode(),
        "outputs": {
            name: _some(values.numpy())
            for name, values in sorted(outputs.items())
            # Where two classes are as likely, rounding chooses.
            if values.dtype.is_floating or values.shape.rank == 2
        },
    }
    (path / ANSWER).parent.mkdir(exist_ok=True)
    whole.write_json(path / ANSWER, known)


def _some(values: np.ndarray) -> dict[str, list]:
    places = np.unique(np.linspace(0, values.size - 1, _PLACES).round().astype(int))
    return {
        "shape": list(values.shape),
        "places": places.tolist(),
        "values": values.reshape(-1)[places].tolist(),
    }
