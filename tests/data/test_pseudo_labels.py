"""Scene classes made of features."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data import inputs, pseudo_labels
from tests import fake_dataset


def test_k_means_finds_what_is_apart():
    features = np.array([[0.0, 0], [0, 1], [10, 0], [10, 1], [10, 2]], np.float32)
    for seed in range(5):
        centres = pseudo_labels.k_means(features, 2, seed)
        ordered = centres[np.argsort(centres[:, 0])]
        np.testing.assert_allclose(ordered, [[0, 0.5], [10, 1]])


def test_the_nearest_centre():
    centres = np.array([[0.0, 0], [10, 0]], np.float32)
    features = np.array([[1.0, 3], [6, 0], [4.9, 0], [10, 0]], np.float32)
    assert pseudo_labels.nearest(features, centres).tolist() == [0, 1, 0, 1]


def test_more_clusters_than_images_are_refused():
    with pytest.raises(ValueError, match="--scene_clusters=3: .* only 2 images"):
        pseudo_labels.k_means(np.zeros((2, 4), np.float32), 3, seed=0)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    builder = fake_dataset.build(tmp_path_factory.mktemp("data"))
    names = ("train", "validation")
    return [inputs.Split(builder, name, ("depth",), "memory") for name in names]


def mean_colour(images):
    """Features that tell the made-up scenes apart: their walls' colour."""
    return images + 1


def test_features_are_unit_vectors_of_the_mean(splits):
    features = pseudo_labels.mean_features(splits[0], mean_colour)
    assert features.shape == (12, 3)
    image = splits[0].batch(tf.constant([4]))["image"][0].numpy().astype(float)
    mean = image.mean((0, 1))
    np.testing.assert_allclose(features[4], mean / np.linalg.norm(mean), rtol=1e-4)


def test_images_of_a_scene_come_into_one_cluster(splits, tmp_path):
    made = pseudo_labels.relabelled(splits, mean_colour, 3, seed=0, workdir=tmp_path)
    for before, after in zip(splits, made, strict=True):
        clusters = after.batch(tf.range(len(after)))["scene"].numpy()
        # The scene of the first training example is not known, but its cluster is.
        scenes = before.batch(tf.range(len(before)))["scene"].numpy()
        known = scenes >= 0
        pairs = set(zip(scenes[known], clusters[known], strict=True))
        assert len(pairs) == len(set(scenes[known])) == 3
        assert set(clusters) <= {0, 1, 2}
        np.testing.assert_array_equal(after.scenes(), clusters)
    # All else is as it was.
    both = [split.batch(tf.constant([3])) for split in (splits[0], made[0])]
    np.testing.assert_array_equal(both[0]["depth"], both[1]["depth"])


def test_clusters_are_kept(splits, tmp_path):
    first = pseudo_labels.relabelled(splits, mean_colour, 3, seed=0, workdir=tmp_path)

    def forgotten(images):
        raise AssertionError("The clusters are made again.")

    again = pseudo_labels.relabelled(splits, forgotten, 3, seed=0, workdir=tmp_path)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.scenes(), other.scenes())
