"""What networks compute in: float32, or mostly half of it, by the policies of Keras.

With half the bits, convolutions and what lies between them are bfloat16 or float16.
Weights are float32 all the same, and so is what few bits would spoil: batch statistics
and spectral norms, the softmax of self-attention, means and sums over an image and what
follows them, the predictions of decoders, and whatever a network returns.
"""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

# --precision: the policy of the layers; None for what Keras is set to, float32.
POLICIES = {
    "float32": None,
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
_LEAST_BYTES = 4


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Sets what layers compute in that are created within it.

    Args:
      precision: a key of `POLICIES`.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision] or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def full_dtype() -> str:
    """Returns the dtype of the weights of layers that are created now.

    A layer with this as its `dtype` computes in it as well.
    """
    return keras.config.dtype_policy().variable_dtype


def is_full(tensor: tf.Tensor) -> bool:
    """Returns whether a tensor has the bits of float32 or more."""
    return tensor.dtype.size >= _LEAST_BYTES or not tensor.dtype.is_floating


def full(tensor: tf.Tensor) -> tf.Tensor:
    """Returns a tensor in float32, if it has fewer bits."""
    return tensor if is_full(tensor) else tf.cast(tensor, tf.float32)
