"""The variants of the paper as flag files: what each of them trains."""

import pathlib

import pytest
from absl import flags

from mgm_tf import config
from mgm_tf.algorithm import REFINEMENT, SELF_SUPERVISION, WEAK, algorithm_1
from tests import toy

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
THREE = ("segmentation", "depth", "normals")
PLAYERS = ("discriminate", "generate") * 2
REAL = ("multi_task", "refine", "self_supervise")
FULL = (*REAL, *PLAYERS, "refine_weak", "self_supervise_weak")
SIX = (*THREE, "edges", "reshading", "curvature")

# The updates of a joint step, and the tasks; NYUv2's where none are named.
VARIANTS = {
    "mt": (("multi_task",), THREE),
    "st_segmentation": (("multi_task",), ("segmentation",)),
    "st_depth": (("multi_task",), ("depth",)),
    "st_normals": (("multi_task",), ("normals",)),
    "mt_large": (("multi_task",), THREE),
    "mgm": (FULL, THREE),
    "mgm_without_g": (REAL, THREE),
    "mgm_r": ((*REAL, "refine_weak", "self_supervise_weak"), THREE),
    "mgm_without_self": (("multi_task", "refine", *PLAYERS, "refine_weak"), THREE),
    "mgm_without_refine": (
        ("multi_task", "self_supervise", *PLAYERS, "self_supervise_weak"),
        THREE,
    ),
    "mgm_dcgan": (FULL, THREE),
    "peoe": (FULL, THREE),
    "lset": (FULL, THREE),
    "mgm_segmentation": (FULL, ("segmentation",)),
    "mgm_depth": (FULL, ("depth",)),
    "mgm_normals": (FULL, ("normals",)),
    "256px": (FULL, THREE),
    "six_tasks": (FULL, SIX),
}
# What else a variant sets: (group of settings, name, value).
SETTINGS = {
    "mt_large": ("network", "encoder_widths", "standard"),
    "mgm_r": ("method", "weak", "real"),
    "mgm_dcgan": ("network", "gan", "dcgan"),
    "peoe": ("method", "refinement", "peoe"),
    "lset": ("method", "refinement", "lset"),
    "256px": ("data", "image_size", 256),
}


def parsed(*flagfiles) -> config.Config:
    values = flags.FlagValues()
    config.define_flags(values)
    values(["train", *(f"--flagfile={CONFIGS / name}.flags" for name in flagfiles)])
    return config.from_flags(values)


def test_every_variant_is_here():
    found = {path.stem for path in (CONFIGS / "variants").glob("*.flags")}
    assert found == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_trains_what_the_paper_says(name):
    updates, tasks = VARIANTS[name]
    # Rooms and Taskonomy have six tasks, NYUv2 three.
    data = "rooms" if tasks == SIX else "nyuv2"
    settings = parsed(data, f"variants/{name}")
    assert settings.data.tasks == tasks
    method = settings.method
    rows = algorithm_1(
        toy.objectives(toy.TWO_TASKS),
        WEAK[method.weak],
        REFINEMENT[method.refinement],
        SELF_SUPERVISION[method.self_supervision],
        method.generator_updates,
    )
    assert tuple(row.name for row in rows) == updates
    group, field, value = SETTINGS.get(name, ("method", "generator_updates", 2))
    assert getattr(getattr(settings, group), field) == value
