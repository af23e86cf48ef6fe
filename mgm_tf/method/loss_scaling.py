"""Loss scaling: float16 has no room for the small gradients of losses as they are.

A loss is multiplied before its gradients are taken, and these are divided by the same
afterwards (Micikevicius et al., "Mixed Precision Training", 2018). The factor is found
by trial: one that makes gradients overflow is halved, and that update is not made; one
that has served long enough is doubled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import tensorflow as tf

from mgm_tf.method.algorithm import Update

# As `keras.optimizers.LossScaleOptimizer` has them, within bounds: what overflows at 1
# is not the scale's doing, and gradients of zeros would double it for ever.
FIRST = 2.0**15
LEAST, MOST = 1.0, 2.0**24
UPDATES_TO_DOUBLE = 2000

# --precision: whether losses are scaled. bfloat16 has the range of float32.
IS_SCALED = {"float32": False, "bfloat16": False, "float16": True}

# network -> the gradients of its weights
Gradients = Mapping[str, Sequence[tf.Tensor]]
# Makes an update; returns two numbers, [] float32, for each network.
Act = Callable[[Gradients], list[tf.Tensor]]


class Unscaled:
    """Takes the losses of an update as they are."""

    def scaled(self, terms: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        """Returns the terms of a loss as gradients are to be taken of them."""
        return terms

    def apply(self, gradients: Gradients, act: Act) -> list[tf.Tensor]:
        """Makes the update of these gradients of the scaled terms.

        Args:
          gradients: the gradients.
          act: makes it of the gradients of the terms as they were.

        Returns:
          What `act` returns.
        """
        return act(gradients)


class LossScale(tf.Module, Unscaled):
    """Scales the loss of an update, on one device.

    Attributes:
      factor: what the loss is multiplied by, [] float32.
      served: the number of updates that have been made with it, [] int64.
    """

    def __init__(self, updates_to_double: int = UPDATES_TO_DOUBLE) -> None:
        super().__init__()
        self._updates_to_double = updates_to_double
        self.factor = tf.Variable(FIRST, trainable=False)
        self.served = tf.Variable(tf.zeros([], tf.int64), trainable=False)

    def scaled(self, terms: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        """Returns the terms times the factor."""
        return {name: self.factor * term for name, term in terms.items()}

    def apply(self, gradients: Gradients, act: Act) -> list[tf.Tensor]:
        """Makes an update unless a gradient has overflowed, and adapts the factor.

        What overflows at the least factor goes to `act`, for the watch over the step to
        see. Of an update that is not made, zeros are returned.
        """
        unscaled = {
            name: [gradient / self.factor for gradient in each]
            for name, each in gradients.items()
        }
        is_finite = _is_finite(unscaled)
        numbers = tf.cond(
            tf.logical_or(is_finite, self.factor <= LEAST),
            lambda: act(unscaled),
            lambda: [tf.zeros([])] * 2 * len(unscaled),
        )
        self._adapt(is_finite)
        return numbers

    def _adapt(self, is_finite: tf.Tensor) -> None:
        served = tf.where(is_finite, self.served + 1, 0)
        is_long = served >= self._updates_to_double
        grown = tf.where(is_long, 2.0 * self.factor, self.factor)
        factor = tf.where(is_finite, grown, self.factor / 2.0)
        self.factor.assign(tf.clip_by_value(factor, LEAST, MOST))
        self.served.assign(tf.where(is_long, tf.zeros_like(served), served))


def _is_finite(gradients: Gradients) -> tf.Tensor:
    return tf.reduce_all(
        [
            tf.reduce_all(tf.math.is_finite(gradient))
            for each in gradients.values()
            for gradient in each
        ]
    )


UNSCALED = Unscaled()


def of_updates(updates: Iterable[Update], precision: str) -> dict[str, LossScale]:
    """Returns a new scale for each update by its name; none if they need none.

    Args:
      updates: the updates of a stage; those of one name share a scale.
      precision: a key of `IS_SCALED`.
    """
    if not IS_SCALED[precision]:
        return {}
    return {update.name: LossScale() for update in updates}
