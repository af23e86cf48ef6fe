"""The command of the experiments, as a user types it."""

import json
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from mgm_tf.config import cluster
from mgm_tf.errors import InUse
from mgm_tf.experiments import __main__ as experiments
from mgm_tf.experiments import registry, runner
from mgm_tf.files import lock
from tests import fake_dataset
from tests.commands import call, given
from tests.experiments import killed
from tests.train.runs import ALONE, assert_same_state, losses, run, state

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_list_shows_every_table_and_figure(capsys):
    assert call(experiments, "list") == 0
    shown = capsys.readouterr().out
    starts = {line.split()[0] for line in shown.splitlines() if line.strip()}
    assert set(registry.TABLES) <= starts


def test_experiments_are_run_on_one_machine(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TF_CONFIG", cluster.EXAMPLE)
    assert call(experiments, "run", *given(table="6", workdir=tmp_path)) == 2
    assert "on this machine alone: unset TF_CONFIG, or" in capsys.readouterr().err


def test_plan_prints_commands_in_an_order_they_can_go_in(capsys, tmp_path):
    arguments = given(table="6", scale="small", dataset="rooms", workdir=tmp_path)
    assert call(experiments, "plan", *arguments, "--seeds=1", "--set=--cache=disk") == 0
    shown = capsys.readouterr()
    assert "all, each run once" in shown.err and "H100" in shown.err
    lines = shown.out.splitlines()
    assert len(lines) == 8  # ST three times, MT, grouping, cross-stitch, AdaShare, MGM
    for line in lines:
        assert line.startswith("python -m mgm_tf.train --flagfile=configs/rooms.flags ")
        assert "--cache=disk" in line and line.endswith(" --test")
    stitched = next(i for i, line in enumerate(lines) if "cross_stitch" in line)
    singles = [i for i, line in enumerate(lines) if "variants/st_" in line]
    assert max(singles) < stitched


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "--table: name some of 1, 2, 3"),
        (("plan", "--table=99"), "99"),
        (("plan", "--table=2", "--rows=NOPE"), "--rows: NOPE is in none of these tabl"),
        (("plan", "--table=2", "--rows=mgm"), "did you mean MGM"),
        (("plan", "--table=2", "--percents=26"), "--percents: 26 is in none of these"),
        (("list", "--table=F55"), "did you mean F5"),
        (("plan", "--table=5", "--dataset=nyuv2"), "no labels of edges"),
        (("plan", "--table=2", "--manual_dir=nyu=here"), "nyu is no data set"),
        (("draw",), "Expected one of list, plan, run, report, collect, picture; rec"),
        ((), "received none"),
    ],
)
def test_a_mistake_is_reported_without_a_traceback(capsys, arguments, message):
    assert call(experiments, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize(
    "name", ["a b", "it's", 'say "x"', "$(touch no)", "#;&|", "Küste", "%d\\n", "a\nb"]
)
def test_the_line_of_the_readme_works_for_any_name(tmp_path, capfd, name):
    """What is printed is what would be trained with, word for word."""
    workdir = tmp_path / name
    arguments = ["plan", "--table=7", "--percents=10", "--rows=MT", "--scale=smoke"]
    assert call(experiments, *arguments, f"--workdir={workdir}") == 0
    lines = capfd.readouterr().out
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    (pipe,) = re.findall(r"experiments plan .* \| (xargs .*)", readme)
    fake = tmp_path / "bin" / "python"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >> "$ARGUMENTS"\n')
    fake.chmod(0o755)
    environment = {
        "PATH": f"{fake.parent}:{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
    }
    subprocess.run(
        ["sh", "-c", pipe], input=lines.encode(), env=environment, check=True
    )
    words = (tmp_path / "arguments").read_bytes().decode().split("\0")
    folders = [word for word in words if word.startswith("--workdir=")]
    assert folders and all(w.startswith(f"--workdir={workdir}/") for w in folders)
    assert not (tmp_path / "no").exists()


def test_runs_from_the_command_to_the_report_and_again(tmp_path, capsys):
    """Each run is a process of its own."""
    arguments = [
        *("run", "--table=7", "--percents=10", "--scale=smoke", "--dataset=rooms"),
        *("--rows=MT", f"--workdir={tmp_path / 'runs'}"),
        f"--data_dir={tmp_path / 'data'}",
    ]
    assert call(experiments, *arguments) == 0
    assert "1 runs (1 not begun), 1 at a time" in capsys.readouterr().out
    name = "rooms-labelled_percent10-mt-seed0"
    result = tmp_path / "runs" / name / "eval" / "test.best_of_joint.json"
    assert json.loads(result.read_text())["examples"] == 12
    first = result.stat().st_mtime_ns
    record = json.loads((tmp_path / "runs" / "report.json").read_text())
    (table,) = record["tables"]
    assert table["name"] == "7"
    for kind in ("md", "html"):
        assert "MT" in (tmp_path / "runs" / f"report.{kind}").read_text()

    assert call(experiments, *arguments) == 0
    assert "1 runs (1 finished)" in capsys.readouterr().out
    assert result.stat().st_mtime_ns == first


def test_a_worker_dies_with_its_runner_and_its_run_goes_on(tmp_path, monkeypatch):
    """Kill -9, of processes that are there."""
    quick = ALONE | {"run_eagerly": True, "checkpoint_every": 2, "evaluate_every": 9}
    workdir = tmp_path / "run"
    with fake_dataset.installed(tmp_path / "data") as data_dir:
        flags = fake_dataset.TINY | quick | {"tasks": "depth", "data_dir": data_dir}
        arguments = tuple(given(**flags, workdir=workdir))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(runner._PRELOADED)
        process = context.Process(
            target=killed.runner_process, args=(arguments, str(tmp_path / "output.txt"))
        )
        process.start()
        while not any(line["step"] == killed.WAITS_AT for line in losses(workdir)):
            assert process.exitcode is None, (tmp_path / "output.txt").read_text()
            time.sleep(0.05)
        with pytest.raises(InUse), lock.held(workdir):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        # It is free when the worker is gone as well.
        with lock.held(workdir, patience=60):
            assert losses(workdir)[-1]["step"] == killed.WAITS_AT
        wanted = fake_dataset.settings(data_dir, **quick)
        run(wanted, workdir)
        run(wanted, tmp_path / "whole")
    assert_same_state(state(workdir, 7), state(tmp_path / "whole", 7))
    one, other = (
        [(line["step"], line["loss/multi_task/depth"]) for line in losses(folder)]
        for folder in (workdir, tmp_path / "whole")
    )
    assert one == other and [step for step, _ in one] == [1, 2, 3, 4, 5, 6, 7]
