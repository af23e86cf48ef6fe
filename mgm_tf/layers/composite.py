"""Layers and models that are made of layers."""

import keras


class _Composite:
    """What a composite needs beside its `call`.

    Keras would build it by running `call` once on symbols for every composite it lies
    in, which for deep networks takes many times as long as to call it.
    """

    def build(self, input_shape):
        """Creates nothing: the parts create their variables when they are called."""


class CompositeLayer(_Composite, keras.layers.Layer):
    """A layer whose variables are those of its parts."""


class CompositeModel(_Composite, keras.Model):
    """A model whose variables are those of its parts."""
