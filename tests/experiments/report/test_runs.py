"""Folders of runs: found, read when asked for, refused when broken."""

import subprocess
import sys

import numpy as np
import pytest

from mgm_tf.experiments.report import runs
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import MGM, MT, figures


def test_runs_are_found_at_any_depth_by_name(tmp_path):
    first = run_folders.write(tmp_path / "b" / "deep", MT, 0, figures(0.2, 0.5))
    second = run_folders.write(tmp_path / "a", MGM, 1)
    # A configuration inside a run is no run.
    run_folders.write_json(first / "exports" / "config.json", {})
    found = runs.find([tmp_path, tmp_path / "b"])
    assert list(found) == sorted([first.name, second.name])
    assert found[first.name].folder == first
    assert found[first.name].is_finished and not found[second.name].is_finished


def test_two_runs_of_a_name_are_refused(tmp_path):
    one = run_folders.write(tmp_path / "a", MT, 0)
    other = run_folders.write(tmp_path / "b", MT, 0)
    with pytest.raises(ValueError, match="Two runs are named") as error:
        runs.find([tmp_path])
    assert str(one) in str(error.value) and str(other) in str(error.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere is no folder"):
        runs.find([tmp_path / "nowhere"])


def test_what_a_run_tells(tmp_path):
    log = run_folders.validation([(10, 0.25)])
    folder = run_folders.write(
        tmp_path, MT, 3, figures(0.2, None), costs=run_folders.COSTS, log=log
    )
    run = runs.Run(folder)
    assert run.name == "rooms-labelled_percent50-mt-seed3"
    assert run.settings["width"] == 0.25 and run.seed == 3
    assert run.data["fingerprint"] == "abcdef0123456789"
    assert run.figure("segmentation", "miou") == 0.2
    assert run.figure("depth", "absolute_error") is None
    assert run.figure("normals", "mad") is None
    assert run.log == log and run.costs == run_folders.COSTS


def test_what_a_run_does_not_tell(tmp_path):
    folder = tmp_path / "bare"
    run_folders.write_json(folder / "config.json", {"run": {"seed": 0}})
    run = runs.Run(folder)
    assert run.starts == run.log == [] and run.data == {} and run.tasks == {}
    assert run.costs is None and run.result is None
    assert run.report_arrays("predictions") is None
    assert run.figure("depth", "absolute_error") is None


def test_exhibits_come_with_what_their_maps_mean(tmp_path):
    folder = run_folders.write(tmp_path, MT, 0)
    run_folders.write_report_arrays(folder)
    run = runs.Run(folder)
    assert run.report_arrays("samples")["images"].shape == (2, 3, 8, 8, 3)
    assert run.tasks["depth"].unit == run_folders.INFOS["depth"].unit
    colors = np.asarray(run.tasks["segmentation"].class_colors)
    np.testing.assert_array_equal(colors, [[200, 50, 50], [50, 50, 200]])


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("config.json", lambda run: run.settings),
        ("eval/test.best_of_joint.json", lambda run: run.is_finished),
        ("costs.json", lambda run: run.costs),
        ("metrics.jsonl", lambda run: run.log),
        ("provenance.jsonl", lambda run: run.starts),
    ],
)
def test_broken_files_are_named(tmp_path, name, read):
    folder = run_folders.write(tmp_path, MT, 0, figures(0.2, 0.5))
    (folder / name).write_text('{"a": \n{"b": 1}\n')
    with pytest.raises(ValueError, match="expected an object") as error:
        read(runs.Run(folder))
    assert str(folder / name) in str(error.value)


@pytest.mark.parametrize(
    ("found", "version"), [({}, "1"), ({"metrics_version": 3}, "3")]
)
def test_metrics_by_other_rules_are_refused(tmp_path, found, version):
    folder = run_folders.write(tmp_path, MT, 0, figures(0.2, 0.5))
    path = folder / "eval" / "test.best_of_joint.json"
    run_folders.write_json(path, {"metrics": figures(0.2, 0.5)} | found)
    with pytest.raises(ValueError, match="expected metrics of version 2") as error:
        runs.Run(folder).figure("segmentation", "miou")
    message = str(error.value)
    assert message.startswith(f"{path}: ") and f"found version {version}" in message
    assert f"python -m mgm_tf.evaluate --workdir={folder}`" in message


def test_a_result_that_is_no_record_is_refused(tmp_path):
    folder = run_folders.write(tmp_path, MT, 0, figures(0.2, 0.5))
    path = folder / "eval" / "test.best_of_joint.json"
    run_folders.write_json(path, [])
    with pytest.raises(ValueError, match="expected an object, found list") as error:
        _ = runs.Run(folder).result
    assert str(path) in str(error.value)


def test_reports_are_made_without_tensorflow():
    code = "import sys, mgm_tf.experiments.report; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
