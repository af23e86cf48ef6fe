"""From settings to the method: every row of the tables is reached."""

import dataclasses

import pytest

from mgm_tf.config.settings import Config
from mgm_tf.config.weak_sources import WEAK_SOURCES
from mgm_tf.method import algorithm
from mgm_tf.method.adversarial import Guided, Noise
from mgm_tf.method.em import LatentPredictions
from mgm_tf.method.gradients import summed, without_conflicts
from mgm_tf.method.images import NO_IMAGES, WEAK_IMAGES, Annotated, Combined, Synthetic
from mgm_tf.method.objectives import Contrastive, Reconstruct, Scene
from mgm_tf.train import composition
from tests import toy

TASKS = toy.tasks_of(("segmentation", "depth", "normals"))


def method(synthesizers=(), **changes):
    settings = Config()
    groups = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
    }
    for group, values in groups.items():
        own = {k: v for k, v in changes.items() if hasattr(values, k)}
        groups[group] = dataclasses.replace(values, **own)
    return composition.method_of(
        Config(**groups), TASKS, toy.SCENE_CLASSES, synthesizers
    )


def test_the_papers_method_is_the_default():
    made = method()
    guided = Guided(128)
    assert made.weak_images == Synthetic(guided, "generator", 1.0)
    assert made.discriminate.latent == made.generate.latent == guided
    assert made.weak_scene == made.scene == Scene(toy.SCENE_CLASSES)
    assert made.self_supervised == Contrastive(0.5)
    assert made.gradients is summed
    assert made.averages == () and made.policy is None and made.frozen == ()
    assert made.multi_task.terms == ("segmentation", "depth", "normals")
    assert made.multi_task.weighting.networks == ()


@pytest.mark.parametrize(
    ("weak", "expected"),
    [
        ("synthetic", Synthetic(Guided(128), "generator", 2.0)),
        ("frozen", Synthetic(Noise(128), "generator", 2.0)),
        ("combined", Combined(128, ("a", "b"), 2.0)),
        ("oracle", Annotated(Synthetic(Noise(128), "generator", 2.0), TASKS)),
        ("real", WEAK_IMAGES),
        ("none", NO_IMAGES),
    ],
)
def test_weak_images(weak, expected):
    made = method(weak=weak, synthesis_ratio=2.0, synthesizers=("a", "b"))
    assert made.weak_images == expected
    assert made.weak is WEAK_SOURCES[weak]
    assert made.weak_trains == algorithm.WEAK_ROWS[weak].trains


@pytest.mark.parametrize(
    ("weak", "factor"), [("synthetic", 0.25), ("frozen", 0.25), ("real", 0.5)]
)
def test_synthesized_images_have_a_factor_more(weak, factor):
    made = method(weak=weak, weak_factor=0.5, synthesis_factor=0.5)
    assert made.factors.weak == factor


def test_what_learns_and_how():
    made = method(
        self_supervision="reconstruction",
        em="latent",
        em_steps=3,
        em_rate=0.25,
        gradient_surgery="pcgrad",
        task_weighting="dwa",
        discriminator_augmentation="diffaugment",
        instance_noise=0.5,
        generator_updates=1,
        freeze=("encoder",),
    )
    assert made.self_supervised == Reconstruct()
    assert made.weak_scene == LatentPredictions(TASKS, toy.SCENE_CLASSES, 3, 0.25)
    assert made.gradients is without_conflicts
    assert made.multi_task.weighting.networks == ("task_weights",)
    assert made.discriminate.augmentation == made.generate.augmentation == "diffaugment"
    assert made.generate.instance_noise == 0.5
    assert (made.generator_updates, made.frozen) == (1, ("encoder",))


def test_an_average_synthesizes_in_the_place_of_the_generator():
    made = method(generator_average=0.9)
    assert made.weak_images.generator == "average_generator"
    assert made.averages == (algorithm.Average("generator", "average_generator", 0.9),)


def test_adashare_learns_a_policy():
    made = method(
        sharing="adashare",
        policy_temperature=3.0,
        policy_temperature_decay=0.5,
        policy_curriculum=0.25,
        policy_sparsity=0.1,
        policy_sharing=0.2,
    )
    sampled = made.policy.weights.sampled
    assert (sampled.temperature, sampled.decay, sampled.curriculum) == (3.0, 0.5, 0.25)
    assert (made.policy.sparsity, made.policy.sharing) == (0.1, 0.2)
    assert made.policy.weights.multi_task == made.multi_task


def test_task_grouping_learns_a_task_more_than_once():
    made = method(sharing="task_grouping")
    assert [key for key, _ in made.multi_task.outputs] == [
        "segmentation",
        "normals_in_group_1",
        "depth",
        "normals",
    ]
    assert [task.name for _, task in made.multi_task.outputs] == [
        "segmentation",
        "normals",
        "depth",
        "normals",
    ]
    with pytest.raises(ValueError, match="without normals"):
        method(sharing="task_grouping", task_groups=("segmentation", "depth"))


def test_the_tables_hold_every_choice():
    assert set(composition.SELF_SUPERVISED) == set(algorithm.SELF_SUPERVISION)
