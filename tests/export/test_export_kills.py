"""Exports and predictions that are killed at every write lose and publish nothing.

What is on the disk at a moment is what a kill leaves: the folder is copied then.
"""

import os

import pytest

from mgm_tf.export import runtimes, saved_model, version_files, versions
from mgm_tf.export.predictor import Predictor
from mgm_tf.predict import predictions
from tests.export.test_saved_model import SCENE_CLASSES, SIZE, TASKS, build_networks
from tests.predict import stand_in
from tests.predict.test_predictions import photo
from tests.train.test_kills import Camera


@pytest.fixture
def photographed(monkeypatch):
    """Returns a function that has a folder copied at every write from then on."""

    def start(folder, copies):
        camera = Camera(folder, copies)
        for name in ("replace", "rename", "unlink", "fsync"):
            monkeypatch.setattr(os, name, camera.around(getattr(os, name), name))
        return camera

    yield start
    monkeypatch.undo()


@pytest.fixture
def echo():
    """A runtime whose file is empty, and which predicts as TensorFlow does."""
    predictor = Predictor(build_networks(), TASKS, SCENE_CLASSES, SIZE)
    row = runtimes.Runtime(
        "model.echo", lambda _: b"", lambda _: runtimes._in_tensorflow(predictor)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "_ROUNDS", 1)
        patch.setitem(runtimes.RUNTIMES, "echo", row)
        yield "echo"


def test_a_killed_export_publishes_nothing_that_is_not_whole(
    photographed, monkeypatch, echo, tmp_path
):
    networks = build_networks()

    def export(folder, other_runtimes=(echo,)):
        return saved_model.export(
            networks,
            TASKS,
            SCENE_CLASSES,
            SIZE,
            folder,
            fingerprint="a",
            other_runtimes=other_runtimes,
        )

    camera = photographed(tmp_path / "model", tmp_path / "copies")
    done = export(tmp_path / "model")
    monkeypatch.undo()
    copies = list(camera.moments.values())
    assert len(copies) > 10
    published = [versions.newest_version(copy) for copy in copies]
    assert None in published and any(published)
    for version in filter(None, published):
        assert version_files.fault(version) is None
        assert runtimes.written(version) == {echo}
        assert list(runtimes.record_of(version)) == ["model.echo"]
    # Before the first file, halfway, and at the last moment before it is published.
    unpublished = [
        copy for copy, version in zip(copies, published, strict=True) if version is None
    ]
    for copy in (unpublished[0], unpublished[len(unpublished) // 2], unpublished[-1]):
        again = export(copy)
        assert again.name == done.name == "1"
        assert version_files.fault(again) is None
        assert not list(copy.glob(f"{version_files.DRAFTS}*"))
    # What has the files of a runtime serves who asks for none, not the other way round.
    assert export(tmp_path / "model", ()) == done
    (done / "assets.extra" / "model.echo").unlink()
    version_files.seal(done)
    assert export(tmp_path / "model").name == "2"


def test_killed_predictions_go_on_with_what_is_missing(
    photographed, monkeypatch, tmp_path
):
    (tmp_path / "photos").mkdir()
    for name in "abc":
        photo(tmp_path / "photos" / f"{name}.png", size=(20, 30))
    model, output = stand_in.model(), tmp_path / "out"

    def predict(folder):
        jobs = predictions.plan(tmp_path / "photos", folder, resume=True)
        assert predictions.predict(model, jobs) == 0
        return len(jobs)

    camera = photographed(output, tmp_path / "copies")
    assert predict(output) == 3
    monkeypatch.undo()
    numbers = []
    for copy in camera.moments.values():
        results = [path for path in copy.iterdir() if not path.name.startswith(".")]
        for path in results:
            assert path.read_bytes() == (output / path.name).read_bytes()
        numbers.append(predict(copy))
        for path in output.iterdir():
            assert (copy / path.name).read_bytes() == path.read_bytes()
    assert len(numbers) > 5 and set(numbers) == {0, 1, 2, 3}
