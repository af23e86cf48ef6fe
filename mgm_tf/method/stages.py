"""The stages in which a method is trained (appendix B), and AdaShare's own.

Stage 1 trains M alone; stage 2 trains G and the embedding on the features of a frozen
E; stage 3 is Algorithm 1. AdaShare learns its policies before the last, with M as it is
after stage 1.
"""

import dataclasses
from collections.abc import Callable, Mapping

from mgm_tf.method.adversarial import Discriminate, Generate
from mgm_tf.method.algorithm import (
    MULTI_TASK_NETWORK,
    Method,
    Update,
    adversarial_updates,
    algorithm_1,
    multi_task_update,
    possible_updates,
)
from mgm_tf.method.images import HELD_OUT_IMAGES, REAL_IMAGES
from mgm_tf.method.passes import PASSES
from mgm_tf.method.rates import CONSTANT, RateSchedule

JOINT = "joint"
# What a recovery from a divergence multiplies all learning rates by.
RECOVERY_FACTOR = 0.5
_SEED_DISTANCE = 1_000_003  # as no two seeds that a person chooses are apart

STAGE_NAMES = ("multi_task", "generative", "policy", JOINT)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes:
      name: one of `STAGE_NAMES`.
      updates: the updates of a step, in order.
      batch_size: the number of labelled examples in a step.
      steps: the number of steps.
      begin: the step of the run at which the stage begins.
      extra: name -> number of the extra examples in a step.
      restarts: whether M begins the stage with its first weights again.
      rate_schedule: the factor on its learning rates.
      multi_task_rate: the learning rate of M; 0 for that of the other networks.
      recoveries: how often the run has diverged and gone back before.
    """

    name: str
    updates: tuple[Update, ...]
    batch_size: int
    steps: int
    begin: int = 0
    extra: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)
    restarts: bool = False
    rate_schedule: RateSchedule = CONSTANT
    multi_task_rate: float = 0.0
    recoveries: int = 0

    def recovered(self, times: int) -> "Stage":
        """Returns the stage of a run that has diverged so often, with smaller rates."""
        schedule = self.rate_schedule
        factor = schedule.factor * RECOVERY_FACTOR**times
        return dataclasses.replace(
            self,
            rate_schedule=dataclasses.replace(schedule, factor=factor),
            recoveries=times,
        )

    def seed_of(self, seed: int) -> int:
        """Returns the seed of examples and noise: another one after each recovery."""
        return (seed + self.recoveries * _SEED_DISTANCE) % 2**32

    @property
    def end(self) -> int:
        """The step of the run at which the stage ends."""
        return self.begin + self.steps

    @property
    def trains(self) -> frozenset[str]:
        """The networks that some update of the stage changes."""
        return frozenset(name for update in self.updates for name in update.trains)

    @property
    def reads_scenes(self) -> bool:
        """Whether a step needs scene labels."""
        return any(
            update.loss.reads_scenes or update.images.reads_scenes
            for update in self.updates
        )


def extra_names(updates: tuple[Update, ...]) -> tuple[str, ...]:
    """Returns the names of the extra examples that a step of these updates reads."""
    names = (update.images.extra for update in updates)
    return tuple(dict.fromkeys(name for name in names if name))


def stage_updates(method: Method) -> dict[str, tuple[Update, ...]]:
    """Returns the updates of each stage, by its name; a stage may have none."""
    latent_networks = (
        name
        for name in method.generate.latent.networks
        if name not in MULTI_TASK_NETWORK
    )
    players = adversarial_updates(method, ("generator", *latent_networks))
    stages = (
        possible_updates((multi_task_update(method),), method.frozen),
        possible_updates(players * method.weak.generative, method.frozen),
        _policy_updates(method),
        algorithm_1(method),
    )
    return dict(zip(STAGE_NAMES, stages, strict=True))


def _policy_updates(method: Method) -> tuple[Update, ...]:
    policy = method.policy
    if policy is None:
        return ()
    return (
        Update("multi_task", REAL_IMAGES, policy.weights, MULTI_TASK_NETWORK),
        Update("learn_policy", HELD_OUT_IMAGES, policy, ("policy",)),
    )


# Interpretation: batch statistics are taken in every pass of training. The moving
# averages, which are used at test time only, advance in one update of each network, on
# images like those met at test time: the update that owns its statistics.
STATISTICS_OWNERS = {
    "multi_task": MULTI_TASK_NETWORK,
    "refine": ("refiner",),
    "self_supervise": ("projector", "reconstructor"),
    "discriminate": ("discriminator",),
    "generate": ("generator", "embedding"),
}


@dataclasses.dataclass(frozen=True)
class MovingStatistics:
    """The networks whose moving averages advance in the passes of an update.

    Attributes:
      in_update: update -> the networks that advance in the pass for its loss.
      in_drawing: update -> the networks that advance in the pass for its images.
    """

    in_update: Callable[[Update], tuple[str, ...]]
    in_drawing: Callable[[Update], tuple[str, ...]]


def _owned(update: Update) -> tuple[str, ...]:
    owned = STATISTICS_OWNERS.get(update.name, ())
    return tuple(name for name in owned if name in update.loss.networks)


def _trained(update: Update) -> tuple[str, ...]:
    return update.trains


def _of_the_loss(update: Update) -> tuple[str, ...]:
    return update.loss.networks


def _of_the_images(update: Update) -> tuple[str, ...]:
    return update.images.networks


def _nothing(update: Update) -> tuple[str, ...]:
    return ()


# --moving_statistics
MOVING_STATISTICS = {
    "home": MovingStatistics(_owned, _nothing),
    "trained": MovingStatistics(_trained, _nothing),
    "everywhere": MovingStatistics(_of_the_loss, _of_the_images),
}


def with_moving_statistics(
    updates: tuple[Update, ...],
    rule: str,
    frozen: tuple[str, ...] = (),
    passes: str = "sequential",
) -> tuple[Update, ...]:
    """Returns the updates with the moving averages that advance in each.

    Args:
      updates: the updates of a stage.
      rule: a key of `MOVING_STATISTICS`.
      frozen: the networks whose averages never advance.
      passes: what the updates of a step share, a key of `passes.PASSES`.
    """
    statistics = MOVING_STATISTICS[rule]
    of_pair = _of_pair(updates, statistics) if PASSES[passes].shares_images else ()

    def thawed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in dict.fromkeys(names) if name not in frozen)

    def in_update(update: Update) -> tuple[str, ...]:
        names = statistics.in_update(update)
        # D's loss makes the images that G learns of as well.
        return names + of_pair * isinstance(update.loss, Discriminate)

    return tuple(
        dataclasses.replace(
            update,
            advances=thawed(in_update(update)),
            drawing_advances=thawed(statistics.in_drawing(update)),
        )
        for update in updates
    )


def _of_pair(
    updates: tuple[Update, ...], statistics: MovingStatistics
) -> tuple[str, ...]:
    """Returns the networks that would advance as G's loss makes its own images."""
    names = [
        name
        for update in updates
        if isinstance(update.loss, Generate)
        for name in statistics.in_update(update)
    ]
    # M passes the images with the losses of its own updates.
    return tuple(name for name in names if name not in MULTI_TASK_NETWORK)
