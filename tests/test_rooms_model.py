"""The model that comes with the repository: small, and better than knowing nothing."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import mgm_tf
from datasets.rooms import render

MODEL = pathlib.Path(__file__).parents[1] / "saved_models" / "rooms"
MOST_BYTES = 20_000_000
ROOMS = 10  # one of each type


@pytest.fixture(scope="module")
def version():
    if not (MODEL / "1" / "saved_model.pb").is_file():
        pytest.skip(f"there is no {MODEL / '1'}: make rooms-model trains it in an hour")
    return MODEL / "1"


def test_it_is_small_enough_to_be_kept_here(version):
    sizes = [path.stat().st_size for path in version.rglob("*") if path.is_file()]
    assert sum(sizes) < MOST_BYTES


@pytest.mark.slow
def test_it_knows_rooms_that_it_has_never_seen(version):
    model = mgm_tf.load(version)
    size = model.info.image_size
    rooms = [render.fresh_room(3, number, size) for number in range(ROOMS)]
    outputs = model(np.stack([room.image for room in rooms]))
    depths = np.stack([np.squeeze(room.maps["depth"]) for room in rooms])
    error = np.abs(outputs["depth"] - depths).mean()
    constant = np.abs(np.median(depths) - depths).mean()
    assert error < 0.7 * constant
    classes = np.stack([np.squeeze(room.maps["segmentation"]) for room in rooms])
    right = np.mean(outputs["segmentation"] == classes)
    commonest = np.bincount(classes.ravel()).max() / classes.size
    assert right > commonest + 0.15
    lengths = tf.norm(outputs["normals"], axis=-1)
    np.testing.assert_allclose(lengths, np.ones(lengths.shape), atol=1e-4)
