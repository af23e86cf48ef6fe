"""Algorithm 1: its rows, and those of its variants."""

import itertools

import pytest

from mgm_tf.algorithm import (
    MOVING_STATISTICS,
    NETWORKS,
    REFINEMENT,
    SELF_SUPERVISION,
    WEAK,
    Stage,
    algorithm_1,
    real,
    stage_updates,
    synthetic,
    weakly_labelled,
    with_moving_statistics,
)
from tests import toy
from tests.rig import PATHS

OBJECTIVES = toy.objectives(toy.TWO_TASKS)

# Name, images, what changes, whose moving averages advance.
MULTI_TASK = ("multi_task", real, ("encoder", "decoders"), ("encoder", "decoders"))
DISCRIMINATE = ("discriminate", real, ("discriminator",), ("discriminator",))
GENERATE = (
    "generate",
    real,
    ("generator", "embedding", "encoder"),
    ("generator", "embedding"),
)
JOINT = (
    MULTI_TASK,
    ("refine", real, ("refiner", "encoder"), ("refiner",)),
    ("self_supervise", real, ("projector", "encoder"), ("projector",)),
    DISCRIMINATE,
    GENERATE,
    DISCRIMINATE,
    GENERATE,
    ("refine_weak", synthetic, ("encoder",), ()),
    ("self_supervise_weak", synthetic, ("encoder",), ()),
)
STAGES = {
    "multi_task": (MULTI_TASK,),
    "generative": (
        DISCRIMINATE,
        ("generate", real, ("generator", "embedding"), ("generator", "embedding")),
    ),
    "joint": JOINT,
}


def joint(weak="synthetic", refinement="eml", self_supervision="simclr", players=2):
    """The updates of a joint step."""
    return algorithm_1(
        OBJECTIVES,
        WEAK[weak],
        REFINEMENT[refinement],
        SELF_SUPERVISION[self_supervision],
        players,
    )


def described(updates):
    """The rows without their losses, moving averages as by default."""
    return tuple(
        (row.name, row.images, row.trains, row.advances)
        for row in with_moving_statistics(updates, "home")
    )


def names(updates):
    return [update.name for update in updates]


def test_the_rows_are_those_of_the_paper():
    assert described(joint()) == JOINT


def test_the_losses_are_those_of_the_paper():
    losses = {row.name: row.loss for row in joint()}
    assert losses["multi_task"] is OBJECTIVES.multi_task
    assert losses["refine"] is losses["refine_weak"] is OBJECTIVES.scene
    assert losses["self_supervise"] is OBJECTIVES.contrastive
    assert losses["self_supervise_weak"] is OBJECTIVES.contrastive
    assert losses["discriminate"] is OBJECTIVES.discriminate
    assert losses["generate"] is OBJECTIVES.generate


def test_the_stages_are_those_of_the_paper():
    stages = stage_updates(OBJECTIVES, joint())
    assert {name: described(rows) for name, rows in stages.items()} == STAGES
    assert list(stages) == list(STAGES)


def test_without_a_generator_the_second_stage_is_empty():
    stages = stage_updates(OBJECTIVES, joint(weak="none"))
    assert stages["generative"] == ()
    assert names(stages["joint"]) == ["multi_task", "refine", "self_supervise"]


def test_what_a_row_has_no_images_or_nothing_to_train_for_is_left_out():
    assert names(joint("none", "none", "none")) == ["multi_task"]
    players = ["discriminate", "generate"]
    assert names(joint("synthetic", "none", "none", 1)) == ["multi_task", *players]
    without_r = ["multi_task", "self_supervise", *players, "self_supervise_weak"]
    assert names(joint(refinement="none", players=1)) == without_r


def test_real_weak_images_take_the_place_of_synthesized_ones():
    updates = joint(weak="real")
    assert names(updates) == [
        "multi_task",
        "refine",
        "self_supervise",
        "refine_weak",
        "self_supervise_weak",
    ]
    assert [row.images for row in updates[3:]] == [weakly_labelled, weakly_labelled]
    assert described(updates)[3] == ("refine_weak", weakly_labelled, ("encoder",), ())


def test_a_stage_tells_what_it_reads():
    stages = stage_updates(OBJECTIVES, joint(weak="real"))
    joint_stage = Stage("joint", stages["joint"], 4, 10, 6)
    assert joint_stage.reads_weak and joint_stage.reads_scenes
    multi_task = Stage("multi_task", stages["multi_task"], 4, 10)
    assert not multi_task.reads_weak and not multi_task.reads_scenes
    synthesized = Stage("joint", joint(), 4, 10)
    assert synthesized.reads_scenes and not synthesized.reads_weak
    alone = joint(weak="real", refinement="none")
    assert not Stage("joint", alone, 4, 10).reads_scenes


def test_refinements_differ_in_what_they_train():
    trained = {
        key: {row.name: row.trains for row in joint(refinement=key)}
        for key in REFINEMENT
    }
    m = ("encoder", "decoders")
    assert trained["lset"]["refine"] == ("refiner",)
    assert trained["lset"]["refine_weak"] == ("encoder",)
    assert trained["peoe"]["refine"] == ("refiner", *m)
    assert trained["peoe"]["refine_weak"] == ("refiner", *m)


VARIANTS = tuple(
    itertools.product(WEAK, REFINEMENT, SELF_SUPERVISION, MOVING_STATISTICS)
)


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
def test_every_variant_trains_all_that_it_uses(variant):
    *choices, rule = variant
    updates = with_moving_statistics(joint(*choices), rule)
    trained = {name for row in updates for name in row.trains}
    used = {name for row in updates for name in PATHS[row.name]}
    advancing = {name for row in updates for name in row.advances}
    assert used == trained <= advancing <= set(NETWORKS)
    for row in updates:
        assert row.loss.terms
        assert set(row.trains) <= set(PATHS[row.name])


def test_averages_advance_in_one_update_of_a_network():
    updates = with_moving_statistics(joint(), "home")
    homes = {(name, row.name) for row in updates for name in row.advances}
    assert sorted(name for name, _ in homes) == sorted(NETWORKS)
