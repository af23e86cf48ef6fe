"""`python -m mgm_tf.data`: what it builds, prints and finds, and its exit codes."""

import json
import os

import pytest

from datasets import quarantine
from mgm_tf.data import __main__ as data
from mgm_tf.data import audit, builders
from tests import commands, fake_dataset


def call(*arguments, **values) -> int:
    """Runs the command with these arguments and returns its exit code."""
    return commands.call(data, *arguments, *commands.given(**values))


@pytest.fixture(scope="module", autouse=True)
def data_dir(tmp_path_factory):
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        yield folder


@pytest.fixture
def here(data_dir):
    """Flags of the fake data set."""
    return {"dataset": "rooms", "image_size": 64, "data_dir": data_dir}


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


# --- Building -----------------------------------------------------------------------


def test_what_was_built_is_told(tmp_path, capsys):
    asked = {"dataset": "rooms", "protocol": "few", "image_size": 64}
    assert call(**asked, data_dir=tmp_path) == 0
    told = capsys.readouterr().out
    assert f"Building fake/few_64/1.0.0 in {tmp_path}/fake/few_64/1.0.0." in told
    table = rows(told)
    for row in (["train", "3"], ["validation", "5"], ["test", "3"]):
        assert row in table
    assert ["segmentation", "class,", "one", "of", "3", "-"] in table
    assert ["depth", "m", "-"] in table
    assert "Image label: categorical, 3 classes (red room, green room, blue" in told
    assert "Left out as damaged: 0" in told and "Notes: made up" in told
    assert "64 x 64 pixels" in told

    # Nothing is left to be built; the table is the same.
    assert call(**asked, data_dir=tmp_path) == 0
    again = capsys.readouterr().out
    assert again == told[told.index("fake/few_64/1.0.0: ") :]


def test_frames_that_were_left_out_are_listed(tmp_path, capsys):
    builder = fake_dataset.build(tmp_path)
    damaged = quarantine.Quarantine(builder.data_path / quarantine.FILE_NAME, 1)
    damaged.add("view_7", "view_7.png", "view_7.png: truncated PNG of 9 bytes")
    damaged.write()
    assert call(dataset="rooms", image_size=64, data_dir=tmp_path) == 0
    told = capsys.readouterr().out
    assert "Left out as damaged: 1\n  view_7: view_7.png: truncated PNG of 9" in told


def test_the_flags_reach_the_builder(here, monkeypatch):
    given = []
    monkeypatch.setattr(builders, "prepare", lambda *values: given.append(values))
    more = {"manual_dir": "files", "max_damaged": 0.5, "beam_options": "a=b,c=d:1"}
    assert call(**here, **more) == 0
    builder, *values = given[0]
    assert builder.info.full_name == "fake/64/1.0.0"
    # Folders are absolute from the start.
    assert values == [os.path.abspath("files"), 0.5, ["a=b", "c=d:1"]]


def test_an_interruption_is_no_error(tmp_path, capsys, monkeypatch):
    def interrupt(*values):
        raise KeyboardInterrupt

    monkeypatch.setattr(builders, "prepare", interrupt)
    assert call(dataset="rooms", image_size=64, data_dir=tmp_path) == 75
    assert "Stopped: give the same command again." in capsys.readouterr().err


# --- The audit ----------------------------------------------------------------------


def test_an_audit_writes_a_report(here, data_dir, tmp_path, capsys):
    code = call("--audit", **here)
    told = capsys.readouterr().out
    folder = data_dir / "fake" / "64" / "1.0.0" / "audit"
    assert f"The report: {folder / 'report.html'}" in told
    record = json.loads((folder / "report.json").read_text())
    levels = [finding["level"] for finding in record["findings"]]
    assert code == int("error" in levels)
    assert all(split in told for split in fake_dataset.COUNTS)
    # The folder of the data set is still one.
    assert call(**here) == 0
    call("--audit", **here, report_dir=tmp_path / "new" / "report")
    assert (tmp_path / "new" / "report" / "report.html").exists()


@pytest.mark.parametrize(("errors", "code"), [((), 0), (("wrong",), 1)])
def test_errors_of_the_data_are_the_exit_code(
    here, tmp_path, monkeypatch, errors, code
):
    class Report:
        """Findings, and nothing else."""

    Report.errors = errors
    given = {}

    def fake_audit(splits, *, damaged):
        given.update(splits=splits, damaged=damaged)
        return Report

    monkeypatch.setattr(audit, "audit", fake_audit)
    monkeypatch.setattr(audit, "write", lambda report, folder: folder / "report.html")
    monkeypatch.setattr(audit, "summary", lambda report: "as expected")
    assert call("--audit", **here, report_dir=tmp_path) == code
    assert {k: len(s) for k, s in given["splits"].items()} == fake_dataset.COUNTS
    assert given["splits"]["test"].tasks == tuple(fake_dataset.INFO.tasks)
    assert given["damaged"] == []


# --- What cannot be done --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--audit"], ["fake/64/1.0.0 is not built in --data_dir="]),
        (["--manual_dir=none"], ["--manual_dir=/", "/none is no folder."]),
        (["--max_damaged=2"], ["--max_damaged=2: from 0 to 1"]),
        (
            ["--beam_options=runner=X"],
            ["--beam_options=runner=X: fake is built without"],
        ),
        (["--protocol=half"], ["half", "few_64"]),
        (["--dataset=nyuv2"], ["--manual_dir=: ", "nyu_depth_v2_labeled.mat"]),
        (["--dataset=moons"], ["moons", "nyuv2"]),
        (["--colour=red"], ["colour"]),
        (["nyuv2"], ["Not a flag: nyuv2"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert call("--image_size=64", f"--data_dir={tmp_path / 'data'}", *arguments) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
