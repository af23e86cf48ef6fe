"""The base of layers: composites of other layers, and variables that are no weights."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.networks.layers.precision import full

# The shape of a layer's input as Keras gives it, the batch first.
Shape = tuple[int, ...]

# Of a convolution and the normalization of its outputs.
Pairs = tuple[tuple[keras.Layer, keras.Layer], ...]


def state_variable(
    shape: Shape, initializer: Callable | str, name: str
) -> keras.Variable:
    """Creates a variable that is no weight, for values that all replicas compute alike.

    Every replica assigns its own copy, without waiting for the others; where one value
    is read, as for a checkpoint, it is the first replica's.
    """
    return keras.Variable(
        keras.initializers.get(initializer),
        shape=shape,
        trainable=False,
        autocast=False,
        aggregation="only_first_replica",
        synchronization="on_read",
        name=name,
    )


class _Composite:
    """A layer made of layers: neither Keras nor a checkpoint loses sight of a part."""

    def __init__(self, *, name: str | None = None) -> None:
        # Nothing is rounded on the way in: each part knows what it computes in.
        super().__init__(name=name, autocast=False)  # type: ignore[call-arg]

    @property
    def normalized_convolutions(self) -> Pairs:
        """The convolutions whose outputs go to a batch normalization, and only there.

        With the normalization of each; those of parts are theirs to name.
        """
        return ()

    def build(self, input_shape: Any) -> None:
        """Creates nothing: the parts create their variables when they are called.

        Keras would build a composite by running `call` once on symbols, for every
        composite that it lies in: with deep networks twice the time of calling it.
        """

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, and for a list or dict of parts one for each of them.

        `tf.train.Checkpoint` follows attributes only: the variables of layers in a list
        or dict it would leave out, of saving and of restoring, without a word.
        """
        super().__setattr__(name, value)
        parts = value if isinstance(value, dict) else {}
        if isinstance(value, list):
            parts = dict(enumerate(value))
        for key, part in parts.items():
            if isinstance(part, keras.Layer):
                super().__setattr__(f"{name}_{key}", part)


class CompositeLayer(_Composite, keras.layers.Layer):
    """A layer whose variables are those of its parts.

    Lists and dicts of parts are complete when they are set: what is appended later is
    in no checkpoint.
    """


class CompositeModel(_Composite, keras.Model):
    """A model whose variables are those of its parts; lists as in `CompositeLayer`."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Returns what `call` does, in float32 whatever the parts compute in."""
        return tf.nest.map_structure(full, super().__call__(*inputs, **options))
