"""Batch normalization folded into the convolution before it, for inference.

At test time a normalization is an affine map of each channel, and with it a convolution
is another one:

    gamma (W * x + b - mean) / sqrt(variance + epsilon) + beta
        = (s W) * x + s (b - mean) + beta,    s = gamma / sqrt(variance + epsilon)

Layers say by `normalized_convolutions` which normalization works on the outputs of
which convolution; all others stay as they are. Kernels of spectral layers are divided
by sigma once and for all. The networks do not change: a `FoldedNetwork` calls one of
them with other weights.
"""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeLayer, CompositeModel
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.folding import Folding, in_use
from mgm_tf.networks.layers.spectral_normalization import SpectralLayer


class FoldedNetwork(tf.Module):
    """A network at test time, without the normalizations behind its convolutions.

    It has the weights that the network has when it is made.
    """

    def __init__(self, network: keras.Model):
        super().__init__()
        self._network = network
        self._folding = folding_of(network)

    def __call__(self, *inputs: Any, training: bool = False) -> Any:
        """Returns what the network does without `training`, but for rounding.

        Raises:
          ValueError: it is to be trained.
        """
        if training:
            raise ValueError("Without its normalizations, a network cannot be trained.")
        with in_use(self._folding):
            return self._network(*inputs, training=False)


def folding_of(network: keras.Model) -> Folding:
    """Returns the weights by which a network works without its normalizations."""
    after = dict(_pairs(network))
    values: list[tuple[keras.Variable, tf.Variable]] = []
    offsets: dict[keras.Layer, tf.Variable | None] = {}
    divided = []
    for layer in network._flatten_layers():
        is_spectral = isinstance(layer, SpectralLayer)
        if layer not in after and not is_spectral:
            continue
        kernel = layer.normalized_kernel() if is_spectral else _tensor(layer.kernel)
        if layer in after:
            scale, offset = after[layer].affine_map()
            bias = getattr(layer, "bias", None)
            if bias is not None:
                offset += scale * _tensor(bias)
                values.append((bias, _constant(offset)))
            offsets[after[layer]] = None if bias is not None else _constant(offset)
            kernel *= scale[:, None] if _is_transposed(layer) else scale
        values.append((layer.kernel, _constant(kernel)))
        divided += [layer] * is_spectral
    return Folding(tuple(values), offsets, frozenset(divided))


def _pairs(
    network: keras.Model,
) -> Iterator[tuple[keras.layers.Layer, BatchNormalization]]:
    for layer in network._flatten_layers():
        if isinstance(layer, CompositeLayer | CompositeModel):
            yield from layer.normalized_convolutions


def _is_transposed(layer: keras.layers.Layer) -> bool:
    # The kernel of a transposed convolution is [k, k, filters, C].
    return isinstance(layer, keras.layers.Conv2DTranspose)


def _tensor(variable: keras.Variable) -> tf.Tensor:
    return tf.convert_to_tensor(variable.value)


def _constant(value: tf.Tensor) -> tf.Variable:
    # A variable is stored once, a constant in every graph that has it.
    return tf.Variable(value, trainable=False)
