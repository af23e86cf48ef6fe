"""Runs that were trained by hand: which row they are of, by their settings."""

import dataclasses
import pathlib

import pytest

from mgm_tf.experiments import identify, jobs
from mgm_tf.experiments.registry import TABLES
from mgm_tf.experiments.registry.trainings import after_stage_1, stage_1
from mgm_tf.experiments.report.runs import Run
from tests.experiments.report import run_folders

ROOT = pathlib.Path(__file__).parents[2]
TENTH = (("labelled_percent", "10"),)
STEM = "rooms-labelled_percent10"
MT = after_stage_1("mt", stage_1("mt"))
MGM = after_stage_1("mgm", stage_1("mt"))


@pytest.fixture(scope="module")
def name_of():
    """Names by a table of three rows: one setting of Table X5."""
    block = TABLES["X5"].blocks[0]
    rows = tuple(row for row in block.rows if row.name in ("MT", "MGM", "MGM_r"))
    blocks = (dataclasses.replace(block, rows=rows),)
    table = dataclasses.replace(TABLES["X5"], blocks=blocks, claims=())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(jobs, "SCALES", ("study",))
        yield identify.namer({"X5": table})


def trained(folder, training, seed=2, **changes):
    """A run's folder as `mgm_tf.train` leaves it, with some settings changed."""
    (_, settings) = list(jobs.resolved("study", "rooms", TENTH, training))[-1]
    groups = dataclasses.asdict(settings)
    changes = {"seed": seed, "split_seed": seed} | changes
    for group in groups.values():
        group.update({k: v for k, v in changes.items() if k in group})
    run_folders.write_json(folder / "config.json", groups)
    return Run(folder)


def test_a_run_by_hand_is_that_of_its_row(name_of, tmp_path):
    # Where its folders are, and what only shows more, is no difference.
    places = {"data_dir": "/elsewhere", "start_from": ["/a/first"], "log_every": 7}
    run = trained(tmp_path / "whatever", MGM, **places)
    assert name_of(run) == f"{STEM}-mgm+after_stage_1-seed2"
    first = trained(tmp_path / "first", stage_1("mt"))
    assert name_of(first) == f"{STEM}-mt+stage_1-seed2"


def test_what_differs_is_in_the_name(name_of, tmp_path):
    run = trained(
        tmp_path / "b",
        MGM,
        synthesis_factor=0.3,
        augmentation="flip_crop",
        joint_warmup=0.2,
    )
    assert name_of(run) == (
        f"{STEM}-mgm+after_stage_1-augmentation=flip_crop-synthesis_factor0.3"
        "-joint_warmup0.2-seed2"
    )


def test_what_changes_nothing_is_no_difference(name_of, tmp_path):
    # MT has no generator, no refinement, and here no stage 1.
    idle = {
        "generative_length": "0steps",
        "discriminator_augmentation": "diffaugment",
        "refinement_factor": 0.5,
        "multi_task_batch_size": 8,
        "policy_length": "9steps",
    }
    assert name_of(trained(tmp_path / "mt", MT, **idle)) == (
        f"{STEM}-mt+after_stage_1-seed2"
    )


def test_a_folder_seed_row_is_that_rows_run(name_of, tmp_path):
    longer = {"joint_length": "900steps"}
    row = trained(tmp_path / "10" / "2" / "MGM", MGM, **longer)
    assert name_of(row) == f"{STEM}-mgm+after_stage_1-seed2"
    # MT's folder cannot hold MGM, and a folder of tries holds tries.
    for folder in ("10/2/MT", "10/2/tries/MGM", "10/1/MGM"):
        other = trained(tmp_path / folder, MGM, **longer)
        assert name_of(other) == (
            f"{STEM}-mgm+after_stage_1-joint_length900steps-seed2"
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"weak": "frozen"},  # no row of this table
        {"labelled_percent": 50.0},
        {"protocol": "smoke"},
        {"tasks": ["depth"]},
        {"multi_task_length": "5steps"},  # with a stage 1 of its own
        {"dataset": "nyuv2"},
    ],
)
def test_a_run_of_no_row_has_no_name(name_of, tmp_path, changes):
    assert name_of(trained(tmp_path / "x", MGM, **changes)) is None
