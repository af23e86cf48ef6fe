"""The variants of the paper as flag files: what each of them trains, and where."""

import contextlib
import pathlib
import re

import pytest
from absl import flags

from mgm_tf.config.checks import from_flags
from mgm_tf.config.settings import ALL_TASKS, Config, define_flags
from mgm_tf.experiments import registry
from mgm_tf.method import algorithm
from mgm_tf.method.algorithm import MULTI_TASK_NETWORK
from mgm_tf.train import composition
from tests import toy

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
THREE = ("segmentation", "depth", "normals")
SIX = (*THREE, "edges", "reshading", "curvature")
PLAYERS = ("discriminate", "generate") * 2
REAL = ("multi_task", "refine", "self_supervise")
WEAK = ("refine_weak", "self_supervise_weak")
FULL = (*REAL, *PLAYERS, *WEAK)
MT = ("multi_task",)

# The updates of a joint step, and the tasks; NYUv2's where none are named.
VARIANTS = {
    "mt": (MT, THREE),
    **{f"st_{task}": (MT, (task,)) for task in SIX},
    **{f"st_large_{task}": (MT, (task,)) for task in THREE},
    "mt_large": (MT, THREE),
    "mt_without_normals": (MT, THREE[:2]),
    "mt_to_normals": (MT, ("normals",)),
    "mgm_to_normals": (MT, ("normals",)),
    "mt_uncertainty": (MT, THREE),
    "mt_dwa": (MT, THREE),
    "mt_pcgrad": (MT, THREE),
    "cross_stitch": (MT, THREE),
    "adashare": (MT, THREE),
    "task_grouping": (MT, THREE),
    "task_grouping_alternative": (MT, THREE),
    "oracle": (MT, ("segmentation",)),
    "st_g": (("multi_task", "multi_task_weak"), ("segmentation",)),
    "mgm": (FULL, THREE),
    "mgm_without_g": (REAL, THREE),
    "mgm_frozen": ((*REAL, *WEAK), THREE),
    "mgm_combine": ((*REAL, *WEAK), THREE),
    "mgm_r": ((*REAL, *WEAK), THREE),
    "mgm_without_self": (("multi_task", "refine", *PLAYERS, "refine_weak"), THREE),
    "mgm_without_refine": (
        ("multi_task", "self_supervise", *PLAYERS, "self_supervise_weak"),
        THREE,
    ),
    "mgm_recon": (FULL, THREE),
    "mgm_dcgan": (FULL, THREE),
    "mgm_generator_average": (FULL, THREE),
    "mgm_diffaugment": (FULL, THREE),
    "mgm_without_normals": (FULL, THREE[:2]),
    "em_latent": (FULL, THREE),
    "eml": (FULL, THREE),
    "peoe": (FULL, THREE),
    "lset": (FULL, THREE),
    **{f"mgm_{task}": (FULL, (task,)) for task in THREE},
    "stage_1": (FULL, THREE),
    "after_stage_1": (FULL, THREE),
    "256px": (FULL, THREE),
    "six_tasks": (FULL, SIX),
    "multi_hot": (FULL, THREE),
}
# What else a variant sets: (group of settings, name, value).
SETTINGS = {
    "stage_1": ("schedule", "joint_length", "0steps"),
    "after_stage_1": ("schedule", "multi_task_length", "0steps"),
    "mt_large": ("network", "encoder_widths", "standard"),
    "st_large_depth": ("network", "encoder", "resnet34"),
    "oracle": ("network", "encoder", "resnet34"),
    "cross_stitch": ("network", "sharing", "cross_stitch"),
    "adashare": ("network", "sharing", "adashare"),
    "task_grouping": ("network", "sharing", "task_grouping"),
    "task_grouping_alternative": (
        "network",
        "task_groups",
        ("segmentation+depth+normals", "normals"),
    ),
    "mt_uncertainty": ("method", "task_weighting", "uncertainty"),
    "mt_dwa": ("method", "task_weighting", "dwa"),
    "mt_pcgrad": ("method", "gradient_surgery", "pcgrad"),
    "mt_to_normals": ("source", "freeze", ("encoder",)),
    "mgm_to_normals": ("source", "freeze", ("encoder",)),
    "mgm_r": ("method", "weak", "real"),
    "mgm_recon": ("method", "self_supervision", "reconstruction"),
    "mgm_dcgan": ("network", "gan", "dcgan"),
    "mgm_generator_average": ("method", "generator_average", 0.999),
    "mgm_diffaugment": ("method", "discriminator_augmentation", "diffaugment"),
    "em_latent": ("method", "em", "latent"),
    "peoe": ("method", "refinement", "peoe"),
    "lset": ("method", "refinement", "lset"),
    "256px": ("data", "image_size", 256),
    "multi_hot": ("data", "scene_labels", "objects"),
}
# The folders of other runs that a variant needs, and what it says without them.
NEEDS = {
    "mgm_combine": ("--generators_from=a,b,c", "needs --generators_from"),
    "st_g": ("--oracle=a", "needs --oracle"),
    "mt_to_normals": ("--start_from=a", "--freeze=encoder without --start_from"),
    "mgm_to_normals": ("--start_from=a", "--freeze=encoder without --start_from"),
}
DATA_SETS = ("nyuv2", "rooms", "tiny_taskonomy", "cityscapes_zurich", "folder")


def parsed(*flagfiles, more=()) -> Config:
    values = flags.FlagValues()
    define_flags(values)
    files = [f"--flagfile={CONFIGS / name}.flags" for name in flagfiles]
    values(["train", *files, *more])
    return from_flags(values)


def needed(name) -> list[str]:
    return [NEEDS[name][0]] if name in NEEDS else []


def test_every_variant_is_here():
    found = {path.stem for path in (CONFIGS / "variants").glob("*.flags")}
    assert found == set(VARIANTS)


def test_the_registry_names_variants_that_are_there():
    named = set()

    def collect(training):
        named.update(training.variants)
        for _, others in training.needs:
            for other in others:
                collect(other)

    for table in registry.TABLES.values():
        for block in table.blocks:
            for row in block.rows:
                for training in row.trainings():
                    collect(training)
    # EML is MGM itself: its flag file is for those who look for the name.
    assert named == set(VARIANTS) - {"eml"}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_flag_file_says_where_it_comes_from(name):
    lines = (CONFIGS / "variants" / f"{name}.flags").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert "(Table" in lines[0] or "not in the paper" in lines[0] or "eq" in lines[0]
    assert all(line.startswith(("# ", "--")) for line in lines)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_trains_what_the_paper_says(name):
    updates, tasks = VARIANTS[name]
    # Rooms and Taskonomy have six tasks, NYUv2 three.
    data = "nyuv2" if set(tasks) <= set(THREE) else "rooms"
    settings = parsed(data, f"variants/{name}", more=needed(name))
    assert settings.data.tasks == tasks
    known = toy.tasks_of(tasks)
    method = composition.method_of(settings, known, toy.SCENE_CLASSES, ("a", "b", "c"))
    rows = algorithm.algorithm_1(method)
    assert tuple(row.name for row in rows) == updates
    group, field, value = SETTINGS.get(name, ("method", "generator_updates", 2))
    assert getattr(getattr(settings, group), field) == value


def test_a_new_decoder_learns_alone():
    for name in ("mt_to_normals", "mgm_to_normals"):
        settings = parsed("nyuv2", f"variants/{name}", more=needed(name))
        known = toy.tasks_of(settings.data.tasks)
        (row,) = algorithm.algorithm_1(
            composition.method_of(settings, known, toy.SCENE_CLASSES)
        )
        assert row.trains == tuple(set(MULTI_TASK_NETWORK) - {"encoder"})


@pytest.mark.parametrize("name", NEEDS)
def test_a_variant_says_what_it_needs(name):
    with pytest.raises(ValueError, match=NEEDS[name][1]):
        parsed("nyuv2", f"variants/{name}")


# Whose groups are not of the tasks that the data set has: what is said.
OTHERS = "without edges, reshading, curvature"
REFUSED = {
    ("task_grouping", "rooms"): OTHERS,
    ("task_grouping_alternative", "rooms"): OTHERS,
    ("task_grouping", "cityscapes_zurich"): "'segmentation+normals' with 'normals'",
    ("task_grouping_alternative", "cityscapes_zurich"): (
        "'segmentation+depth+normals' with 'depth', 'normals'"
    ),
}


@pytest.mark.parametrize("data", DATA_SETS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_goes_behind_every_data_set(data, name):
    """What a data set has no labels for, it says itself: see `splits.check_tasks`."""
    settings = parsed(data, f"variants/{name}", more=needed(name))
    assert settings.data.dataset == data
    # `all` are known when the data are.
    tasks = THREE if settings.data.tasks == ALL_TASKS else settings.data.tasks
    refused = contextlib.nullcontext()
    if (name, data) in REFUSED:
        message = re.escape(REFUSED[name, data])
        refused = pytest.raises(ValueError, match=message)
    with refused:
        composition.method_of(settings, toy.tasks_of(tasks), toy.SCENE_CLASSES, ("a",))


def test_what_another_run_does_not_give_cannot_be_frozen():
    with pytest.raises(ValueError, match="--freeze=encodr: encoder or decoders"):
        parsed("nyuv2", more=["--start_from=a", "--freeze=encodr,decoders"])


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("cross_stitch", "mgm", "features of each task's own.*synthesizes"),
        ("adashare", "mt_uncertainty", "sharing=adashare are equal"),
        ("task_grouping", "mt_pcgrad", "asks? of one encoder|ask of one encoder"),
        ("cross_stitch", "mgm_recon", "learns shared ones"),
        ("mt", "em_latent", "--refinement is none"),
    ],
)
def test_variants_that_cannot_stand_together_are_refused(first, second, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        parsed("nyuv2", f"variants/{first}", f"variants/{second}")
