"""The optimizers of a run: one Adam a network, or one for each update of it.

Adam is as the paper's authors use it, with an L2 penalty; one operation a weight.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.config.settings import ScheduleConfig
from mgm_tf.method.algorithm import MULTI_TASK_NETWORK
from mgm_tf.method.stages import Stage

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
        *,
        scale: tf.Tensor | None = None,
        factor: float = 1.0,
    ) -> None:
        """Takes the step for all weights.

        Args:
          grads: the gradients.
          trainable_variables: the weights.
          scale: the factor on the learning rates, []; None for 1.
          factor: how much the gradients weigh in Adam's average of gradients, 0 to 1;
            in that of their squares they weigh 1. Whether or not other updates share
            the optimizer, these gradients then move the weights by so many times what
            they would: a factor on the loss Adam would divide out again, one on the
            learning rate would hold for the other updates' momentum as well.
        """
        scale = tf.ones(()) if scale is None else scale
        self._factor = factor
        self._rate = self._get_current_learning_rate() * scale
        self._own_rates = {place: rate * scale for place, rate in self._rates.items()}
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
        velocity = _plain(self._velocities[place])
        if self.l2:
            gradient += self._l2 * weight
        if self._factor != 1:
            # beta_2 (v + surplus) + (1 - beta_2) (f g)^2 = beta_2 v + (1 - beta_2) g^2
            surplus = (1 - self._factor**2) * (1 - self.beta_2) / self.beta_2
            velocity.assign_add(surplus * tf.square(gradient))
            gradient *= self._factor
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=_plain(self._momentums[place]).handle,
            v=velocity.handle,
            lr=self._own_rates.get(place, self._rate),
            grad=gradient,
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


def of_stage(
    stage: Stage, schedule: ScheduleConfig, networks: Mapping[str, keras.Model]
) -> dict[str, keras.optimizers.Optimizer]:
    """Returns new, built optimizers for a stage, by their key.

    Interpretation: which updates share an optimizer is not stated; E is changed by most
    of them.
    """
    key = KEYS[schedule.optimizers]
    by_key: dict[str, keras.optimizers.Optimizer] = {}
    for update in stage.updates:
        for name in update.trains:
            if key(update.name, name) not in by_key:
                adam = optimizer(schedule, name, stage.multi_task_rate)
                adam.build(networks[name].trainable_variables)
                by_key[key(update.name, name)] = adam
    return by_key


def optimizer(
    schedule: ScheduleConfig, network: str, multi_task_rate: float = 0.0
) -> Adam:
    """Returns a new optimizer of a network, not built yet.

    Args:
      schedule: the learning rates and penalties.
      network: the name of the network.
      multi_task_rate: the learning rate of M; 0 for that of R.
    """
    gan_rates = {
        "generator": schedule.generator_learning_rate,
        "embedding": schedule.embedding_learning_rate,
        "discriminator": schedule.discriminator_learning_rate,
    }
    rates = gan_rates | {"policy": schedule.policy_learning_rate}
    rates |= dict.fromkeys(
        MULTI_TASK_NETWORK, multi_task_rate or schedule.learning_rate
    )
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
