"""Records of runs: small, without places, and as good as the folders for a report."""

import json

import pytest

from mgm_tf.experiments import __main__ as experiments
from mgm_tf.experiments import collect
from mgm_tf.experiments.report import assemble, find, flat_tables
from mgm_tf.experiments.report.runs import Run
from mgm_tf.train import logs
from tests.commands import call, given
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import COSTS, MGM, MT, figures
from tests.experiments.report.test_assemble import TABLES

LOG = [
    {"step": 5, "stage": "joint", "time": 1.5, "loss/multi_task/depth": 2.0},
    {"step": 10, "stage": "joint", "time": 2.5, "validation/score": 0.123456789},
    {"step": 10, "stage": "joint", "event": "warning", "text": "in /home/me/runs/a: x"},
]
PLACES = {
    "data": {"data_dir": "/data/tfds", "manual_dir": "/home/me/nyu"},
    "source": {"start_from": ["/scratch/me/runs/stage1"]},
}
MACHINE = {"platform": "Linux-6.1-host7", "cpus": 2, "tensorflow": "2.21.0"}


@pytest.fixture
def folders(tmp_path):
    root = tmp_path / "runs"
    for seed in range(3):
        values = figures(0.25 + 0.01 * seed, 0.6)
        run_folders.write(root, MT, seed, values, costs=COSTS)
        run_folders.write(
            root,
            MGM,
            seed,
            figures(0.27 + 0.02 * seed, 0.5),
            costs=COSTS,
            log=LOG,
            settings=PLACES,
            start={"machine": MACHINE},
        )
    return root


@pytest.fixture
def records(folders, tmp_path):
    for run in find([folders]).values():
        collect.write(run, tmp_path / "records")
    return tmp_path / "records"


def test_a_report_of_records_is_that_of_the_folders(folders, records):
    made = [assemble(TABLES, find([place])) for place in (folders, records)]
    assert made[0] == made[1]
    # By hand: .27, .29, .31 and .25, .26, .27.
    (table,) = made[1]["tables"]
    row = table["blocks"][0]["rows"][2]
    cell = row["cells"]["segmentation"]
    assert cell["ours"]["mean"] == pytest.approx(0.29)
    assert cell["against"]["MT"]["change"] == pytest.approx(100 * 3 / 26)


def test_a_record_says_nothing_of_places(records):
    (path, *_) = sorted(records.glob("*-mgm-*"))
    text = path.read_text()
    for place in ("/home", "/data", "/scratch", "host7", "me/"):
        assert place not in text, place
    contents = json.loads(text)
    assert contents["settings"]["source"] == {"start_from": ["stage1"]}
    assert contents["settings"]["data"]["data_dir"] == ""
    assert contents["starts"][0]["machine"] == run_folders.START["machine"] | {
        "cpus": 2
    }


def test_the_log_is_thinned_to_what_reports_read(records):
    run = find([records])["rooms-labelled_percent50-mgm-seed1"]
    assert run.log == [
        {"step": 10, "stage": "joint", "validation/score": 0.123457},
        {"step": 10, "stage": "joint", "event": "warning", "text": "in a: x"},
    ]
    assert run.report_arrays("predictions") is None and run.tasks == {}


def test_a_record_is_the_same_bytes_again_and_a_line_a_validation(folders, records):
    name = "rooms-labelled_percent50-mgm-seed0"
    path = records / f"{name}.run.json"
    before = path.read_bytes()
    assert collect.write(Run(folders / name), records) == path
    assert path.read_bytes() == before
    assert sum("validation/score" in line for line in before.decode().splitlines()) == 1


def test_the_command_leaves_out_what_is_not_trained_and_says_so(
    folders, tmp_path, capsys
):
    run_folders.write(folders, MT, 3)  # without a result
    validated = [*LOG, {"step": 10, "stage": "joint", "event": logs.FINISHED}]
    run_folders.write(folders, MT, 4, log=validated)
    arguments = given(runs=folders, workdir=tmp_path / "all")
    assert call(experiments, "collect", *arguments) == 0
    shown = capsys.readouterr().out
    assert "7 records were written, and 7 are in" in shown
    assert "not at their end: rooms-labelled_percent50-mt-seed3." in shown
    found = find([tmp_path / "all"])
    assert len(found) == 7
    # What was only validated is trained, and has no result.
    tried = found["rooms-labelled_percent50-mt-seed4"]
    assert tried.is_trained and not tried.is_finished


def test_the_command_refuses_folders_without_a_trained_run(tmp_path, capsys):
    run_folders.write(tmp_path / "begun", MT, 0)
    arguments = given(runs=tmp_path / "begun", workdir=tmp_path / "none")
    assert call(experiments, "collect", *arguments) == 2
    assert "trained to their end, found 1 others" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_long_name_is_kept_inside(folders, tmp_path):
    run = Run(folders / "rooms-labelled_percent50-mgm-seed0")
    run.name = f"rooms-{'x' * 300}-seed0"
    path = collect.write(run, tmp_path / "long")
    assert len(path.name) <= 255
    assert list(find([tmp_path / "long"])) == [run.name]


def test_what_is_no_record_is_refused(records):
    (records / "a.run.json").write_text('{"name": "a", "log": []}')
    with pytest.raises(ValueError, match=r"a.run.json: expected the record of a run"):
        find([records])


def test_metrics_by_other_rules_are_refused(folders, tmp_path):
    run = Run(folders / "rooms-labelled_percent50-mgm-seed0")
    contents = collect.record(run)
    contents["evaluations"]["test.best_of_joint"]["metrics_version"] = 1
    path = tmp_path / "old" / "a.run.json"
    path.parent.mkdir()
    path.write_text(collect.as_text(contents))
    (found,) = find([path.parent]).values()
    with pytest.raises(ValueError, match="found version 1.*Collect the run again"):
        _ = found.result


def test_tables_for_a_spreadsheet_and_for_the_terminal(records):
    record = assemble(TABLES, find([records]))
    head, *lines = flat_tables.as_csv(record).splitlines()
    assert head.split(",")[:5] == ["table", "block", "dataset", "row", "task"]
    (mgm,) = (line for line in lines if ",MGM,segmentation," in line)
    values = dict(zip(head.split(","), mgm.split(","), strict=True))
    assert float(values["mean"]) == pytest.approx(0.29) and values["n"] == "3"
    assert float(values["change_to_mt_percent"]) == pytest.approx(100 * 3 / 26)
    # Leads of .02, .03 and .04, as in the report's own test.
    assert float(values["p_to_mt"]) == pytest.approx(1 - (27 / 29) ** 0.5)
    text = flat_tables.as_text(record)
    (line,) = (one for one in text.splitlines() if one.startswith("MGM "))
    assert "0.290 ± 0.020 (3)" in line and "p 0.035" in line
