"""Rough costs, and the tables that show them."""

import pathlib

import pytest

from mgm_tf.experiments import forecast, jobs, registry
from mgm_tf.experiments.jobs import Choice
from mgm_tf.experiments.registry.records import Block, Row, Table, Training

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def job(variant, scale="paper", dataset="nyuv2", **flags):
    training = Training((variant,), flags=tuple(flags.items()))
    block = Block("b", dataset, (Row("row", {"depth": training}),))
    choice = Choice((Table("T", "", (block,)),), scale)
    (job,) = jobs.plan(choice, pathlib.Path("x")).jobs
    return job


def test_the_cost_of_a_baseline_by_hand():
    # 100 and 300 epochs of 1049 examples are 3278 and 9834 steps of 32 images.
    images = (3278 + 9834) * 32
    assert forecast.run_cost(job("mt")) == pytest.approx(images * 14.6 / 1e6)


def test_the_cost_of_the_method_by_hand():
    # Stage 2: 500 epochs in batches of 128 are 4098 steps; stage 3 as above, each
    # image with two auxiliary losses on it and on a synthesized one, and an
    # update of D and of G.
    first, last = 3278 * 32, 9834 * 32
    # Passes that updates share leave 1361 of 1613.
    joint = (14.6 + 2 * 16 + 2 * 158 + 2 * 20) * 1361 / 1613
    expected = first * 14.6 + 4098 * 128 * 158 + last * joint
    assert forecast.run_cost(job("mgm")) == pytest.approx(expected / 1e6)


def test_pixels_channels_and_labels_scale_the_cost():
    whole = forecast.run_cost(job("mt"))
    assert forecast.run_cost(job("mt", width="0.5")) == pytest.approx(whole / 4)
    assert forecast.run_cost(job("mt", image_size="256")) == pytest.approx(4 * whole)
    half = forecast.run_cost(job("mt", labelled_percent="50"))
    assert half == pytest.approx(whole / 2, rel=1e-2)
    assert forecast.run_cost(job("mt_large")) > 2 * whole
    assert forecast.run_cost(job("adashare")) > whole


def test_the_overview_names_every_table_and_row(tmp_path):
    shown = forecast.overview(
        Choice(tuple(registry.TABLES.values()), "small", seeds=2), tmp_path
    )
    lines = shown.splitlines()
    starts = {line.split()[0] for line in lines if line and line[0] != " "}
    assert set(registry.TABLES) <= starts
    assert "nyuv2 25 %: ST, MT, TaskGrouping, Cross Stitch, AdaShare, MGM" in shown
    # Table 7: three single-task runs, MT and MGM, of two seeds.
    (line,) = (line for line in lines if line.startswith("7 "))
    assert line.split()[1:3] == ["10", "0"]


def test_the_overview_says_which_labels_a_data_set_lacks(tmp_path):
    shown = forecast.overview(
        Choice((registry.TABLES["5"],), "small", "cityscapes_zurich"), tmp_path
    )
    assert "nothing to run" in shown


def test_the_summary_counts_what_is_left(tmp_path):
    choice = Choice((registry.TABLES["7"],), "smoke", "rooms")
    plan = jobs.plan(choice, tmp_path)
    evaluation = plan.jobs[0].workdir / "eval"
    evaluation.mkdir(parents=True)
    (evaluation / "test.best_of_joint.json").write_text('{"metrics_version": 2}')
    text = forecast.summary(plan.jobs, 2)
    assert text.startswith("5 runs (1 finished, 4 not begun), 2 at a time; about ")
    # By other rules: evaluated anew, not trained again.
    (evaluation / "test.best_of_joint.json").write_text("{}")
    expected = text.replace("1 finished", "1 to be evaluated anew")
    assert forecast.summary(plan.jobs, 2) == expected
