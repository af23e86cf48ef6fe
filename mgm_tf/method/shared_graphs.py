"""Graphs that are built once, however often a step needs what they compute.

A step of Algorithm 1 passes E up to nine times and moves it up to seven times. Written
out, that is a graph of tens of thousands of operations, built by Python; TensorFlow
puts the shared graphs in their places again, much faster.
"""

from collections.abc import Callable, Hashable
from typing import Any

import tensorflow as tf

from mgm_tf import replicas


class SharedGraphs:
    """Functions by a key, each of which becomes a graph when it is first called."""

    def __init__(self) -> None:
        self._functions: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, key: Hashable, function: Callable, *inputs: Any) -> Any:
        """Returns `function(*inputs)`.

        Args:
          key: what tells functions apart; of the same key, the first one is called.
          function: a function of tensors that may read and assign variables.
          inputs: its tensors, or structures of such.
        """
        # A graph would hold the variables of the replica that built it.
        if not tf.inside_function() or replicas.count() > 1:
            return function(*inputs)
        if key not in self._functions:
            self._functions[key] = tf.function(function, autograph=False)
        return self._functions[key](*inputs)
