"""Activations that the backward pass computes again instead of keeping them.

Of a block of a network only the inputs and the weights are kept; the rest is computed
anew when its gradient is asked for (Chen et al., "Training Deep Nets with Sublinear
Memory Cost", 2016). It is computed with the weights of the first time, also where they
have moved since, and advances no moving average.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeLayer
from mgm_tf.networks.layers.batch_normalization import advancing_statistics

# Replicas of a strategy run in threads of their own.
_THREAD = threading.local()


@contextlib.contextmanager
def recomputing(recompute: bool) -> Iterator[None]:
    """Sets whether blocks compute again what their gradients need, within it.

    It holds for this thread only.
    """
    before = _recomputing()
    _THREAD.recompute = recompute
    try:
        yield
    finally:
        _THREAD.recompute = before
        # Of no graph that nobody needs any more.
        if not before:
            _THREAD.last = []


def _recomputing() -> bool:
    return getattr(_THREAD, "recompute", False)


def _before(tensor: tf.Tensor) -> list[tf.Tensor]:
    """Returns the gradients that were last computed again, in the tensor's graph."""
    if not tf.is_symbolic_tensor(tensor):
        return []
    last = getattr(_THREAD, "last", [])
    return [each for each in last if getattr(each, "graph", None) is tensor.graph]


class Block(CompositeLayer):
    """A composite that is recomputed as a whole where it is asked for.

    It maps tensors, its positional arguments, to one tensor.
    """

    def __call__(self, *inputs: tf.Tensor, **options: Any) -> tf.Tensor:
        """Calls the layer; see `recomputing`."""
        call = super().__call__
        # The first call creates the variables.
        if not (_recomputing() and self.built):
            return call(*inputs, **options)
        return _recomputed(self, call, inputs, options)


def _recomputed(
    layer: keras.Layer,
    call: Callable[..., tf.Tensor],
    inputs: Sequence[tf.Tensor],
    options: Mapping[str, Any],
) -> tf.Tensor:
    variables = layer.variables
    # As they are kept, not as an outer layer of fewer bits would have them.
    values = [tf.convert_to_tensor(variable._value) for variable in variables]
    with recomputing(False):
        # Nothing of what is computed here is kept for a gradient.
        outputs = tf.stop_gradient(call(*inputs, **options))

    def gradient(upstream: tf.Tensor) -> list[tf.Tensor | None]:
        # Not before it is needed, and one block after the other: a graph computes what
        # it can, all decoders at once.
        with tf.control_dependencies([upstream, *_before(upstream)]):
            own_inputs, own_values = tf.nest.map_structure(
                tf.identity, ([*inputs], values)
            )
        trained = [
            value
            for value, variable in zip(own_values, variables, strict=True)
            if variable.trainable
        ]
        with (
            tf.GradientTape(watch_accessed_variables=False) as tape,
            keras.StatelessScope(list(zip(variables, own_values, strict=True))),
            advancing_statistics(False),
        ):
            tape.watch([*own_inputs, *trained])
            again = call(*own_inputs, **options)
        gradients = tape.gradient(again, [*own_inputs, *trained], upstream)
        _THREAD.last = [each for each in gradients if each is not None]
        found = iter(gradients)
        return [
            *(next(found) for _ in inputs),
            *(next(found) if v.trainable else None for v in variables),
        ]

    @tf.custom_gradient
    def attached(*tensors: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        return tf.identity(outputs), gradient

    return attached(*inputs, *values)
