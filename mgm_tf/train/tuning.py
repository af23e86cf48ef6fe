"""The optimizers of a run: one Adam a network, or one for each update of it."""

from mgm_tf.config.settings import ScheduleConfig
from mgm_tf.train.optimizers import Adam

# Of AdaShare's policy.
POLICY_DECAY = 5e-4

# Interpretation: which updates share an optimizer is not stated; E is changed by most.
OPTIMIZER_KEYS = {
    "per_network": lambda update, network: network,
    "per_update": lambda update, network: f"{update}.{network}",
}


def optimizer(schedule: ScheduleConfig, network: str) -> Adam:
    """A new optimizer of a network, not built yet."""
    gan = {
        "generator": schedule.generator_learning_rate,
        "embedding": schedule.embedding_learning_rate,
        "discriminator": schedule.discriminator_learning_rate,
    }
    rates = gan | {"policy": schedule.policy_learning_rate}
    decays = dict.fromkeys(gan, 0.0) | {"policy": POLICY_DECAY, "task_weights": 0.0}
    return Adam(
        rates.get(network, schedule.learning_rate),
        beta_1=schedule.gan_beta_1 if network in gan else 0.9,
        l2=decays.get(network, schedule.weight_decay),
        rates={"stitch": schedule.stitch_learning_rate},
        name=f"adam_{network}",
    )
