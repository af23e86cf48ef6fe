"""What layers keep beside their weights."""

from collections.abc import Callable

import keras


def state_variable(shape: tuple[int, ...], initializer: Callable | str, name: str):
    """A variable that is no weight, for values that all replicas compute alike.

    Every replica assigns its own copy, without waiting for the others; where one value
    is asked for, as for a checkpoint, it is the first replica's.
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
