"""The commands as they are called: what they print and write, and their exit codes.

In this process; `test_real_data.py` starts them as a user does.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from PIL import Image

from mgm_tf.config import checks, command_line, settings
from mgm_tf.data import __main__ as data
from mgm_tf.data import splits
from mgm_tf.evaluate import __main__ as evaluate
from mgm_tf.experiments import __main__ as experiments
from mgm_tf.experiments import runner
from mgm_tf.export import __main__ as export
from mgm_tf.export import saved_model
from mgm_tf.files import lock
from mgm_tf.method import objectives
from mgm_tf.predict import __main__ as predict
from mgm_tf.predict import predictions
from mgm_tf.probe import __main__ as probe
from mgm_tf.train import __main__ as train
from mgm_tf.train import costs
from mgm_tf.train.checkpoint_files import CheckpointFolder
from tests import fake_dataset
from tests.commands import call, flags_of, given

ALONE = fake_dataset.TINY | fake_dataset.ALONE | {"tasks": "segmentation,depth"}


@pytest.fixture(scope="module", autouse=True)
def data_dir(tmp_path_factory):
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        yield folder


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """Trains a run and returns its folder."""
    workdir = tmp_path_factory.mktemp("runs") / "alone"
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake_dataset.install(monkeypatch)
        assert call(train, *given(**ALONE, data_dir=data_dir, workdir=workdir)) == 0
    return workdir


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """Exports the run and returns the folder of its versions."""
    folder = tmp_path_factory.mktemp("models") / "alone"
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake_dataset.install(monkeypatch)
        assert call(export, *given(workdir=trained, saved_model=folder)) == 0
    return folder


# --- From training to predictions ---------------------------------------------------


def test_the_same_command_continues_a_trained_run(trained, data_dir, capsys):
    assert call(train, *given(**ALONE, data_dir=data_dir, workdir=trained)) == 0
    assert "is trained: 4 of 4 steps are done" in capsys.readouterr().out


def test_another_run_in_its_folder_is_refused(trained, data_dir, capsys):
    other = given(**ALONE, data_dir=data_dir, workdir=trained, seed=1)
    assert call(train, *other) == 2
    assert "--seed: 0 before, 1 now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("split", "checkpoint", "file"),
    [("test", "best", "test.json"), ("train", "last", "train.last.json")],
)
def test_evaluation_prints_a_table_and_writes_the_same(
    trained, capsys, split, checkpoint, file
):
    arguments = given(workdir=trained, split=split, checkpoint=checkpoint)
    assert call(evaluate, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{checkpoint} checkpoint (step 4) on {split}" in lines[0]
    assert f"{fake_dataset.COUNTS[split]} examples" in lines[0]
    record = json.loads((trained / "eval" / file).read_text())
    assert record.keys() == {
        "metrics_version",
        "split",
        "examples",
        "checkpoint",
        "step",
        "code",
        "data",
        "score",
        "metrics",
        "constant_predictor",
    }
    assert (record["split"], record["step"]) == (split, 4)
    assert record["data"]["is_of_the_run"] is True
    first = json.loads((trained / "provenance.jsonl").read_text().splitlines()[0])
    assert record["data"]["fingerprint"] == first["data"]["fingerprint"]
    assert record["code"] == first["code"]
    rows = {tuple(line.split()[:2]): line.split()[-2:] for line in lines}
    for task, headline in (("segmentation", "miou"), ("depth", "absolute_error")):
        model, constant = rows[task, headline]
        assert float(model) == pytest.approx(
            record["metrics"][task][headline], abs=1e-4
        )
        assert float(constant) == pytest.approx(
            record["constant_predictor"][task][headline], abs=1e-4
        )


def test_a_folder_in_use_is_refused(trained, data_dir, tmp_path, capsys):
    with lock.held(trained):
        assert call(evaluate, *given(workdir=trained)) == 2
        assert f"{trained} is in use by process" in capsys.readouterr().err
    with lock.held(tmp_path), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(train, "PATIENCE", 0.0)
        arguments = given(**ALONE, data_dir=data_dir, workdir=tmp_path)
        assert call(train, *arguments) == 2
        assert f"{tmp_path} is in use by process" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == [lock.FILE]


def test_other_data_than_the_run_s_are_refused_or_named(trained, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(trained, workdir, ignore=shutil.ignore_patterns("eval"))
    path = workdir / "provenance.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    first["data"] |= {"fingerprint": "another", "name": "fake/other/1.0.0"}
    path.write_text(json.dumps(first) + "\n")
    for module, arguments in (
        (evaluate, {}),
        (probe, {}),
        (export, {"saved_model": tmp_path / "model"}),
    ):
        assert call(module, *given(workdir=workdir, **arguments)) == 2
        told = capsys.readouterr().err
        assert "the run began with fake/other/1.0.0" in told
        assert "now there is fake/64/1.0.0" in told and "--allow_other_data" in told
    assert not (workdir / "eval").exists()
    assert not (tmp_path / "model").exists()
    allowed = given(workdir=workdir, split="validation")
    assert call(evaluate, *allowed, "--allow_other_data") == 0
    record = json.loads((workdir / "eval" / "validation.json").read_text())
    assert record["data"]["is_of_the_run"] is False
    assert record["data"]["name"] == "fake/64/1.0.0"


def test_a_command_that_is_stopped_has_a_code_of_its_own(trained, monkeypatch, capsys):
    def stopped(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("mgm_tf.evaluate.results.evaluate", stopped)
    assert call(evaluate, *given(workdir=trained)) == 75
    assert "Stopped: give the same command again." in capsys.readouterr().err


def test_an_export_is_done_once(exported, trained, capsys):
    assert call(export, *given(workdir=trained, saved_model=exported)) == 0
    assert "reused" in capsys.readouterr().out
    assert {path.name for path in exported.iterdir()} == {"1", "serving"}
    record = json.loads((exported / "1/assets.extra/mgm.json").read_text())
    assert record["extra"]["step"] == 4
    assert record["extra"]["settings"]["width"] == 0.0625
    # The network that names scenes was not trained in this run.
    assert record["data"]["scene_names"] == []


def test_images_that_can_be_read_are_predicted(exported, tmp_path, capsys):
    photos, output = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    random = np.random.default_rng(0)
    for name, size in (("wide", (48, 90)), ("tall", (100, 33))):
        pixels = random.integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photos / f"{name}.png")
    arguments = given(saved_model=exported, input=photos, output=output)
    assert call(predict, *arguments) == 0
    with np.load(output / "wide.npz") as arrays:
        assert set(arrays) == {"segmentation", "depth"}
        assert all(values.shape == (48, 90) for values in arrays.values())
    with Image.open(output / "tall.panel.png") as panel:
        assert panel.mode == "RGB"

    assert call(predict, *arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    (photos / "broken.jpg").write_bytes(b"no picture")
    assert call(predict, *arguments, "--overwrite") == 1
    output = capsys.readouterr()
    assert "Predicted 2 of 3 images" in output.out and "broken.jpg" in output.err


# --- Signals, in every phase --------------------------------------------------------


def stopping(monkeypatch, module, name, when=lambda *arguments: True):
    """Sends SIGTERM once, when a function is called that the phase consists of."""
    act, left = getattr(module, name), [True]

    def act_and_stop(*arguments, **options):
        if left and when(*arguments):
            left.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return act(*arguments, **options)

    monkeypatch.setattr(module, name, act_and_stop)


def stopped(module, *arguments):
    """Expects that a command is stopped and says how to go on."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        assert call(module, *arguments) == 75
    assert "give the same command again." in errors.getvalue()
    assert "Traceback" not in errors.getvalue()


def test_a_build_stops_and_is_done_again(tmp_path, monkeypatch):
    stopping(monkeypatch, fake_dataset, "example", lambda split, index: index == 2)
    arguments = given(dataset="rooms", image_size=64, data_dir=tmp_path)
    stopped(data, *arguments)
    assert not list((tmp_path / "fake" / "64").iterdir())
    assert call(data, *arguments) == 0


def test_the_making_of_a_graph_stops(data_dir, tmp_path, monkeypatch):
    def in_a_graph(*arguments):
        return tf.inside_function()

    stopping(monkeypatch, objectives.MultiTask, "__call__", in_a_graph)
    wanted = ALONE | {"data_dir": data_dir, "workdir": tmp_path, "tasks": "depth"}
    stopped(train, *given(**wanted | {"run_eagerly": False}))
    # The state before the first step, from which the same command goes on.
    assert CheckpointFolder(tmp_path / "checkpoints" / "last").newest() == (0, {})
    assert not (tmp_path / lock.FILE).exists()


def test_an_evaluation_stops_between_its_batches(trained, monkeypatch):
    (trained / "eval" / "validation.json").unlink(missing_ok=True)
    stopping(monkeypatch, splits.Split, "batch")
    stopped(evaluate, *given(workdir=trained, split="validation"))
    assert not (trained / "eval" / "validation.json").exists()
    assert call(evaluate, *given(workdir=trained, split="validation")) == 0


def test_an_export_stops_and_publishes_nothing(trained, tmp_path, monkeypatch):
    stopping(monkeypatch, saved_model, "_write")
    arguments = given(workdir=trained, saved_model=tmp_path / "model")
    stopped(export, *arguments)
    assert not list(tmp_path.glob("model/*"))


def test_a_prediction_stops_and_goes_on(exported, tmp_path, monkeypatch):
    photos, output = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for name in "ab":
        Image.new("RGB", (90, 60)).save(photos / f"{name}.png")

    def is_second(info, photo, *others):
        return photo.job.image.stem == "b"

    stopping(monkeypatch, predictions, "write", is_second)
    arguments = given(saved_model=exported, input=photos, output=output, results="npz")
    stopped(predict, *arguments)
    first = output / "a.npz"
    assert [path.name for path in output.iterdir()] == ["a.npz"]
    before = first.stat().st_mtime_ns
    assert call(predict, *arguments, "--resume") == 0
    assert (output / "b.npz").exists() and first.stat().st_mtime_ns == before


class Waiting:
    """The process of a training that goes on until it is told to stop."""

    started: ClassVar[list] = []

    def __init__(self, job):
        self.exitcode = None
        self.started.append(self)
        os.kill(os.getpid(), signal.SIGTERM)

    def terminate(self):
        self.exitcode = 75


def test_experiments_stop_their_trainings_and_start_no_other(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(runner, "start", Waiting)
    arguments = given(table=2, scale="smoke", dataset="rooms", workdir=tmp_path)
    assert call(experiments, "run", *arguments) == 75
    assert "Stopping after the present steps" in capsys.readouterr().out
    (process,) = Waiting.started
    assert process.exitcode == 75
    assert not list(tmp_path.glob("report.*"))


def test_readers_that_go_away_are_no_error():
    listing = f"{sys.executable} -m mgm_tf.experiments list --scale=smoke"
    for line in (f"{listing} | head -n 1; exit ${{PIPESTATUS[0]}}", f"{listing} 2>&-"):
        done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
        assert done.returncode == 0 and not done.stderr, done
        assert done.stdout.startswith(b"Scale smoke")


# --- Without training ---------------------------------------------------------------


def test_a_dry_run_prints_settings_and_costs_and_leaves_nothing(tmp_path, capsys):
    arguments = given(**ALONE, data_dir=tmp_path / "data", workdir=tmp_path / "run")
    assert call(train, *arguments, "--dry_run", "--width=1") == 0
    output = capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    # The settings, as a flag file that can be used.
    lines = [line for line in output.splitlines() if line.startswith("--")]
    values = flags.FlagValues()
    settings.define_flags(values)
    values(["program", *lines])
    assert checks.from_flags(values).data.tasks == ("segmentation", "depth")
    # Parameters of each network; costs and length of each stage.
    words = [line.split() for line in output.splitlines()]
    pairs = [line for line in words if len(line) == 2 and line[1][0].isdigit()]
    counts = {name: int(number.replace(",", "")) for name, number in pairs}
    assert counts["all"] == sum(counts.values()) - counts["all"]
    # Only networks that something trains have a line.
    assert counts.keys() == {"encoder", "decoders", "all"}
    stage = next(line for line in words if line[:1] == ["multi_task"])
    batch_size, gigaflops, *gibibytes = map(float, stage[1:5])
    assert batch_size == 4 and gigaflops > 0 and min(gibibytes) > 0
    assert " ".join(stage[5:]) == "4steps, the data are not built yet"
    assert ["multi_task", "->", "encoder,", "decoders"] in words


def test_a_dry_run_on_built_data_prints_the_steps(data_dir, capsys, monkeypatch):
    monkeypatch.setattr(
        costs, "step_costs", lambda model, batch: costs.StepCosts(10**9, 2**30)
    )
    arguments = given(**ALONE | {"multi_task_length": "5epochs"}, data_dir=data_dir)
    assert call(train, *arguments, "--dry_run", "--width=1") == 0
    assert "5epochs = 15 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        (evaluate, [], ["--workdir"]),
        (train, ["--workdir=x", "--colour=red"], ["colour"]),
        (train, ["--workdir=x", "--weak=reel"], ["weak", "reel"]),
        (train, ["--workdir=x", "--flagfile=none.flags"], ["none.flags"]),
        (train, ["--workdir=x", "runs/nyuv2"], ["Not a flag: runs/nyuv2"]),
        (train, ["--workdir=x", "--width=9", "--seed=-1"], ["--width=9", "--seed=-1"]),
        (
            train,
            ["--workdir=x", "--image_size=64", "--tasks=depth,colour"],
            ["colour", "segmentation, depth, normals"],
        ),
        (train, ["--dry_run", "--image_size=64", "--tasks=colour"], ["colour"]),
        (train, ["--workdir=x", "--protocol=half"], ["half", "few_64"]),
        (evaluate, ["--workdir=x"], ["x/config.json", "--workdir"]),
        (export, ["--workdir=x", "--saved_model=y"], ["x/config.json"]),
        (export, ["--workdir=x"], ["saved_model"]),
        (
            predict,
            ["--saved_model=x", "--input=y", "--output=z"],
            ["y is neither"],
        ),
        (
            predict,
            ["--saved_model=x", "--input=y", "--output=z", "--batch_size=0"],
            ["batch_size"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_impossible_request_is_reported_in_a_sentence(
    module, arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert call(module, *arguments) == 2
    output = capsys.readouterr().err
    assert all(word in output for word in words), output
    assert "Traceback" not in output
    assert not list(tmp_path.iterdir())


def test_operations_are_deterministic_where_one_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []
    experimental = "tensorflow.config.experimental.enable_op_determinism"
    monkeypatch.setattr(experimental, lambda: asked.append(True))
    # Refused afterwards.
    impossible = ["--workdir=x", "--protocol=half"]
    for flags_given in (impossible, [*impossible, "--deterministic"]):
        assert call(train, *flags_given) == 2
    assert asked == [True]


def test_debug_shows_where_an_error_comes_from(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program", f"--workdir={tmp_path}", "--debug"])
    with flags_of(evaluate), pytest.raises(FileNotFoundError, match="config.json"):
        command_line.run(evaluate.main)


@pytest.mark.parametrize("split", ["dev", ""])
def test_an_unknown_split_is_refused(trained, capsys, split):
    assert call(evaluate, *given(workdir=trained, split=split)) == 2
    assert "train|validation|test" in capsys.readouterr().err
