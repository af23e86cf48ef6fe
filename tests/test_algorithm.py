"""Algorithm 1: its rows, and those of its variants."""

import dataclasses
import itertools

import pytest

from mgm_tf.adversarial import Guided, Noise
from mgm_tf.algorithm import (
    MOVING_STATISTICS,
    MULTI_TASK_NETWORK,
    NETWORKS,
    REFINEMENT,
    SELF_SUPERVISION,
    STAGE_NAMES,
    WEAK_SOURCES,
    Average,
    Stage,
    algorithm_1,
    networks_of,
    stage_updates,
    with_moving_statistics,
)
from mgm_tf.gradients import summed, without_conflicts
from mgm_tf.policy_learning import LearnPolicy, SampledPolicy, UnderPolicy
from mgm_tf.weak_images import HELD_OUT, REAL, WEAK, Annotated, Combined, Synthetic
from tests import toy

SYNTHETIC = Synthetic(Guided(toy.Z_DIM))
FROZEN = Synthetic(Noise(toy.Z_DIM))

# Name, images, what changes, whose moving averages advance.
MULTI_TASK = ("multi_task", REAL, MULTI_TASK_NETWORK, MULTI_TASK_NETWORK)
REFINE = ("refine", REAL, ("refiner", "encoder"), ("refiner",))
SELF_SUPERVISE = ("self_supervise", REAL, ("projector", "encoder"), ("projector",))
DISCRIMINATE = ("discriminate", REAL, ("discriminator",), ("discriminator",))
GENERATE = (
    "generate",
    REAL,
    ("generator", "encoder", "embedding"),
    ("generator", "embedding"),
)
JOINT = (
    MULTI_TASK,
    REFINE,
    SELF_SUPERVISE,
    DISCRIMINATE,
    GENERATE,
    DISCRIMINATE,
    GENERATE,
    ("refine_weak", SYNTHETIC, ("encoder",), ()),
    ("self_supervise_weak", SYNTHETIC, ("encoder",), ()),
)
STAGES = {
    "multi_task": (MULTI_TASK,),
    "generative": (
        DISCRIMINATE,
        ("generate", REAL, ("generator", "embedding"), ("generator", "embedding")),
    ),
    "policy": (),
    "joint": JOINT,
}


def method(*rows, **changes):
    return toy.method(toy.TWO_TASKS, *rows, **changes)


def joint(*rows, **changes):
    """The updates of a joint step."""
    return algorithm_1(method(*rows, **changes))


def described(updates, frozen=()):
    """The rows without their losses, moving averages as by default."""
    return tuple(
        (row.name, row.images, row.trains, row.advances)
        for row in with_moving_statistics(updates, "home", frozen)
    )


def names(updates):
    return [update.name for update in updates]


def trained(updates):
    return {name for row in updates for name in row.trains}


def test_the_rows_are_those_of_the_paper():
    assert described(joint()) == JOINT


def test_the_losses_are_those_of_the_paper():
    made = method()
    losses = {row.name: row.loss for row in algorithm_1(made)}
    assert losses["multi_task"] is made.multi_task
    assert losses["refine"] is made.scene and losses["refine_weak"] is made.weak_scene
    assert losses["self_supervise"] is made.self_supervised
    assert losses["self_supervise_weak"] is made.self_supervised
    assert losses["discriminate"] is made.discriminate
    assert losses["generate"] is made.generate


def test_the_stages_are_those_of_the_paper():
    stages = stage_updates(method())
    assert {name: described(rows) for name, rows in stages.items()} == STAGES
    assert tuple(stages) == STAGE_NAMES == tuple(STAGES)


def test_without_a_generator_the_second_stage_is_empty():
    stages = stage_updates(method("none"))
    assert stages["generative"] == ()
    assert names(stages["joint"]) == ["multi_task", "refine", "self_supervise"]


def test_what_a_row_has_no_images_or_nothing_to_train_for_is_left_out():
    assert names(joint("none", "none", "none")) == ["multi_task"]
    players = ["discriminate", "generate"]
    assert names(joint("synthetic", "none", "none", 1)) == ["multi_task", *players]
    without_r = ["multi_task", "self_supervise", *players, "self_supervise_weak"]
    assert names(joint(refinement="none", players=1)) == without_r


def test_real_weak_images_take_the_place_of_synthesized_ones():
    updates = joint("real")
    assert described(updates) == (
        MULTI_TASK,
        REFINE,
        SELF_SUPERVISE,
        ("refine_weak", WEAK, ("encoder",), ()),
        ("self_supervise_weak", WEAK, ("encoder",), ()),
    )


def test_a_frozen_generator_learns_before_from_noise_alone():
    """MGM/j, Table 3."""
    stages = stage_updates(method("frozen"))
    assert described(stages["generative"]) == (
        DISCRIMINATE,
        ("generate", REAL, ("generator",), ("generator",)),
    )
    assert described(stages["joint"]) == (
        MULTI_TASK,
        REFINE,
        SELF_SUPERVISE,
        ("refine_weak", FROZEN, ("encoder",), ()),
        ("self_supervise_weak", FROZEN, ("encoder",), ()),
    )
    needed = networks_of(stages["generative"] + stages["joint"])
    assert "embedding" not in needed and "generator" in needed


def test_generators_of_other_runs_learn_nothing():
    """MGM-Combine, Table 15."""
    stages = stage_updates(method("combined", others=("a", "b", "c")))
    assert stages["generative"] == ()
    images = Combined(toy.Z_DIM, ("a", "b", "c"))
    assert described(stages["joint"])[3:] == (
        ("refine_weak", images, ("encoder",), ()),
        ("self_supervise_weak", images, ("encoder",), ()),
    )
    assert not trained(stages["joint"]) & {"a", "b", "c"}


def test_an_oracles_labels_are_learned_like_real_ones():
    """ST_G, Table 1."""
    stages = stage_updates(method("oracle", "none", "none"))
    images = Annotated(FROZEN, toy.tasks_of(toy.TWO_TASKS))
    assert names(stages["generative"]) == ["discriminate", "generate"]
    assert described(stages["joint"]) == (
        MULTI_TASK,
        ("multi_task_weak", images, MULTI_TASK_NETWORK, ()),
    )
    weak = stages["joint"][1]
    assert weak.loss is stages["joint"][0].loss
    assert "oracle" in weak.networks and "oracle" not in trained(stages["joint"])


def test_reconstruction_takes_the_place_of_contrast():
    """MGM_recon, Table 4."""
    updates = joint("none", "none", "reconstruction")
    assert described(updates) == (
        MULTI_TASK,
        ("self_supervise", REAL, ("reconstructor", "encoder"), ("reconstructor",)),
    )


def test_refinements_differ_in_what_they_train():
    """Table 9."""
    found = {
        key: {row.name: row.trains for row in joint(refinement=key)}
        for key in REFINEMENT
    }
    m = ("encoder", "decoders")
    assert found["lset"]["refine"] == ("refiner",)
    assert found["lset"]["refine_weak"] == ("encoder",)
    assert found["peoe"]["refine"] == ("refiner", *m)
    assert found["peoe"]["refine_weak"] == ("refiner", *m)


def test_what_is_frozen_is_in_no_update():
    """Table 11: a new decoder on the features of another run."""
    stages = stage_updates(method("none", "none", "none", frozen=("encoder",)))
    row = ("multi_task", REAL, ("decoders",), ("decoders",))
    for name in ("multi_task", "joint"):
        assert described(stages[name], ("encoder",)) == (row,)
    both = stage_updates(method("none", frozen=MULTI_TASK_NETWORK))
    assert both["multi_task"] == ()
    assert described(both["joint"], MULTI_TASK_NETWORK) == (
        ("refine", REAL, ("refiner",), ("refiner",)),
        ("self_supervise", REAL, ("projector",), ("projector",)),
    )


def test_a_generators_average_follows_it_where_it_learns():
    averages = (Average("generator", "average_generator", 0.9),)
    for rows in stage_updates(method(average=0.9)).values():
        for row in rows:
            assert row.averages == (averages if row.name == "generate" else ())
    weak = {row.images for row in joint(average=0.9)} - {REAL}
    assert weak == {Synthetic(Guided(toy.Z_DIM), "average_generator")}


def test_conflicts_are_those_of_the_tasks():
    for row in joint(surgery="pcgrad"):
        is_of_tasks = row.name == "multi_task"
        assert row.gradients is (without_conflicts if is_of_tasks else summed)


def test_weights_of_tasks_are_trained_with_them_or_follow_a_rule():
    learned, ruled = (joint(weighting=name)[0] for name in ("uncertainty", "dwa"))
    assert learned.trains == (*MULTI_TASK_NETWORK, "task_weights")
    assert ruled.trains == MULTI_TASK_NETWORK
    assert "task_weights" in ruled.networks


def with_policy():
    made = method("none", "none", "none")
    weights = UnderPolicy(made.multi_task, SampledPolicy(5.0, 0.9, 0.5))
    return dataclasses.replace(made, policy=LearnPolicy(weights, 0.1, 0.2))


def test_weights_and_policy_learn_in_turns_from_examples_of_their_own():
    """AdaShare, Table 6."""
    stages = stage_updates(with_policy())
    assert described(stages["policy"]) == (
        MULTI_TASK,
        ("learn_policy", HELD_OUT, ("policy",), ()),
    )
    policy = Stage("policy", stages["policy"], 4, 10)
    assert policy.reads == ("held_out",)
    assert names(stages["joint"]) == ["multi_task"]


def test_a_stage_tells_what_it_reads():
    stages = stage_updates(method("real"))
    last = Stage("joint", stages["joint"], 4, 10, 7, {"weak": 6})
    assert last.reads == ("weak",) and last.reads_scenes and last.end == 17
    multi_task = Stage("multi_task", stages["multi_task"], 4, 10)
    assert multi_task.reads == () and not multi_task.reads_scenes
    synthesized = Stage("joint", joint(), 4, 10)
    assert synthesized.reads_scenes and synthesized.reads == ()
    assert not Stage("joint", joint("real", "none"), 4, 10).reads_scenes
    # Images are made for a scene, whatever is learned from them.
    assert Stage("joint", joint("frozen", "none"), 4, 10).reads_scenes


# What is used but not trained: of other runs, of the stage before, or by a rule.
USED = {"a", "b", "oracle", "generator"}
VARIANTS = tuple(
    itertools.product(WEAK_SOURCES, REFINEMENT, SELF_SUPERVISION, MOVING_STATISTICS)
)


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
def test_every_variant_trains_all_that_it_uses(variant):
    *choices, rule = variant
    updates = with_moving_statistics(joint(*choices, others=("a", "b")), rule)
    used = set(networks_of(updates))
    advancing = {name for row in updates for name in row.advances}
    assert trained(updates) <= used and used - trained(updates) <= USED
    assert trained(updates) <= advancing <= used
    for row in updates:
        assert row.loss.terms
        assert set(row.trains) <= set(row.loss.networks)


def test_averages_advance_in_one_update_of_a_network():
    updates = with_moving_statistics(joint(), "home")
    homes = {(name, row.name) for row in updates for name in row.advances}
    assert sorted(name for name, _ in homes) == sorted(NETWORKS)


def test_all_networks_are_named_once_and_m_comes_first():
    assert networks_of(joint())[:2] == MULTI_TASK_NETWORK
    assert sorted(networks_of(joint())) == sorted(NETWORKS)
    assert networks_of(()) == MULTI_TASK_NETWORK
