"""The commands export and sample on a run with a generator."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mgm_tf import sample
from mgm_tf.export import __main__ as export_command
from mgm_tf.export import model_card, saved_model
from mgm_tf.train.experiment import Experiment
from tests import commands, fake_dataset
from tests.train import runs


@pytest.fixture(scope="module")
def workdir(data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run"
    settings = fake_dataset.settings(
        data_dir,
        multi_task_length="1steps",
        generative_length="1steps",
        joint_length="0steps",
        tasks=("depth",),
        refinement="none",
        generator_updates=1,
        self_supervision="none",
        statistics_images=4,
        precision="bfloat16",
    )
    runs.run(settings, path)
    return path


def test_the_generator_is_exported_and_samples(workdir, tmp_path, monkeypatch, capfd):
    """The graph of a whole generator takes long: a toy's is tested elsewhere."""
    exports = []

    def export(*arguments, **options):
        exports.append({"networks": arguments[0]} | options)
        return tmp_path / "toy" / "1"

    monkeypatch.setattr(saved_model, "export", export)
    given = commands.given(workdir=workdir, saved_model=tmp_path / "toy")
    assert commands.call(export_command, *given, "--checkpoint=last") == 0
    assert commands.call(export_command, *given, "--nowith_generator") == 0
    sampler, card = exports[0]["sampler"], exports[0]["card"]
    images = sampler(tf.constant([0, 2]), tf.zeros((2, sampler.latents.size)))["images"]
    assert images.shape == (2, 64, 64, 3) and np.ptp(images) > 0
    assert exports[1]["sampler"] is None
    # What was trained in bfloat16 is exported in float32, and says what it was.
    assert exports[0]["networks"]["encoder"].stem.compute_dtype == "float32"
    recorded = exports[0]["extra"]["settings"]
    assert recorded["precision"] == "bfloat16"
    # Models are given away: where this machine keeps its data is nobody's business.
    assert recorded["data_dir"] == ""
    assert "# toy" in card and "step 2, seed 0" in card and "Not evaluated" in card
    assert (tmp_path / "toy" / "serving" / "models.config").is_file()


def test_the_command_samples(workdir, tmp_path, capfd):
    output = tmp_path / "samples"
    given = commands.given(workdir=workdir, output=output, number=2, steps=2)
    arguments = "--checkpoint=last", "--classes=blue room,red room"
    assert commands.call(sample, *given, *arguments) == 0
    folders = sorted(path.name for path in (output / "images").iterdir())
    assert folders == ["blue_room", "red_room"]
    with Image.open(output / "images" / "red_room" / "001.png") as image:
        assert image.size == (64, 64)
    arguments = "--checkpoint=last", "--overwrite", "--classes=attic"
    assert commands.call(sample, *given, *arguments) == 2
    assert "there is no attic; there are red room, green" in capfd.readouterr().err


def test_the_card_has_metrics_and_their_spread(workdir, tmp_path, monkeypatch):
    values = {workdir: 0.5, tmp_path: 0.7}
    names = ("segmentation", "depth", "normals", "curvature")

    def record(path, checkpoint):
        metrics = dict.fromkeys(("miou", "absolute_error", "mad", "loss"), values[path])
        both = {name: metrics for name in names}
        return {"examples": 3, "metrics": both, "constant_predictor": both}

    monkeypatch.setattr(model_card, "_record", record)
    settings = fake_dataset.settings(tmp_path)
    monkeypatch.setattr(model_card.saved, "load", lambda path: settings)
    experiment = Experiment(model_card.saved.load(workdir))
    source = model_card.Source(experiment, workdir, "last", 3, (tmp_path,))
    monkeypatch.setattr(
        model_card.provenance,
        "data",
        lambda builder: {
            "name": "rooms",
            "examples": {"train": 12},
            "fingerprint": "f" * 64,
        },
    )
    text = model_card.text(source, "toy")
    # Mean and standard deviation of .5 and .7.
    assert "| depth | absolute_error | 0.500 | 0.600 ± 0.141 | 0.500 |" in text.replace(
        "\\_", "_"
    )
