"""What encoders know, in a report."""

import json

import pytest

from mgm_tf.experiments.registry.records import Table
from mgm_tf.experiments.report import assemble, find, probe_results, write
from tests.experiments.report import run_folders


def probed(folder, linear, distance=None):
    record = {
        "scene": {"linear_probe": linear, "nearest_neighbours": 0.5},
        "kernel_distance": None if distance is None else {"mean": distance},
    }
    (folder / "eval" / "probe.json").write_text(json.dumps(record))


@pytest.fixture
def folders(tmp_path):
    metrics = run_folders.figures(0.5, 0.5)
    return {
        (training, seed): run_folders.write(tmp_path, training, seed, metrics)
        for training in (run_folders.MT, run_folders.MGM)
        for seed in (0, 1)
    }


def test_means_over_the_runs_that_were_measured(tmp_path, folders):
    assert probe_results.of_row([{0: run} for run in find([tmp_path]).values()]) is None
    probed(folders[run_folders.MGM, 0], 0.25, 0.5)
    probed(folders[run_folders.MGM, 1], 0.75)
    runs = find([tmp_path])
    of_mgm = {run.seed: run for name, run in runs.items() if "-mgm-" in name}
    # (.25 + .75) / 2; the distance is that of the one run that has it.
    assert probe_results.of_row([of_mgm]) == {
        "linear_probe": 0.5,
        "nearest_neighbours": 0.5,
        "kernel_distance": 0.5,
    }


def test_the_report_shows_them(tmp_path, folders):
    table = Table("T", "title", (run_folders.block(),))
    probed(folders[run_folders.MGM, 0], 0.125)
    record = assemble({"T": table}, find([tmp_path]))
    (block,) = record["tables"][0]["blocks"]
    by_name = {row["name"]: row["knowledge"] for row in block["rows"]}
    assert by_name["MT"] is None and by_name["MGM"]["linear_probe"] == 0.125
    page = write(record, {}, tmp_path / "report").read_text()
    assert "scene by linear probe" in page and "0.125" in page
