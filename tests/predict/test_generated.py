"""Grids of a toy generator: grey is the mean of z, and brighter in a kitchen."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from mgm_tf.export.sampler import LatentDistribution
from mgm_tf.predict import generated
from mgm_tf.predict.generated import Generated
from tests.export import toy_export


@pytest.fixture
def sampled():
    titles, conditions = toy_export.SCENE_CLASSES.typical(None)
    return Generated(toy_export.sampler(), titles, conditions.numpy(), batch_size=5)


def grey(value):
    return np.clip(np.round((np.clip(value, -1, 1) + 1) * 127.5), 0, 255)


def test_columns_have_one_noise(sampled):
    noise = np.random.default_rng(0).standard_normal((3, 2)).mean(axis=1) + 0.25
    images = sampled.grid(3)
    assert images.shape == (2, 3, 8, 8, 3) and images.dtype == np.uint8
    expected = [grey(noise), grey(noise + 0.5)]
    np.testing.assert_allclose(images[:, :, 4, 4, 0], expected, atol=1)


def test_rows_go_from_class_to_class_and_from_noise_to_noise(sampled):
    grid = sampled.grid(2)
    classes, noise = sampled.between_classes(3), sampled.between_noise(4)
    np.testing.assert_array_equal(classes[0, 0], grid[0, 0])
    np.testing.assert_array_equal(classes[0, -1], grid[1, 0])
    np.testing.assert_array_equal(classes[1, -1], grid[0, 0])  # and back
    np.testing.assert_array_equal(noise[:, 0], grid[:, 0])
    np.testing.assert_array_equal(noise[:, -1], grid[:, 1])


def test_the_way_between_noise_is_an_arc():
    first, last = np.float32([3, 0]), np.float32([0, 3])
    middle = generated.between(first, last, 3)[1]
    np.testing.assert_allclose(middle, 3 * np.sqrt([0.5, 0.5]), rtol=1e-6)
    np.testing.assert_allclose(generated.between(first, first, 3)[1], first)
    np.testing.assert_allclose(generated.between(first, 0 * first, 3)[1], [1.5, 0])


def test_latent_vectors_by_hand():
    """Centers (0, 0) and (4, 0): mean (2, 0), variance 4 + 1 and 0 + 1."""
    latents = LatentDistribution.of(np.array([[0.0, 0.0], [4.0, 0.0]]))
    z = latents(np.float32([[0, 0], [1, 1]]))
    np.testing.assert_allclose(z, [[2, 0], [2 + np.sqrt(5), 1]], rtol=1e-6)
    with pytest.raises(ValueError, match="one latent vector at least"):
        LatentDistribution.of(np.zeros((0, 2)))


def test_files(sampled, tmp_path):
    sampled = dataclasses.replace(sampled, titles=("living room", "Living/room"))
    output = tmp_path / "out"
    paths = generated.write(sampled, output, 2, 3, overwrite=False)
    assert [path.name for path in paths] == [
        "grid.png",
        "between_classes.png",
        "between_noise.png",
    ]
    files = sorted(str(p.relative_to(output)) for p in output.rglob("0*.png"))
    folders = "images/Living_room_1", "images/living_room_0"
    assert files == [f"{folder}/{n:03}.png" for folder in folders for n in range(2)]
    with Image.open(output / files[2]) as picture:
        np.testing.assert_array_equal(np.asarray(picture), sampled.grid(2)[0, 0])
    with pytest.raises(ValueError, match=r"grid\.png is there already: --overwrite"):
        generated.write(sampled, output, 2, 3, overwrite=False)
    generated.write(sampled, output, 2, 3, overwrite=True)
