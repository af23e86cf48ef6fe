"""The schedule: a pure function of updates, settings and sizes, by hand."""

import dataclasses

import pytest

from mgm_tf.config.settings import ScheduleConfig
from mgm_tf.method.rates import RateSchedule
from mgm_tf.method.stages import stage_updates
from mgm_tf.train import schedule
from mgm_tf.train.schedule import Sizes
from tests import toy

SETTINGS = ScheduleConfig(
    multi_task_length="2epochs",
    generative_length="7steps",
    joint_length="0.5epochs",
    multi_task_batch_size=10,
    generative_batch_size=50,
    joint_batch_size=8,
)


def updates(weak="synthetic", **changes):
    return stage_updates(toy.method(toy.TWO_TASKS, weak, **changes))


def plan(rows, examples=40, replicas=1, extra=None, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return schedule.plan(rows, settings, Sizes(examples, extra or {}, replicas))


def test_stages_follow_each_other():
    stages = plan(updates())
    # Of 40 examples: 2 epochs of 4 steps; 7 steps; half of 5 steps, rounded to even.
    spans = [(stage.name, stage.begin, stage.end) for stage in stages]
    assert spans == [("multi_task", 0, 8), ("generative", 8, 15), ("joint", 15, 17)]
    # The set is smaller than the batch of stage 2, and is one.
    assert [stage.batch_size for stage in stages] == [10, 40, 8]
    assert not any(stage.restarts or stage.extra for stage in stages)


def test_a_stage_without_length_or_updates_is_left_out():
    assert [s.name for s in plan(updates("none"))] == ["multi_task", "joint"]
    rows = updates()
    assert [s.name for s in plan(rows, joint_length="0steps")][-1] == "generative"
    zero = {
        f"{name}_length": "0steps" for name in ("multi_task", "generative", "joint")
    }
    with pytest.raises(ValueError, match="Nothing to train"):
        plan(rows, **zero)


def test_extra_examples_make_one_epoch_with_the_labelled_ones():
    rows = updates("real")
    assert schedule.needed_extra(rows, SETTINGS) == ("weak",)
    (*_, joint) = plan(rows, extra={"weak": 120})
    # Three weak examples for a labelled one: 24 beside 8.
    assert joint.extra == {"weak": 24}
    (*_, joint) = plan(rows, extra={"weak": 2})
    assert joint.extra == {"weak": 2}


def test_what_no_stage_reads_is_not_needed():
    settings = dataclasses.replace(SETTINGS, joint_length="0steps")
    assert schedule.needed_extra(updates("real"), settings) == ()
    assert schedule.needed_extra(updates(), SETTINGS) == ()


def test_policies_learn_from_as_many_examples_and_the_last_stage_begins_anew():
    method = toy.method(toy.TWO_TASKS, "none", "none", "none")
    rows = stage_updates(
        dataclasses.replace(method, policy=toy.policy(method.multi_task))
    )
    assert schedule.needed_extra(rows, SETTINGS) == ("held_out",)
    stages = plan(rows, extra={"held_out": 10}, policy_batch_size=8)
    assert [stage.name for stage in stages] == ["multi_task", "policy", "joint"]
    assert stages[1].extra == {"held_out": 8}
    assert [stage.restarts for stage in stages] == [False, False, True]


@pytest.mark.parametrize(("examples", "replicas"), [(1, 1), (40, 3)])
def test_impossible_batches_are_refused(examples, replicas):
    with pytest.raises(ValueError, match="it needs 2 examples, and as many on each"):
        plan(updates(), examples, replicas)


def test_rates_are_those_of_the_stage():
    stages = plan(
        updates(),
        joint_learning_rate=0.25,
        generative_warmup=0.5,
        joint_schedule="cosine",
        joint_warmup=0.1,
    )
    assert [(stage.rate_schedule, stage.multi_task_rate) for stage in stages] == [
        (RateSchedule(), 0.0),
        (RateSchedule("constant", 0.5), 0.0),
        (RateSchedule("cosine", 0.1), 0.25),
    ]


def test_what_begins_anew_has_no_rate_of_what_is_trained_already():
    method = toy.method(toy.TWO_TASKS, "none", "none", "none")
    rows = stage_updates(
        dataclasses.replace(method, policy=toy.policy(method.multi_task))
    )
    stages = plan(rows, extra={"held_out": 10}, joint_learning_rate=0.25)
    assert stages[-1].restarts and stages[-1].multi_task_rate == 0
