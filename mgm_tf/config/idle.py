"""The settings that change nothing beside others: of a stage that is not there, say.

Said once, for those who tell runs apart or compare them.
"""

from collections.abc import Mapping

from mgm_tf.config.options import StageLength

# The stages that rows have or lack.
STAGES = ("multi_task", "joint")
_OF_G = (
    *("gan", "gan_width", "gan_beta_1", "generator_learning_rate", "generator_updates"),
    *("generator_average", "discriminator_learning_rate", "instance_noise"),
    *("discriminator_augmentation", "embedding_learning_rate", "guidance_factor"),
    *("synthesis_ratio", "synthesis_labels", "synthesis_factor"),
    *("generative_length", "generative_batch_size", "generative_schedule"),
    *("generative_warmup", "gan_images"),
)
_OF_POLICIES = (
    *("policy_length", "policy_batch_size", "policy_learning_rate", "policy_schedule"),
    *("policy_warmup", "policy_temperature", "policy_temperature_decay", "policy_draw"),
    *("policy_sparsity", "policy_sharing", "policy_curriculum"),
)
_OF_WEAK = ("weak_factor", "weak_percent")
# (setting, choice) -> the settings that then change nothing.
IDLE: Mapping[tuple[str, object], tuple[str, ...]] = {
    ("weak", "none"): (*_OF_G, *_OF_WEAK),
    ("weak", "real"): _OF_G,
    ("refinement", "none"): ("refinement_factor", "em", "em_steps", "em_rate"),
    ("self_supervision", "none"): ("self_supervision_factor", "temperature"),
    **dict.fromkeys(
        [("sharing", way) for way in ("hard", "cross_stitch", "task_grouping")],
        _OF_POLICIES,
    ),
}


def settings_of(settings: Mapping[str, object]) -> frozenset[str]:
    """Returns the names of the settings that change nothing.

    Args:
      settings: name -> value, of all groups.
    """
    names = {
        name for choice in settings.items() for name in IDLE.get(_hashable(choice), ())
    }
    for stage in STAGES:
        if not has_stage(settings, stage):
            names |= {name for name in settings if name.startswith(f"{stage}_")}
    return frozenset(names)


def has_stage(settings: Mapping[str, object], stage: str) -> bool:
    """Returns whether a run has a stage."""
    length = StageLength.parse(str(settings.get(f"{stage}_length", "0steps")))
    return length.amount > 0


def _hashable(choice: tuple[str, object]) -> tuple[str, object]:
    name, value = choice
    return name, str(value)
