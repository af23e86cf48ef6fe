"""Layers and models that are made of layers."""

import keras


class _Composite:
    """What a composite needs beside its `call`."""

    def build(self, input_shape):
        """Creates nothing: the parts create their variables when they are called.

        Keras would build a composite by running `call` once on symbols, for every
        composite that it lies in: with deep networks twice the time of calling it.
        """

    def __setattr__(self, name, value):
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
