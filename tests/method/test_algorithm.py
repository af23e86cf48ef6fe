"""Algorithm 1: its rows, and those of its variants."""

import dataclasses
import itertools

import pytest

from mgm_tf.method.adversarial import Guided, Noise
from mgm_tf.method.algorithm import (
    REFINEMENT,
    SELF_SUPERVISION,
    WEAK_ROWS,
    Average,
    algorithm_1,
    networks_of,
)
from mgm_tf.method.gradients import summed, without_conflicts
from mgm_tf.method.images import (
    HELD_OUT_IMAGES,
    LABELLED_AND_WEAK_IMAGES,
    REAL_IMAGES,
    WEAK_IMAGES,
    Annotated,
    Combined,
    Synthetic,
)
from mgm_tf.method.stages import (
    MOVING_STATISTICS,
    STAGE_NAMES,
    Stage,
    extra_names,
    stage_updates,
    with_moving_statistics,
)
from mgm_tf.networks import FIGURE_2
from tests import toy

M = ("encoder", "decoders")
GUIDED, NOISE = Guided(toy.Z_DIM), Noise(toy.Z_DIM)
SYNTHETIC = Synthetic(GUIDED)
OTHERS = ("synthesizer_1", "synthesizer_2")

# Name, images, what changes, whose moving averages advance.
MULTI_TASK = ("multi_task", REAL_IMAGES, M, M)
REFINE = ("refine", REAL_IMAGES, ("refiner", "encoder"), ("refiner",))
SELF_SUPERVISE = (
    "self_supervise",
    REAL_IMAGES,
    ("projector", "encoder"),
    ("projector",),
)
DISCRIMINATE = ("discriminate", REAL_IMAGES, ("discriminator",), ("discriminator",))
GENERATE = (
    "generate",
    REAL_IMAGES,
    ("generator", "encoder", "embedding"),
    ("generator", "embedding"),
)
GENERATE_ALONE = (
    "generate",
    REAL_IMAGES,
    ("generator", "embedding"),
    ("generator", "embedding"),
)
GENERATE_OF_NOISE = ("generate", REAL_IMAGES, ("generator",), ("generator",))


def weak_rows(images):
    """E learns of images by their scene and by themselves."""
    names = ("refine_weak", "self_supervise_weak")
    return tuple((name, images, ("encoder",), ()) for name in names)


JOINT = (
    MULTI_TASK,
    REFINE,
    SELF_SUPERVISE,
    DISCRIMINATE,
    GENERATE,
    DISCRIMINATE,
    GENERATE,
    *weak_rows(SYNTHETIC),
)
STAGES = {
    "multi_task": (MULTI_TASK,),
    "generative": (DISCRIMINATE, GENERATE_ALONE),
    "policy": (),
    "joint": JOINT,
}


def method(*choice, **changes):
    return toy.method(toy.TWO_TASKS, *choice, synthesizers=OTHERS, **changes)


def joint(*choice, **changes):
    """The updates of a joint step."""
    return algorithm_1(method(*choice, **changes))


def described(updates, frozen=()):
    """The rows without their losses, moving averages as by default."""
    return tuple(
        (row.name, row.images, row.trains, row.advances)
        for row in with_moving_statistics(updates, "home", frozen)
    )


def stages_of(*choice, **changes):
    """The described rows of all stages, by name."""
    made = method(*choice, **changes)
    stages = stage_updates(made)
    return {name: described(rows, made.frozen) for name, rows in stages.items()}


def names(updates):
    return [update.name for update in updates]


# --- The paper's ---------------------------------------------------------------------


def test_the_rows_are_those_of_the_paper():
    assert described(joint()) == JOINT


def test_the_losses_are_those_of_the_paper():
    mgm = method()
    losses = {row.name: row.loss for row in algorithm_1(mgm)}
    assert losses["multi_task"] is mgm.multi_task
    assert losses["refine"] is mgm.scene
    assert losses["refine_weak"] is mgm.weak_scene
    assert losses["refine"] == losses["refine_weak"]
    assert losses["self_supervise"] is mgm.self_supervised
    assert losses["self_supervise_weak"] is mgm.self_supervised
    assert losses["discriminate"] is mgm.discriminate
    assert losses["generate"] is mgm.generate


def test_the_stages_are_those_of_the_paper():
    assert stages_of() == STAGES
    assert tuple(stage_updates(method())) == STAGE_NAMES == tuple(STAGES)


def test_the_players_move_as_often_as_is_asked():
    pair = ["discriminate", "generate"]
    assert names(joint(generator_updates=1))[3:-2] == pair
    assert names(joint(generator_updates=3))[3:-2] == pair * 3
    # In their own stage, once in a step.
    assert names(stage_updates(method(generator_updates=3))["generative"]) == pair


# --- Images beside the labelled ones --------------------------------------------------


def test_without_a_generator_the_second_stage_is_empty():
    stages = stage_updates(method("none"))
    assert stages["generative"] == ()
    assert names(stages["joint"]) == ["multi_task", "refine", "self_supervise"]


def test_what_a_row_has_no_images_or_nothing_to_train_for_is_left_out():
    assert names(joint("none", "none", "none")) == ["multi_task"]
    players = ["discriminate", "generate"]
    assert names(joint("synthetic", "none", "none", 1)) == ["multi_task", *players]
    without_r = ["multi_task", "self_supervise", *players, "self_supervise_weak"]
    assert names(joint(refinement="none", generator_updates=1)) == without_r


def test_real_weak_images_take_the_place_of_synthesized_ones():
    rows = (MULTI_TASK, REFINE, SELF_SUPERVISE, *weak_rows(WEAK_IMAGES))
    assert described(joint("real")) == rows
    assert stage_updates(method("real"))["generative"] == ()


def test_a_frozen_generator_learns_before_and_from_noise():
    # MGM/j: without joint learning; what is synthesized knows nothing of E.
    stages = stages_of("frozen")
    assert stages["generative"] == (DISCRIMINATE, GENERATE_OF_NOISE)
    weak = weak_rows(Synthetic(NOISE))
    assert stages["joint"] == (MULTI_TASK, REFINE, SELF_SUPERVISE, *weak)
    rows = [row for rows in stage_updates(method("frozen")).values() for row in rows]
    assert "embedding" not in networks_of(tuple(rows))


@pytest.mark.parametrize("weak", ["synthetic", "frozen"])
def test_a_gan_may_learn_of_weak_images_as_well(weak):
    usual, other = stages_of(weak), stages_of(weak, gan_images="weak")
    players = {"discriminate", "generate"}
    for stage, rows in usual.items():
        assert other[stage] == tuple(
            (name, LABELLED_AND_WEAK_IMAGES if name in players else images, *rest)
            for name, images, *rest in rows
        )
    assert extra_names(joint("synthetic", gan_images="weak")) == ("weak",)
    assert extra_names(joint("synthetic")) == ()


def test_generators_of_other_runs_are_not_trained():
    stages = stages_of("combined")
    weak = weak_rows(Combined(toy.Z_DIM, OTHERS))
    assert stages["joint"] == (MULTI_TASK, REFINE, SELF_SUPERVISE, *weak)
    assert stages["generative"] == ()


def test_an_oracle_labels_what_is_synthesized():
    # ST_G: its label maps train M as those of real images do.
    stages = stages_of("oracle", "none", "none")
    images = Annotated(Synthetic(NOISE), toy.tasks_of(toy.TWO_TASKS))
    weak = ("multi_task_weak", images, M, ())
    assert stages["joint"] == (MULTI_TASK, weak)
    assert stages["generative"] == (DISCRIMINATE, GENERATE_OF_NOISE)
    *_, last = joint("oracle", "none", "none")
    assert last.loss == method().multi_task


def test_synthesized_images_may_be_more():
    (*_, last) = joint(synthesis_ratio=2.0)
    assert last.images == Synthetic(GUIDED, ratio=2.0)
    (*_, last) = joint("combined", synthesis_ratio=0.5)
    assert last.images == Combined(toy.Z_DIM, OTHERS, ratio=0.5)


# --- Refinement, self-supervision -----------------------------------------------------


def test_refinements_differ_in_what_they_train():
    trained = {
        key: {row.name: row.trains for row in joint(refinement=key)}
        for key in REFINEMENT
    }
    assert trained["lset"]["refine"] == ("refiner",)
    assert trained["lset"]["refine_weak"] == ("encoder",)
    assert trained["peoe"]["refine"] == ("refiner", *M)
    assert trained["peoe"]["refine_weak"] == ("refiner", *M)


def test_latent_predictions_are_of_weak_images_only():
    losses = {row.name: row.loss for row in joint(em="latent")}
    assert losses["refine"] == method().scene
    assert losses["refine_weak"] == method(em="latent").weak_scene != method().scene


def test_a_reconstructor_takes_the_place_of_the_projector():
    reconstruct = (
        "self_supervise",
        REAL_IMAGES,
        ("reconstructor", "encoder"),
        ("reconstructor",),
    )
    expected = tuple(reconstruct if row is SELF_SUPERVISE else row for row in JOINT)
    assert described(joint(self_supervision="reconstruction")) == expected


# --- Weights, gradients, averages -----------------------------------------------------


def test_learned_weights_of_tasks_are_trained_with_them():
    first, *others = joint(task_weighting="uncertainty")
    assert first.trains == (*M, "task_weights")
    assert not any("task_weights" in row.trains for row in others)
    # What notes losses learns nothing.
    first, *_ = joint(task_weighting="dwa")
    assert first.trains == M
    assert "task_weights" in first.networks


def test_factors_are_on_what_auxiliary_updates_change_in_m():
    rows = algorithm_1(
        toy.method(
            toy.TWO_TASKS,
            refinement_factor=0.5,
            self_supervision_factor=0.25,
            guidance_factor=0.125,
            weak_factor=0.1,
        )
    )
    factors = {
        row.name: [row.factor_on(n) for n in ("encoder", "refiner")] for row in rows
    }
    assert factors == {
        "multi_task": [1, 1],
        "refine": [0.5, 1],
        "self_supervise": [0.25, 1],
        "discriminate": [1, 1],
        "generate": [0.125, 1],
        "refine_weak": [0.1 * 0.5, 1],
        "self_supervise_weak": [0.1 * 0.25, 1],
    }


def test_conflicts_are_those_of_tasks():
    stages = stage_updates(method(gradient_surgery="pcgrad"))
    for rows in stages.values():
        for row in rows:
            is_of_tasks = row.name == "multi_task"
            assert row.gradients is (without_conflicts if is_of_tasks else summed)


def test_an_average_follows_when_its_generator_has_moved():
    average = Average("generator", "average_generator", 0.9)
    stages = stage_updates(method(generator_average=0.9))
    for rows in (stages["generative"], stages["joint"]):
        followed = {row.name: row.averages for row in rows if row.averages}
        assert followed == {"generate": (average,)}
    # It synthesizes in its place.
    (*_, last) = stages["joint"]
    assert last.images == Synthetic(GUIDED, "average_generator")
    assert last.images.networks == ("encoder", "embedding", "average_generator")


# --- Further stages and frozen networks -----------------------------------------------


def adashare():
    alone = method("none", "none", "none")
    return dataclasses.replace(alone, policy=toy.policy(alone.multi_task))


def test_policies_and_weights_learn_in_turns():
    stages = stage_updates(adashare())
    held_out = ("learn_policy", HELD_OUT_IMAGES, ("policy",), ())
    assert described(stages["policy"]) == (MULTI_TASK, held_out)
    weights, policy = stages["policy"]
    assert weights.loss == adashare().policy.weights
    assert policy.loss == adashare().policy
    # Before and after, M learns by the policy that is the most probable.
    for name in ("multi_task", "joint"):
        (row,) = stages[name]
        assert row.loss == adashare().multi_task
    assert stages["generative"] == ()


def test_a_frozen_network_is_trained_by_no_row():
    # Table 11: decoders on an encoder as it is.
    stages = stages_of("none", "none", "none", frozen=("encoder",))
    row = ("multi_task", REAL_IMAGES, ("decoders",), ("decoders",))
    assert stages["multi_task"] == stages["joint"] == (row,)
    rows = stage_updates(method(frozen=("encoder",)))["joint"]
    assert "encoder" not in {name for row in rows for name in row.trains}
    # Rows that had nothing but E to train are gone.
    players = ["discriminate", "generate"] * 2
    assert names(rows) == ["multi_task", "refine", "self_supervise", *players]
    # With all of M, its own row.
    stages = stages_of("none", frozen=M)
    assert stages["multi_task"] == ()
    assert stages["joint"] == (
        ("refine", REAL_IMAGES, ("refiner",), ("refiner",)),
        ("self_supervise", REAL_IMAGES, ("projector",), ("projector",)),
    )


@pytest.mark.parametrize("rule", MOVING_STATISTICS)
def test_moving_averages_of_a_frozen_network_stay(rule):
    frozen = ("encoder",)
    updates = with_moving_statistics(joint(frozen=frozen), rule, frozen)
    advancing = [n for row in updates for n in (*row.advances, *row.drawing_advances)]
    assert "encoder" not in advancing
    assert {"decoders", "refiner", "generator"} <= set(advancing)


# --- Stages ---------------------------------------------------------------------------


def test_a_stage_tells_what_it_reads():
    stages = stage_updates(method("real"))
    joint_stage = Stage("joint", stages["joint"], 4, 10, 6)
    assert extra_names(joint_stage.updates) == ("weak",) and joint_stage.reads_scenes
    assert joint_stage.end == 16
    multi_task = Stage("multi_task", stages["multi_task"], 4, 10)
    assert extra_names(multi_task.updates) == () and not multi_task.reads_scenes
    assert multi_task.end == 10
    alone = joint("real", refinement="none")
    assert not Stage("joint", alone, 4, 10).reads_scenes
    policy = Stage("policy", stage_updates(adashare())["policy"], 4, 10)
    assert extra_names(policy.updates) == ("held_out",) and not policy.reads_scenes


@pytest.mark.parametrize("weak", ["synthetic", "frozen", "combined", "oracle"])
def test_what_is_synthesized_has_a_scene(weak):
    # The labels are read by the images; the loss need not.
    updates = joint(weak, "none", "reconstruction")
    last = updates[-1]
    assert last.images.reads_scenes and not last.loss.reads_scenes
    stage = Stage("joint", (last,), 4, 10)
    assert stage.reads_scenes and extra_names(stage.updates) == ()


# --- All variants ---------------------------------------------------------------------

# Used as they are: by the joint stage, and by all stages together.
UNTRAINED = {
    "synthetic": (set(), set()),
    "frozen": ({"generator"}, set()),
    "combined": ({*OTHERS}, {*OTHERS}),
    "oracle": ({"generator", "oracle"}, {"oracle"}),
    "real": (set(), set()),
    "none": (set(), set()),
}
VARIANTS = tuple(
    itertools.product(WEAK_ROWS, REFINEMENT, SELF_SUPERVISION, MOVING_STATISTICS)
)


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
def test_every_variant_trains_all_that_it_uses(variant):
    *choice, rule = variant
    stages = {
        name: with_moving_statistics(rows, rule)
        for name, rows in stage_updates(method(*choice)).items()
    }
    everything = tuple(row for rows in stages.values() for row in rows)
    rng = any(row.images is not REAL_IMAGES for row in stages["joint"])
    for rows, untrained in zip(
        (stages["joint"], everything), UNTRAINED[choice[0]], strict=True
    ):
        trained = {name for row in rows for name in row.trains}
        used = {name for row in rows for name in row.networks}
        assert used - trained == (untrained if rng else set())
        assert trained <= used == set(networks_of(rows))
        advancing = {name for row in rows for name in row.advances}
        drawing = {name for row in rows for name in row.drawing_advances}
        assert trained <= advancing | drawing <= used
    for row in everything:
        assert row.loss.terms and row.trains
        # What is trained is called by the loss: images are constants to it.
        assert set(row.trains) <= set(row.loss.networks)
        assert set(row.advances) <= set(row.loss.networks)
        assert set(row.drawing_advances) <= set(row.images.networks)


def test_averages_advance_in_one_update_of_a_network():
    updates = with_moving_statistics(joint(), "home")
    homes = {(name, row.name) for row in updates for name in row.advances}
    assert sorted(name for name, _ in homes) == sorted(FIGURE_2)
    assert not any(row.drawing_advances for row in updates)


def test_an_update_needs_what_makes_its_images_and_what_follows():
    rows = {row.name: row for row in joint(generator_average=0.9)}
    players = ("encoder", "embedding", "generator", "discriminator")
    assert set(rows["generate"].networks) == {*players, "average_generator"}
    assert set(rows["discriminate"].networks) == {*players}
    weak = {"encoder", "embedding", "average_generator", "decoders", "refiner"}
    assert set(rows["refine_weak"].networks) == weak


def test_networks_are_named_once_and_m_first():
    assert networks_of(joint()) == (*M, "refiner", "projector", *FIGURE_2[4:])
    assert networks_of(()) == M
    assert networks_of(joint("none", "none", "none")) == M
