"""Hours on GPUs, from operations and stated speeds."""

import pathlib

import pytest

from mgm_tf.experiments import forecast, gpu_hours, jobs, registry
from mgm_tf.experiments.gpu_hours import Gpu

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_hours_by_hand(monkeypatch):
    monkeypatch.setattr(gpu_hours, "UTILISATION", 0.5)
    # 3.6 PFLOP at half of 2 TFLOP/s are 3,600 s.
    assert gpu_hours.hours(3.6, Gpu("x", 2.0)) == pytest.approx(1.0)


def test_every_row_with_its_runs_and_their_sum():
    choice = jobs.Choice((registry.TABLES["2"],), "paper", "nyuv2", 5, ("50", "25"))
    names = [(line[0], line[1]) for line in gpu_hours.rows(choice)]
    # Two settings of five seeds; ST has three networks.
    assert names == [
        ("ST", "30"),
        ("MT", "10"),
        ("MGM", "10"),
        ("MGM_r", "10"),
        ("all, each run once", "60"),
    ]
    *_, mt = (line for line in gpu_hours.rows(choice) if line[0] == "MT")
    # 400 epochs of 262 and 524 labelled frames at 14.6 GFLOP an image, five seeds.
    expected = 5 * 400 * (262 + 524) * forecast.MULTI_TASK / 1e6
    assert float(mt[2]) == pytest.approx(expected, rel=0.02)
    assert float(mt[4]) == pytest.approx(expected * 1e3 / 39 / 3600, rel=0.02)


def test_a_part_of_a_markdown_file():
    assert gpu_hours.part("table 2") is None
    with pytest.raises(ValueError, match="known data sets are nyuv2"):
        gpu_hours.part("cost of table 2 on nyu")
