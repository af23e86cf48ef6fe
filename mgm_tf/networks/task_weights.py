"""Weights of the tasks' losses where they are not simply summed."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel, state_variable
from mgm_tf.tasks import replicas

# How much the logarithm of a task's scale costs in `uncertainty`.
LAPLACE = 1.0
SOFTMAX = 0.5


def uncertainty(
    losses: tf.Tensor, log_scales: tf.Tensor, costs: tf.Tensor
) -> tf.Tensor:
    """Returns exp(-s) L + cost * s of each task, s its learnt uncertainty, [tasks].

    Kendall et al., "Multi-Task
    Learning Using Uncertainty to Weigh Losses" (2018). A cost says what s is:

    - `SOFTMAX`, 1/2, for a cross-entropy: s = log sigma^2, eq. (10).
    - `LAPLACE`, 1, for a mean absolute difference: s = log b, as minus the logarithm of
      the density exp(-|x| / b) / 2b is |x| / b + log b + log 2. The paper's own case,
      half of a squared difference, has eq. (7), with s = log sigma^2 and 1/2.

    A loss of exactly 0, over all replicas, is that of a batch without a label: nothing
    is said of the scale then, and s, which would fall without end, has no gradient.

    Args:
      losses: the loss L of each task, [tasks], this replica's share of the mean (see
        `replicas`). So is what is returned.
      log_scales: the logarithm s of each scale, [tasks]; 0 leaves a loss as it is.
      costs: what a unit of s costs each task, [tasks].
    """
    labelled = replicas.total(losses) > 0
    scale_costs = tf.where(labelled, costs * log_scales, 0.0)
    return tf.exp(-log_scales) * losses + scale_costs


def dynamic_weights(
    last: tf.Tensor, before_last: tf.Tensor, temperature: float = 2.0
) -> tf.Tensor:
    """Returns weights that are the larger, the slower a task's loss falls, [tasks].

    Dynamic Weight Average, eq. (7) of Liu et al., "End-to-End Multi-Task Learning with
    Attention" (2019): T softmax(r / temperature) over the T tasks, r the loss of the
    last epoch over that of the epoch before.

    Args:
      last: the mean losses of the last epoch, [tasks].
      before_last: the mean losses of the epoch before, [tasks]; 0 where there was none:
        r is 1 then, and so are all weights if it is 0 for all tasks.
      temperature: the temperature of the softmax; the higher, the more equal weights.

    Returns:
      Weights [tasks] with a mean of 1.
    """
    ratios = tf.where(before_last > 0, tf.math.divide_no_nan(last, before_last), 1.0)
    return tf.cast(tf.size(last), last.dtype) * tf.nn.softmax(ratios / temperature)


class UncertaintyWeights(CompositeModel):
    """Weights by the learned uncertainty of each task (Kendall et al., 2018).

    Args:
      costs: what a large uncertainty costs each task; see `uncertainty`.
    """

    def __init__(self, costs: Sequence[float], name: str | None = None):
        super().__init__(name=name)
        self.costs = tuple(costs)
        self.log_scales = self.add_weight(
            shape=(len(costs),),
            initializer="zeros",
            autocast=False,
            name="log_scales",
        )
        # Called outside of replicas, as networks of layers are, it could not agree.
        self.built = True

    def call(
        self, losses: tf.Tensor, epochs: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps losses [tasks] to weighted losses [tasks], whatever the epoch."""
        costs = tf.constant(self.costs, tf.float32)
        return uncertainty(losses, self.log_scales.value, costs)


class DynamicWeights(CompositeModel):
    """Dynamic Weight Average over epochs of training (Liu et al., 2019).

    Args:
      costs: what a large uncertainty costs each task; only their number counts.
    """

    def __init__(self, costs: Sequence[float], name: str | None = None):
        super().__init__(name=name)
        shape = (len(costs),)
        # Means over the last epoch and the one before, sums over the present one.
        self.last = state_variable(shape, "zeros", "last")
        self.before_last = state_variable(shape, "zeros", "before_last")
        self.sums = state_variable(shape, "zeros", "sums")
        self.number = state_variable((), "zeros", "number")
        self.present = state_variable((), "zeros", "present")
        self.built = True

    def call(
        self, losses: tf.Tensor, epochs: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps losses [tasks] to weighted losses [tasks]; in training, notes them.

        Args:
          losses: each task's loss, [tasks].
          epochs: how often the stage has seen its examples, [] float32.
          training: whether the losses count for the weights of later epochs.
        """
        if training:
            self._begin_epoch(tf.floor(epochs))
            mean = replicas.total(tf.stop_gradient(losses)) / replicas.count()
            self.sums.assign(self.sums + mean)
            self.number.assign(self.number + 1.0)
        weights = dynamic_weights(
            tf.convert_to_tensor(self.last), tf.convert_to_tensor(self.before_last)
        )
        return weights * losses

    def _begin_epoch(self, number: tf.Tensor) -> None:
        """Takes the means of the epoch before, if `number` is that of a new one."""
        is_new = tf.logical_and(
            number != tf.convert_to_tensor(self.present), self.number > 0
        )
        mean = tf.math.divide_no_nan(
            tf.convert_to_tensor(self.sums), tf.convert_to_tensor(self.number)
        )
        last = tf.convert_to_tensor(self.last)
        self.before_last.assign(tf.where(is_new, last, self.before_last))
        self.last.assign(tf.where(is_new, mean, last))
        self.sums.assign(tf.where(is_new, tf.zeros_like(mean), self.sums))
        self.number.assign(tf.where(is_new, 0.0, self.number))
        self.present.assign(number)


# Each is made from the tasks' costs. Equal weights need no network.
TASK_WEIGHTS: dict[str, Callable[..., keras.Model]] = {
    "equal": keras.Model,
    "uncertainty": UncertaintyWeights,
    "dwa": DynamicWeights,
}


def costs_of(has_classes: Sequence[bool]) -> tuple[float, ...]:
    """Returns the costs of tasks, by whether they predict classes."""
    return tuple(SOFTMAX if classes else LAPLACE for classes in has_classes)
