"""What weighs the losses of the tasks where they are not simply summed."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from mgm_tf import replicas
from mgm_tf.networks import task_weighting
from mgm_tf.networks.layers.base import CompositeModel, state_variable


class UncertaintyWeights(CompositeModel):
    """Weights by the learned uncertainty of each task (Kendall et al., 2018).

    Args:
      costs: of each task, what a large uncertainty costs; see `task_weighting`.
    """

    def __init__(self, costs: Sequence[float], name: str | None = None):
        super().__init__(name=name)
        self.costs = tuple(costs)
        self.log_scales = self.add_weight(
            shape=(len(costs),), initializer="zeros", name="log_scales"
        )
        # Called outside of replicas, as networks of layers are, it could not agree.
        self.built = True

    def call(self, losses, passes, training=False):
        """Losses [tasks] to weighted losses [tasks]."""
        del passes
        costs = tf.constant(self.costs, tf.float32)
        return task_weighting.uncertainty(losses, self.log_scales.value, costs)


class DynamicWeights(CompositeModel):
    """Dynamic Weight Average over passes of the examples (Liu et al., 2019).

    Args:
      costs: of each task; only their number counts.
    """

    def __init__(self, costs: Sequence[float], name: str | None = None):
        super().__init__(name=name)
        shape = (len(costs),)
        # Means over the last pass and the one before, sums over the present one.
        self.last = state_variable(shape, "zeros", "last")
        self.before_last = state_variable(shape, "zeros", "before_last")
        self.sums = state_variable(shape, "zeros", "sums")
        self.number = state_variable((), "zeros", "number")
        self.present = state_variable((), "zeros", "present")
        self.built = True

    def call(self, losses, passes, training=False):
        """Losses [tasks] to weighted losses [tasks]; takes note of them."""
        if training:
            self._begin_pass(tf.floor(passes))
            mean = replicas.total(tf.stop_gradient(losses)) / replicas.count()
            self.sums.assign(self.sums + mean)
            self.number.assign(self.number + 1.0)
        weights = task_weighting.dynamic_weights(
            tf.convert_to_tensor(self.last), tf.convert_to_tensor(self.before_last)
        )
        return weights * losses

    def _begin_pass(self, number: tf.Tensor) -> None:
        """Closes the books on the pass before, if this is another."""
        another = tf.logical_and(
            number != tf.convert_to_tensor(self.present), self.number > 0
        )
        mean = tf.math.divide_no_nan(
            tf.convert_to_tensor(self.sums), tf.convert_to_tensor(self.number)
        )
        last = tf.convert_to_tensor(self.last)
        self.before_last.assign(tf.where(another, last, self.before_last))
        self.last.assign(tf.where(another, mean, last))
        self.sums.assign(tf.where(another, tf.zeros_like(mean), self.sums))
        self.number.assign(tf.where(another, 0.0, self.number))
        self.present.assign(number)


# Each: made of the tasks' costs. Equal ones need no network.
TASK_WEIGHTS: dict[str, Callable[..., keras.Model]] = {
    "equal": keras.Model,
    "uncertainty": UncertaintyWeights,
    "dwa": DynamicWeights,
}


def costs_of(has_classes: Sequence[bool]) -> tuple[float, ...]:
    """The costs of tasks, by whether they predict classes."""
    return tuple(
        task_weighting.SOFTMAX if classes else task_weighting.LAPLACE
        for classes in has_classes
    )
