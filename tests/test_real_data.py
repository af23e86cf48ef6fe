"""The four commands, as a user types them, on real NYUv2 frames (MGM_REAL_DATA)."""

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from datasets.nyuv2 import classes
from mgm_tf.train import __main__ as train_command
from mgm_tf.train import logs
from tests import commands

ROOT = pathlib.Path(__file__).parents[1]
FRAMES = 40
JOINT = "--checkpoint=best_of_joint"
TASKS = ("segmentation", "depth", "normals")
# The flag files of a user; what follows makes it short.
SHORT = [
    "--width=0.0625",
    "--encoder=resnet10",
    "--generator_updates=1",
    "--multi_task_length=24steps",
    "--generative_length=1steps",
    "--joint_length=1steps",
    "--multi_task_batch_size=8",
    "--generative_batch_size=16",
    "--joint_batch_size=8",
    "--evaluation_batch_size=8",
    "--log_every=8",
    "--run_eagerly",
]


def call(*command) -> subprocess.CompletedProcess:
    """Runs a command in the repository's folder, to its end."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds(*command) -> str:
    """Runs a command that must succeed; returns what it prints."""
    process = call(*command)
    assert process.returncode == 0, process.stderr[-4000:]
    return process.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def train(folder):
    """The command that trains the run."""
    return [
        "-m",
        "mgm_tf.train",
        "--flagfile=configs/nyuv2.flags",
        "--flagfile=configs/small.flags",
        f"--manual_dir={folder / 'manual'}",
        f"--data_dir={folder / 'data'}",
        f"--workdir={folder / 'run'}",
        *SHORT,
    ]


def test_from_real_frames_to_predictions(real_data, folder, train):
    """Runs the commands in turn: each works on the files of the one before."""
    (folder / "manual").mkdir()
    mat = folder / "manual" / "nyu_depth_v2_labeled.mat"
    succeeds(real_data / "nyuv2" / "make_labeled_mat.py", mat, "--frames", FRAMES)
    check_training(folder, train)
    check_evaluation(folder)
    check_export(folder)
    check_prediction(folder, real_data)


def check_training(folder, train):
    output = succeeds(*train)
    assert "Building nyuv2/paper_64" in output
    lines = logs.read(folder / "run")
    assert [line["stage"] for line in lines if line.get("event") == "finished"] == [
        "joint"
    ]
    names = {key for line in lines for key in line}
    assert {f"loss/multi_task/{task}" for task in TASKS} < names
    assert {
        "loss/refine/cross_entropy",
        "loss/self_supervise/nt_xent",
        "loss/discriminate/real",
        "loss/discriminate/synthesized",
        "loss/generate/hinge",
        "loss/refine_weak/cross_entropy",
        "loss/self_supervise_weak/nt_xent",
    } < names
    # The losses of M fall from the first eight steps to the third eight.
    first, *_, last = [line for line in lines if line["stage"] == "multi_task"][:3]
    assert (first["step"], last["step"]) == (8, 24)
    for task in TASKS:
        assert last[f"loss/multi_task/{task}"] < first[f"loss/multi_task/{task}"], task


def check_evaluation(folder):
    # In so few steps the best of the run may be from before the joint stage.
    workdir = f"--workdir={folder / 'run'}"
    output = succeeds("-m", "mgm_tf.evaluate", workdir, JOINT)
    record = json.loads((folder / "run/eval/test.best_of_joint.json").read_text())
    # 40 frames in the proportions of 1049 / 200 / 200.
    assert (record["split"], record["examples"], record["step"]) == ("test", 5, 26)
    headlines = {"segmentation": "miou", "depth": "absolute_error", "normals": "mad"}
    rows = {tuple(line.split()[:2]): line.split()[-2:] for line in output.splitlines()}
    for task, headline in headlines.items():
        model, constant = (
            record[key][task][headline] for key in ("metrics", "constant_predictor")
        )
        assert 0 <= model < math.inf and 0 < constant < math.inf
        assert rows[task, headline] == [f"{model:.4f}", f"{constant:.4f}"]
    # Rooms are some metres deep, and half of their pixels are within a factor of 1.56.
    depth = record["constant_predictor"]["depth"]
    assert 0.2 < depth["absolute_error"] < 3 and depth["delta_2"] > 0.5


def check_export(folder):
    command = [
        "-m",
        "mgm_tf.export",
        f"--workdir={folder / 'run'}",
        f"--saved_model={folder / 'model'}",
        JOINT,
    ]
    assert str(folder / "model" / "1") in succeeds(*command)
    assert {path.name for path in (folder / "model").iterdir()} == {"1", "serving"}
    record = json.loads((folder / "model/1/assets.extra/mgm.json").read_text())
    assert record["data"]["scene_names"] == list(classes.SCENE_NAMES)
    assert record["data"]["tasks"].keys() == set(TASKS)


def check_prediction(folder, real_data):
    photos = sorted((real_data / "nyuv2/complete_frames").rglob("*.jpg"))[:2]
    assert len(photos) == 2
    (folder / "photos").mkdir()
    for number, photo in enumerate(photos):
        shutil.copyfile(photo, folder / "photos" / f"{number}.jpg")
    with Image.open(photos[0]) as photo:
        photo.resize((150, 201)).save(folder / "photos" / "tall.png")
    (folder / "photos" / "broken.jpg").write_bytes(photos[0].read_bytes()[:999])
    process = call(
        "-m",
        "mgm_tf.predict",
        f"--saved_model={folder / 'model'}",
        f"--input={folder / 'photos'}",
        f"--output={folder / 'out'}",
    )
    assert process.returncode == 1
    assert "Predicted 3 of 4 images" in process.stdout
    assert "broken.jpg" in process.stderr
    assert {path.name for path in (folder / "out").iterdir()} == {
        f"{name}.{kind}" for name in ("0", "1", "tall") for kind in ("npz", "panel.png")
    }
    for name, size in (("0", (480, 640)), ("tall", (201, 150))):
        check_results(folder / "out", name, size)


def check_results(output, name, size):
    with np.load(output / f"{name}.npz") as arrays:
        assert arrays["segmentation"].shape == arrays["depth"].shape == size
        assert arrays["segmentation"].max() < len(classes.CLASS_NAMES)
        lengths = np.linalg.norm(arrays["normals"], axis=-1)
        assert lengths.shape == size
        np.testing.assert_allclose(lengths, 1, atol=1e-5)
        scenes = arrays["scene_probabilities"]
        assert scenes.shape == (len(classes.SCENE_NAMES),)
        assert scenes.sum() == pytest.approx(1, abs=1e-5)
    # The image and three predictions in a row, each at most 384 pixels long.
    picture_size = np.array(size) * min(1, 384 / max(size))
    with Image.open(output / f"{name}.panel.png") as panel:
        assert panel.mode == "RGB"
        assert panel.height > picture_size[0] and panel.width > 4 * picture_size[1]


def test_missing_real_data_are_asked_for(tmp_path, capsys):
    """A user who has not fetched the file is asked for it; this needs no data."""
    values = {
        "flagfile": ROOT / "configs" / "nyuv2.flags",
        "manual_dir": tmp_path,
        "data_dir": tmp_path / "data",
        "workdir": tmp_path / "run",
    }
    assert commands.call(train_command, *commands.given(**values)) == 2
    output = capsys.readouterr().err
    assert "nyu_depth_v2_labeled.mat" in output and str(tmp_path) in output
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()
