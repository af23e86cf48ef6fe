"""A run whose encoder begins with published weights."""

import json

import numpy as np
import pytest
import safetensors.numpy

from mgm_tf.networks.published import resnets
from mgm_tf.train import loop, pretrained_encoder
from mgm_tf.train.experiment import Experiment
from tests import fake_dataset

THREE = ("segmentation", "depth", "normals")
NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def experiment(data_dir, **changes):
    return Experiment(fake_dataset.settings(data_dir, **(fake_dataset.ALONE | changes)))


def published(network, number):
    """Weights of a network's shapes under torchvision's names, all of one number."""
    weights = {"fc.weight": np.zeros((1000, 7), np.float32)}
    for kernel, convolution, normalize, layer in resnets.layers_of(network):
        height, width, channels, filters = convolution.kernel.shape
        shape = filters, channels, height, width
        weights[f"{kernel}.weight"] = np.full(shape, number, np.float32)
        for name, own in NORMALIZATION.items():
            shape = getattr(layer, own).shape
            weights[f"{normalize}.{name}"] = np.full(shape, number, np.float32)
    return weights


@pytest.fixture(scope="module")
def weights(data_dir):
    """What fits the tiny encoder."""
    return published(experiment(data_dir, tasks=("depth",)).networks["encoder"], 0.25)


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    safetensors.numpy.save_file(weights, path)
    return path


def is_published(network):
    return all(np.all(weight == 0.25) for weight in network.get_weights())


@pytest.mark.parametrize(
    ("sharing", "encoders"),
    [("hard", 1), ("cross_stitch", 3), ("task_grouping", 2), ("adashare", 1)],
)
def test_every_encoder_begins_with_the_weights(data_dir, file, sharing, encoders):
    planned = experiment(data_dir, tasks=THREE, sharing=sharing, pretrained=str(file))
    planned.start()
    row = pretrained_encoder.SHARING[sharing]
    found = row.residual_networks(planned.networks["encoder"])
    assert len(found) == encoders and all(map(is_published, found))
    # AdaShare trains anew from the first weights, and those are the published ones.
    if row.learns_policy:
        planned.networks["encoder"].encoder.stem.kernel.assign_add(
            np.ones_like(found[0].stem.kernel)
        )
        planned.restart()
        assert is_published(found[0])


def test_a_run_keeps_the_record_and_goes_on_without_the_file(
    data_dir, file, weights, tmp_path
):
    path = tmp_path / "copy.safetensors"
    path.write_bytes(file.read_bytes())
    changes = {"tasks": ("depth",), "pretrained": str(path), "check_data": "warn"}
    workdir = tmp_path / "run"
    planned = experiment(data_dir, **changes)
    loop.claim(planned, workdir)
    path.unlink()
    loop.claim(planned, workdir)
    lines = (workdir / "provenance.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["pretrained"] for line in lines)
    assert first == second and len(first["sha256"]) == 64
    assert (first["name"], first["bytes"]) == (path.name, file.stat().st_size)
    safetensors.numpy.save_file(weights | {"bn1.bias": np.ones(4, np.float32)}, path)
    with pytest.raises(ValueError, match="the run began with another content"):
        loop.claim(planned, workdir)


def test_what_does_not_fit_is_refused_before_there_is_a_run(
    data_dir, weights, tmp_path
):
    path = tmp_path / "wrong.safetensors"
    wrong = {k: v for k, v in weights.items() if not k.startswith("bn1")}
    safetensors.numpy.save_file(wrong, path)
    for name, message in {
        path: "missing are bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var",
        tmp_path / "none.pth": "none.pth is no file",
    }.items():
        planned = experiment(data_dir, tasks=("depth",), pretrained=str(name))
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            loop.claim(planned, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_images_are_normalised_as_the_weights_expect(data_dir, file):
    """A grey of ImageNet's mean is 0 for them, so that the stem gives its bias."""
    planned = experiment(data_dir, tasks=("depth",), pretrained=str(file))
    mean = np.array((0.485, 0.456, 0.406), np.float32)
    images = np.broadcast_to(2 * mean - 1, (1, 32, 32, 3))
    encoder = planned.networks["encoder"]
    stem = encoder.stem(encoder._form.inputs(images))
    np.testing.assert_allclose(stem, np.zeros(stem.shape), atol=1e-6)
    plain = experiment(data_dir, tasks=("depth",)).networks["encoder"]
    np.testing.assert_array_equal(plain._form.inputs(images), images)
