"""Adam as the paper's authors use it, with an L2 penalty; one operation a weight."""

from collections.abc import Mapping

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2014) whose gradient includes that of an L2 penalty.

    As `torch.optim.Adam(weight_decay=l2)` has it, unlike AdamW; epsilon is added where
    Keras adds it. The step is TensorFlow's fused operation: the same numbers as Keras',
    from a graph of two thirds of the size.

    Args:
      learning_rate, beta_1, beta_2, epsilon: as in Keras.
      l2: factor of half the squared norm of the weights.
      rates: learning rates of weights of a name that have one of their own.
    """

    def __init__(
        self,
        learning_rate: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        l2: float = 0.0,
        rates: Mapping[str, float] | None = None,
        name: str = "adam",
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name)
        self.l2 = l2
        self.rates = dict(rates or {})

    def build(self, variables):
        """Makes room for the averages of these weights."""
        self._rates = {
            place: self.rates[variable.name]
            for place, variable in enumerate(variables)
            if variable.name in self.rates
        }
        super().build(variables)

    def apply(self, grads, trainable_variables=None):
        """Takes the step for all weights."""
        step = tf.cast(self.iterations + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self.beta_1), tf.constant(self.beta_2)
        # Made once for all of them: a step of the algorithm trains hundreds, and what
        # makes its graph slow to build is the number of operations.
        self._l2 = tf.constant(self.l2)
        self._constants = {
            "beta1": beta_1,
            "beta2": beta_2,
            "beta1_power": tf.pow(beta_1, step),
            "beta2_power": tf.pow(beta_2, step),
            "epsilon": tf.constant(self.epsilon),
        }
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Takes the step for one weight; in a replica's update, for its copy of it."""
        place = self._get_variable_index(variable)
        weight = _plain(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=_plain(self._momentums[place]).handle,
            v=_plain(self._velocities[place]).handle,
            lr=self._rates.get(place, learning_rate),
            grad=gradient + self._l2 * weight if self.l2 else gradient,
            **self._constants,
        )

    def get_config(self):
        """The arguments, as Keras keeps them."""
        return super().get_config() | {"l2": self.l2, "rates": self.rates}


def _plain(variable) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable
