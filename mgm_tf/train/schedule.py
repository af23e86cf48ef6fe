"""The schedule of a run: a pure function of updates, settings and sizes."""

import dataclasses
from collections.abc import Mapping

from mgm_tf.config.options import StageLength
from mgm_tf.config.settings import ScheduleConfig
from mgm_tf.data.examples import HELD_OUT
from mgm_tf.method.algorithm import Update
from mgm_tf.method.rates import RateSchedule
from mgm_tf.method.stages import STAGE_NAMES, Stage, extra_names

# Extra examples of which a batch has as many as labelled ones.
_AS_MANY = frozenset({HELD_OUT})

StageUpdates = Mapping[str, tuple[Update, ...]]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The numbers on which a schedule depends.

    Attributes:
      examples: the number of labelled training examples.
      extra: name -> number of the extra examples; see `needed_extra`.
      replicas: the number of devices that share a batch.
    """

    examples: int
    extra: Mapping[str, int]
    replicas: int = 1


@dataclasses.dataclass(frozen=True)
class Shares:
    """The shares of a batch that are processed by themselves.

    Attributes:
      replicas: the number of devices that share it.
      parts: the number of parts of each device, one after the other.
    """

    replicas: int
    parts: int

    @property
    def number(self) -> int:
        """The number of shares, all of the same size."""
        return self.replicas * self.parts


def needed_extra(updates: StageUpdates, settings: ScheduleConfig) -> tuple[str, ...]:
    """Returns the names of the extra examples that some stage of a run reads."""
    names = (
        name
        for stage, rows in updates.items()
        if _length(settings, stage).amount > 0
        for name in extra_names(rows)
    )
    return tuple(dict.fromkeys(names))


def plan(
    updates: StageUpdates, settings: ScheduleConfig, sizes: Sizes
) -> tuple[Stage, ...]:
    """Returns the stages of appendix B that have something to do, in turn.

    Args:
      updates: stage name -> the updates of its step; there may be none.
      settings: the lengths and batch sizes of the stages.
      sizes: the numbers of examples and devices.

    Raises:
      ValueError: no stage has anything to do, or the examples do not fill a batch.
    """
    shares = Shares(sizes.replicas, settings.accumulation_steps)
    multi_task_rates = {"joint": settings.joint_learning_rate}
    stages: list[Stage] = []
    for name, rows in updates.items():
        requested = getattr(settings, f"{name}_batch_size")
        batch_size = _batch_size(requested, sizes.examples, shares)
        steps = _length(settings, name).steps(sizes.examples, batch_size)
        if rows and steps:
            begin = stages[-1].end if stages else 0
            extra = _extra_batch_sizes(rows, batch_size, sizes, shares)
            stage = Stage(
                name,
                rows,
                batch_size,
                steps,
                begin,
                extra,
                rate_schedule=_rate_schedule(settings, name),
                multi_task_rate=multi_task_rates.get(name, 0.0),
            )
            stages.append(stage)
    if not stages:
        raise ValueError(
            "Nothing to train: no stage has a length above 0 and an update. Set "
            + ", ".join(f"--{name}_length" for name in STAGE_NAMES)
            + " or --weak."
        )
    *before, last = stages
    # AdaShare: what a policy has chosen is trained from the first weights again.
    policy_learned = any(HELD_OUT in stage.extra for stage in before)
    if policy_learned:
        # M has learned nothing yet, and takes no rate of what is trained already.
        last = dataclasses.replace(last, restarts=True, multi_task_rate=0.0)
    return (*before, last)


def _rate_schedule(settings: ScheduleConfig, stage: str) -> RateSchedule:
    decay, warmup = (
        getattr(settings, f"{stage}_{name}") for name in ("schedule", "warmup")
    )
    return RateSchedule(decay, warmup)


def _length(settings: ScheduleConfig, stage: str) -> StageLength:
    return StageLength.parse(getattr(settings, f"{stage}_length"))


def _extra_batch_sizes(
    updates: tuple[Update, ...], batch_size: int, sizes: Sizes, shares: Shares
) -> dict[str, int]:
    """Returns batch sizes with which all examples make one epoch together."""
    batch_sizes = {}
    for name in extra_names(updates):
        count = sizes.extra[name]
        # Interpretation: r weak examples for a labelled one come in every step, not r
        # steps. Policies and weights learn from minibatches of the same size.
        ratio = 1.0 if name in _AS_MANY else count / sizes.examples
        requested = max(round(batch_size * ratio), 2)
        batch_sizes[name] = _batch_size(requested, count, shares)
    return batch_sizes


def _batch_size(requested: int, examples: int, shares: Shares) -> int:
    # Interpretation: a set that is smaller than a batch is one.
    size = min(requested, examples // shares.number * shares.number)
    if size % shares.number or size < 2 * shares.parts:
        parts = f", in {shares.parts} parts each," * (shares.parts > 1)
        raise ValueError(
            f"A batch of {requested} of {examples} examples on {shares.replicas} "
            f"replicas{parts} is impossible: it needs 2 examples, and as many on each "
            f"replica{' and in each part' * (shares.parts > 1)}."
        )
    return size
