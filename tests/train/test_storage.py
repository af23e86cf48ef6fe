"""Storage that is full, read-only or gone: a sentence, and nothing is lost.

On a small file system of its own, for which one has to be root.
"""

import pathlib
import shutil
import subprocess
import types

import numpy as np
import pytest

from mgm_tf.config.saved import BEST
from mgm_tf.errors import NotWritten
from mgm_tf.evaluate import results
from mgm_tf.experiments import __main__ as experiments
from mgm_tf.experiments import runner
from mgm_tf.export import saved_model
from mgm_tf.files import lock, whole
from mgm_tf.predict import predictions
from mgm_tf.train import logs, loop
from mgm_tf.train.checkpoint_files import CheckpointFolder
from tests import commands
from tests.experiments.report import run_folders
from tests.export.test_saved_model import SCENE_CLASSES, SIZE, TASKS, build_networks
from tests.predict import stand_in
from tests.predict import test_predictions as photos
from tests.train import toy_runs
from tests.train.test_kills import assert_ended_alike


def mount(*words):
    return subprocess.run(["mount", *map(str, words)], capture_output=True, check=False)


@pytest.fixture
def disk(tmp_path):
    """The folder of a file system that `resize` makes as large as one says."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder).returncode:
        pytest.skip("no file system can be mounted here: storage is tested as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(disk, size):
    assert not mount("-o", f"remount,{size}", disk).returncode


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    monkeypatch.setattr(loop.audit, "check", lambda splits, refuse: None)
    monkeypatch.setattr(whole, "WAITS", [0.0])


@pytest.fixture(scope="module")
def undisturbed(wanted, builder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(loop.audit, "check", lambda splits, refuse: None)
        toy_runs.run(wanted, builder, folder)
    return folder


# Before the first state; within the second one; within the best weights; at the end.
@pytest.mark.parametrize("size", [12, 44, 60, 88])
def test_a_run_on_a_full_disk_goes_on_when_there_is_room(
    disk, wanted, builder, undisturbed, size
):
    resize(disk, f"size={size}k")
    folder = disk / "run"
    with pytest.raises(NotWritten, match="the disk is full: .* MiB are free") as error:
        toy_runs.run(wanted, builder, folder)
    assert str(folder) in str(error.value) and "Make room" in str(error.value)
    # What was there is whole, and what is whole is of before.
    step, faults = CheckpointFolder(folder / "checkpoints/last").newest()
    assert not faults and (step or 0) < 3
    resize(disk, "size=4m")
    toy_runs.run(wanted, builder, folder)
    assert_ended_alike(folder, undisturbed)


def test_a_read_only_disk_is_named(disk, wanted, builder, undisturbed):
    folder = disk / "run"
    shutil.copytree(undisturbed, folder)
    resize(disk, "ro")
    with pytest.raises(NotWritten, match="run is read-only for this user"):
        toy_runs.run(wanted, builder, folder)
    with pytest.raises(NotWritten, match="is read-only"), lock.held(folder):
        pass
    with pytest.raises(NotWritten, match="is read-only"):
        runner.record_request(folder, {"tables": ["2"]})
    with pytest.raises(NotWritten, match="is read-only"):
        export(disk / "model")


def test_a_folder_that_vanishes_is_named(tmp_path, wanted, builder, monkeypatch):
    folder = tmp_path / "run"
    write = logs.Log.scalars

    def scalars(self, step, *values):
        if step == 2:
            shutil.rmtree(folder)
        write(self, step, *values)

    monkeypatch.setattr(logs.Log, "scalars", scalars)
    with pytest.raises(NotWritten, match=f"the folder {folder} is gone"):
        toy_runs.run(wanted, builder, folder)


def export(folder) -> pathlib.Path:
    return saved_model.export(
        build_networks(), TASKS, SCENE_CLASSES, SIZE, folder, fingerprint="a"
    )


def test_a_full_disk_publishes_no_version(disk):
    resize(disk, "size=40k")
    with pytest.raises(NotWritten, match="the disk is full"):
        export(disk / "model")
    assert not list(disk.glob("model/*"))
    resize(disk, "size=4m")
    assert export(disk / "model").name == "1"


def test_a_full_disk_leaves_whole_predictions(disk, tmp_path):
    for name in "ab":
        photos.photo(tmp_path / f"{name}.png", size=(90, 90))
    # The results of one image.
    resize(disk, "size=260k")
    jobs = predictions.plan(tmp_path, disk / "out")
    model = stand_in.model()
    with pytest.raises(NotWritten, match="the disk is full"):
        predictions.predict(model, jobs)
    resize(disk, "size=4m")
    left = predictions.plan(tmp_path, disk / "out", resume=True)
    assert [job.image.stem for job in left] == ["b"]
    assert predictions.predict(model, left) == 0
    for job in jobs:
        with np.load(job.arrays) as arrays:
            assert arrays["depth"].shape == (90, 90)


# --- evaluate -----------------------------------------------------------------------


class Evaluated(types.SimpleNamespace):
    """What an evaluation needs of an experiment, with nothing to learn from."""

    tasks = (toy_runs.TASK,)
    data = types.SimpleNamespace(builder=None, split=lambda name: range(8))
    scene_label_source = types.SimpleNamespace(relabel=None)

    def restore(self, workdir, which):
        return 3

    def trained(self, step):
        return ()

    def evaluate(self, split, progress):
        return {"depth": {"error": 0.5}}

    def evaluate_constant_predictor(self, split, workdir):
        return {"depth": {"error": 1.0}}


def fill(disk):
    """Leaves no room for anything."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (4096, 1):
            with pytest.raises(OSError, match="No space"):
                while filler.write(bytes(size)):
                    pass


def test_an_evaluation_names_what_is_wrong_and_keeps_the_one_before(
    disk, tmp_path, monkeypatch
):
    monkeypatch.setattr(results.provenance, "origin", lambda *a, **o: {"step": 3})

    def evaluate(workdir):
        return results.evaluate(Evaluated(), workdir, "test", BEST)

    workdir = disk / "run"
    workdir.mkdir()
    before = evaluate(workdir).read_bytes()
    fill(disk)
    with pytest.raises(NotWritten, match=r"test.json cannot be written: the disk is f"):
        evaluate(workdir)
    (disk / "filler").unlink()
    resize(disk, "ro")
    with pytest.raises(NotWritten, match="eval is read-only for this user"):
        evaluate(workdir)
    assert [path.name for path in (workdir / "eval").iterdir()] == ["test.json"]
    assert (workdir / "eval" / "test.json").read_bytes() == before
    with pytest.raises(NotWritten, match=f"the folder {tmp_path / 'none'} is gone"):
        evaluate(tmp_path / "none")


# --- experiments --------------------------------------------------------------------


def test_experiments_name_what_is_wrong(disk, tmp_path, capsys):
    for seed in range(2):
        metrics = run_folders.figures(0.2 + 0.1 * seed, 0.5)
        run_folders.write(disk, run_folders.MT, seed, metrics)
    words = commands.given(workdir=disk, table=2, dataset="rooms", scale="smoke")

    def told(command):
        assert commands.call(experiments, command, *words) == 2
        said = capsys.readouterr().err
        assert "NotWritten: " in said and "Traceback" not in said
        return said

    assert commands.call(experiments, "report", *words) == 0
    before = {path: path.read_bytes() for path in disk.glob("report.*")}
    assert {"report.json", "report.md", "report.html"} <= {p.name for p in before}
    fill(disk)
    assert "report.json cannot be written: the disk is full" in told("report")
    (disk / "filler").unlink()
    resize(disk, "ro")
    assert f"{disk} is read-only for this user" in told("report")
    assert f"{disk} is read-only for this user" in told("run")
    assert {path: path.read_bytes() for path in disk.glob("report.*")} == before


def test_a_job_s_folder_that_cannot_be_written_is_named(disk, tmp_path):
    def job(workdir):
        return types.SimpleNamespace(name="a", workdir=workdir, arguments=())

    with pytest.raises(NotWritten, match=f"the folder {tmp_path / 'gone'} is gone"):
        runner.start(job(tmp_path / "gone"))
    assert "what it said cannot be read" in runner._reason(job(tmp_path / "gone"), 2)
    resize(disk, "ro")
    with pytest.raises(NotWritten, match="is read-only for this user"):
        runner.start(job(disk))
