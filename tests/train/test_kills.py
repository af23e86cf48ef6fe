"""Runs that are killed at every write end as one that was not.

What is on the disk at a moment is what a kill leaves: the folder is copied then, and a
new run goes on in the copy.
"""

import hashlib
import json
import os
import re
import shutil

import pytest
import tensorflow as tf

from mgm_tf.train import logs, loop
from tests.train import toy_runs
from tests.train.runs import assert_same_state, losses, state

EARLY = 8  # moments at the beginning, which are all kept
# What of a line of the log differs between runs that do the same.
OF_THE_CLOCK = ("time", "images_per_second")


@pytest.fixture(scope="module", autouse=True)
def _no_audit():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(loop.audit, "check", lambda splits, refuse: None)
        yield


def left(folder):
    """What identifies a state of the disk; TensorBoard's files nobody reads again."""
    return hashlib.sha256(
        repr(
            [
                (path.relative_to(folder), path.is_dir() or path.read_bytes())
                for path in sorted(folder.rglob("*"))
                if "tensorboard" not in path.parts
            ]
        ).encode()
    ).digest()


class Camera:
    """Copies a folder whenever something is written in it."""

    def __init__(self, folder, copies):
        self.folder = folder
        # The first ones, and of each kind of write the last: its run has least to do.
        self.moments = {}
        self._copies = copies
        self._seen = set()

    def shoot(self, name):
        if not self.folder.exists() or (key := left(self.folder)) in self._seen:
            return
        self._seen.add(key)
        number = len(self._seen)
        copy = self._copies / f"{number:03} {name.replace('/', ' ')}"
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("tensorboard"))
        early = str(number) * (number < EARLY)
        self.moments[re.sub(r"step-\d+", "step", name) + early] = copy

    def around(self, act, word):
        def shot(*arguments, **options):
            path = arguments[-1]
            name = "" if isinstance(path, int) else "/".join(path.parts[-2:])
            self.shoot(f"before {word} {name}")
            result = act(*arguments, **options)
            self.shoot(f"after {word} {name}")
            return result

        return shot


@pytest.fixture(scope="module")
def undisturbed(wanted, builder, tmp_path_factory):
    """The folder of a run in one go, and copies of it at every write by name."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    camera = Camera(folder, tmp_path_factory.mktemp("moments"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("replace", "unlink", "fsync"):
            monkeypatch.setattr(os, name, camera.around(getattr(os, name), name))
        write = tf.train.Checkpoint.write

        def half_written(self, path):
            result = write(self, path)
            for part in sorted(camera.folder.rglob(".step-*.part/*")):
                contents = part.read_bytes()
                part.write_bytes(contents[: len(contents) // 2])
                camera.shoot(f"within {part.parent.parent.name}/{part.name}")
                part.write_bytes(contents)
            return result

        monkeypatch.setattr(tf.train.Checkpoint, "write", half_written)
        toy_runs.run(wanted, builder, folder)
    return folder, camera.moments


def steady(lines):
    """Lines of the log without what the clock says and without what happened."""
    return [
        {key: value for key, value in line.items() if key not in OF_THE_CLOCK}
        for line in lines
        if "event" not in line
    ]


def assert_ended_alike(folder, whole):
    assert_same_state(state(folder, 3), state(whole, 3))
    assert steady(logs.read(folder)) == steady(logs.read(whole))
    assert logs.read(folder)[-1]["event"] == "finished"
    for name in ("best.json", "best_of_joint.json"):
        paths = (path / "checkpoints" / name for path in (folder, whole))
        one, other = (json.loads(path.read_text()) for path in paths)
        assert one == other
    stages = (
        json.loads((path / "costs.json").read_text())["stages"]
        for path in (folder, whole)
    )
    one, other = ({k: v["steps"] for k, v in each.items()} for each in stages)
    assert one == other == {"multi_task": 2, "joint": 1}
    drafts = [path for path in folder.rglob(".*") if path.name.endswith(".part")]
    assert not drafts


def test_every_write_is_among_the_moments(undisturbed):
    whole, moments = undisturbed
    names = " ".join(moments)
    assert len(moments) >= 30
    for word in (
        *("config.json", "config.flags", "constant_predictor.npz", "costs.json"),
        *("best.json", "best_of_joint.json", "fsync", "unlink last/step.index"),
        *("replace last/step.data", "replace last/step.json"),
        *("replace last/step.index", "replace best/step.index"),
        *("within last/step.data", "within best/step.index"),
    ):
        assert word in names, word
    assert [line["step"] for line in losses(whole)] == [1, 2, 3]


def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(
    undisturbed, wanted, builder, capsys
):
    whole, moments = undisturbed
    for name, folder in moments.items():
        toy_runs.run(wanted, builder, folder)
        try:
            assert_ended_alike(folder, whole)
        except AssertionError as error:
            raise AssertionError(f"killed {name}") from error
    # Nothing that a kill leaves is taken for damage that something was lost by.
    assert "are lost" not in capsys.readouterr().out


def test_a_line_that_was_being_written_is_written_again(
    undisturbed, wanted, builder, tmp_path
):
    whole, _ = undisturbed
    moments = [m for m in undisturbed[1].values() if (m / "metrics.jsonl").exists()]
    folder = tmp_path / "run"
    toy_runs.run(wanted, builder, folder)
    assert moments
    text = (folder / "metrics.jsonl").read_text()
    (folder / "metrics.jsonl").write_text(text[:-20])
    for path in (folder / "checkpoints" / "last").glob("step-3.*"):
        path.unlink()
    toy_runs.run(wanted, builder, folder)
    assert_ended_alike(folder, whole)
