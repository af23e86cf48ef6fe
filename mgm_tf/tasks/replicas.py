"""What several replicas have to agree on: gathered tensors and means over all of them.

One convention throughout: a loss returns *this replica's share*, such that the mean of
the shares over the replicas is the loss of the global batch on one device. On a single
replica (and outside of a strategy) every function is the plain computation.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def count() -> int:
    """Returns the number of replicas that run this code in step."""
    # Under a strategy's scope, but not in its `run`, the code runs once.
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def total(value: tf.Tensor) -> tf.Tensor:
    """Returns the sum of `value` over the replicas; differentiable."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("SUM", value)


def gather(value: tf.Tensor) -> tf.Tensor:
    """Returns all replicas' `value` [n, ...], [replicas * n, ...]; differentiable."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_gather(value, axis=0)


def index() -> tf.Tensor | int:
    """Returns the number of this replica, 0 ... count() - 1."""
    if count() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns this replica's share of the mean of `values` where `mask` is true, [].

    Replicas hold different numbers of labelled pixels: dividing by a replica's own
    number would weigh a pixel by the replica that holds it. The mean of nothing is 0.

    Args:
      values: numbers of any shape; those that the mask leaves out have no effect, NaN
        included.
      mask: booleans of the same shape.
    """
    values = tf.where(mask, values, tf.zeros_like(values))
    number = total(tf.reduce_sum(tf.cast(mask, values.dtype))) / count()
    return tf.math.divide_no_nan(tf.reduce_sum(values), number)


def are_apart(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether replicas of a strategy are on several machines."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def copies(variable: tf.Variable) -> list[np.ndarray]:
    """Returns the values of all replicas' copies of a variable, outside of a step.

    Where replicas are on several machines, all of these have to ask at once.
    """
    own = getattr(variable, "values", None)
    if not own:
        return [variable.numpy()]
    strategy = variable.distribute_strategy
    if not are_apart(strategy):
        return [copy.numpy() for copy in own]
    rows = strategy.run(lambda: variable.read_value()[None])
    return list(strategy.gather(rows, axis=0).numpy())


def assign(
    variable: keras.Variable,
    other: keras.Variable,
    value: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> None:
    """Sets a weight to `value(weight, other)`, each replica's copy by its own copies.

    Args:
      variable: the weight that is set.
      other: another weight of the same shape.
      value: the function of both weights that gives the new one.
    """
    if count() == 1:
        variable.assign(value(variable.value, other.value))
        return

    def update(strategy: tf.distribute.Strategy) -> None:
        strategy.extended.update(
            variable.value,
            lambda copy, others: copy.assign(value(copy, others)),
            (other.value,),
        )

    tf.distribute.get_replica_context().merge_call(update)
