"""Layers that work without the normalizations behind convolutions: see `folding.py`.

What is folded holds for a thread, while a network is called; layers ask here.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping

import keras
import tensorflow as tf

_THREAD = threading.local()


@dataclasses.dataclass(frozen=True)
class Folding:
    """The weights by which a network works without normalizations behind convolutions.

    Attributes:
      values: weight of a convolution -> the value that it has in place of its own.
      offsets: a normalization -> what it adds, [C]; None if its convolution does so.
      divided: the spectral layers whose value is the kernel that they work with.
    """

    values: tuple[tuple[keras.Variable, tf.Variable], ...] = ()
    offsets: Mapping[keras.Layer, tf.Variable | None] = dataclasses.field(
        default_factory=dict
    )
    divided: frozenset[keras.Layer] = frozenset()


_NOTHING = Folding()


def current() -> Folding:
    """Returns what is folded at present."""
    return getattr(_THREAD, "folding", _NOTHING)


@contextlib.contextmanager
def in_use(folding: Folding) -> Iterator[None]:
    """Has layers work by these weights, within it, in this thread."""
    before = current()
    _THREAD.folding = folding
    try:
        with keras.StatelessScope([(w, tf.identity(v)) for w, v in folding.values]):
            yield
    finally:
        _THREAD.folding = before
