"""The signatures of an exported model: what a client can ask for.

    serving_default     images [N, H, W, 3] in 0..255, float32, any H and W: for JSON,
                        whose integers are numbers
    serving_uint8       the same as uint8: a quarter of the bytes
    serving_bytes       image_bytes [N]: JPEG, PNG or GIF files, of any sizes
    serving_bytes_full  the same, with outputs in the size of each image
    features            images, float32: what E makes of them
    sample              scene and noise: generated images, if there is a generator

`predictor.py` and `sampler.py` describe their outputs.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from mgm_tf.export.predictor import Predictor
from mgm_tf.export.sampler import Sampler

DEFAULT, UINT8 = "serving_default", "serving_uint8"
BYTES, BYTES_FULL = "serving_bytes", "serving_bytes_full"
FEATURES, SAMPLE = "features", "sample"

NAMES = (DEFAULT, UINT8, BYTES, BYTES_FULL, FEATURES, SAMPLE)

# Those that take raw images, and the type of these.
RAW = {DEFAULT: tf.float32, UINT8: tf.uint8}


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of a SavedModel.

    Attributes:
      name: its name.
      function: what it computes, of its inputs in this order.
      inputs: the types, shapes and names of its inputs.
    """

    name: str
    function: Callable[..., dict[str, tf.Tensor]]
    inputs: tuple[tf.TensorSpec, ...]


def image_spec(dtype: tf.DType) -> tf.TensorSpec:
    """Returns the type, shape and name of raw images."""
    return tf.TensorSpec([None, None, None, 3], dtype, name="images")


def signatures_of(
    predictor: Predictor, sampler: Sampler | None = None
) -> tuple[Signature, ...]:
    """Returns the signatures of trained networks.

    Args:
      predictor: the networks that predict.
      sampler: the generator; None where there is none.
    """
    files = (tf.TensorSpec([None], tf.string, name="image_bytes"),)
    rows = [
        *(
            Signature(name, predictor.__call__, (image_spec(t),))
            for name, t in RAW.items()
        ),
        Signature(BYTES, predictor.of_files, files),
        Signature(BYTES_FULL, predictor.of_files_in_their_size, files),
        Signature(FEATURES, predictor.features, (image_spec(tf.float32),)),
    ]
    if sampler is not None:
        rows.append(Signature(SAMPLE, sampler.__call__, sampler.specs))
    return tuple(rows)
