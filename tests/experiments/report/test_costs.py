"""Costs of a row: sums over its networks, means over seeds."""

import pytest

from mgm_tf.experiments.report import costs
from mgm_tf.experiments.report.runs import Run
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import COSTS, MT, ST_DEPTH, figures, merged


def runs_of(tmp_path, training, *measured, **others):
    return {
        seed: Run(
            run_folders.write(
                tmp_path, training, seed, figures(0.2, 0.5), costs=each, **others
            )
        )
        for seed, each in enumerate(measured)
    }


def test_the_mean_over_seeds(tmp_path):
    runs = runs_of(tmp_path, MT, COSTS, COSTS | {"wall_seconds": 200.0})
    assert costs.of_row([runs]) == {
        "trained_parameters": 6_000_000,
        "prediction_parameters": 6_000_000,
        "seconds": 150.0,
        "images_per_second": pytest.approx(60.0),
        # Nobody has counted those of a step of stage 1.
        "flops": None,
        "flops_per_step": 2e12,
        "peak_memory_bytes": 2**31,
        "machines": ["2 CPU cores"],
    }


def test_several_networks_are_added(tmp_path):
    slow = {"stages": {"joint": {"images_per_second": 30.0, "flops_per_step": 1e12}}}
    parts = [
        runs_of(tmp_path, MT, COSTS),
        runs_of(tmp_path, ST_DEPTH, COSTS | slow | {"peak_memory_bytes": 2**32}),
    ]
    found = costs.of_row(parts)
    assert found["prediction_parameters"] == 12_000_000 and found["seconds"] == 200.0
    assert found["peak_memory_bytes"] == 2**32 and found["flops_per_step"] == 3e12
    # An image takes 1/60 s in one and 1/30 s in the other: 1/20 s in both.
    assert found["images_per_second"] == pytest.approx(20.0)


def test_what_is_not_known_of_a_part_is_not_known_of_the_row(tmp_path):
    unknown = merged(COSTS, {"peak_memory_bytes": None, "wall_seconds": None})
    parts = [runs_of(tmp_path, MT, COSTS), runs_of(tmp_path, ST_DEPTH, unknown)]
    found = costs.of_row(parts)
    assert found["seconds"] is found["peak_memory_bytes"] is None
    assert found["trained_parameters"] == 12_000_000


def test_without_measurements_there_are_no_costs(tmp_path):
    assert costs.of_row([runs_of(tmp_path, MT, None)]) is None
    assert costs.of_row([{}]) is None


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ([], "2 CPU cores"),
        (["NVIDIA H100"], "NVIDIA H100"),
        (["NVIDIA H100"] * 2, "2 x NVIDIA H100"),
    ],
)
def test_machines_in_words(tmp_path, gpus, expected):
    folder = run_folders.write(tmp_path, MT, 0, start={"machine": {"gpus": gpus}})
    assert costs.machine(Run(folder)) == expected
