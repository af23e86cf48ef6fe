"""The optimizers of a run: one Adam a network, or one for each update of it.

Adam is as the paper's authors use it, with an L2 penalty; one operation a weight.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.config.settings import ScheduleConfig

POLICY_DECAY = 5e-4  # the L2 penalty on AdaShare's policy


class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2014) whose gradient includes that of an L2 penalty.

    As `torch.optim.Adam(weight_decay=l2)` has it, unlike AdamW; epsilon is added where
    Keras adds it. The step is TensorFlow's fused operation: the same numbers as Keras',
    from a graph of two thirds of the size.

    Args:
      learning_rate, beta_1, beta_2, epsilon: as in Keras.
      l2: the factor of half the squared norm of the weights.
      rates: weight name -> its learning rate, of weights that have one of their own.
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
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name)
        self.l2 = l2
        self.rates = dict(rates or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes room for the averages of these weights."""
        self._rates = {
            place: self.rates[variable.name]
            for place, variable in enumerate(variables)
            if variable.name in self.rates
        }
        super().build(variables)

    def apply(
        self,
        grads: Sequence[tf.Tensor],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
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

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
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

    def get_config(self) -> dict:
        """Returns the arguments, as Keras keeps them."""
        return super().get_config() | {"l2": self.l2, "rates": self.rates}


def _plain(variable: keras.Variable | tf.Variable) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable


def _one_a_network(update: str, network: str) -> str:
    return network


def _one_an_update(update: str, network: str) -> str:
    return f"{update}.{network}"


# --optimizers: (name of an update, name of a network) -> the key of the optimizer. The
# keys are in checkpoints.
KEYS = {"per_network": _one_a_network, "per_update": _one_an_update}


def optimizer(schedule: ScheduleConfig, network: str) -> Adam:
    """Returns a new optimizer of a network, not built yet.

    Args:
      schedule: the learning rates and penalties.
      network: the name of the network.
    """
    gan_rates = {
        "generator": schedule.generator_learning_rate,
        "embedding": schedule.embedding_learning_rate,
        "discriminator": schedule.discriminator_learning_rate,
    }
    rates = gan_rates | {"policy": schedule.policy_learning_rate}
    decays = dict.fromkeys(gan_rates, 0.0) | {
        "policy": POLICY_DECAY,
        "task_weights": 0.0,
    }
    return Adam(
        rates.get(network, schedule.learning_rate),
        beta_1=schedule.gan_beta_1 if network in gan_rates else 0.9,
        l2=decays.get(network, schedule.weight_decay),
        rates={"stitch": schedule.stitch_learning_rate},
        name=f"adam_{network}",
    )
