"""Scene labels computed from features and from label maps."""

import types

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import segmentation_info
from mgm_tf.data import pseudo_labels
from mgm_tf.data.splits import Split
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
    return [Split(builder, name, ("depth",), "memory") for name in names]


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
    labelled = pseudo_labels.with_clusters(
        splits, mean_colour, 3, seed=0, workdir=tmp_path
    )
    for before, after in zip(splits, labelled, strict=True):
        clusters = after.batch(tf.range(len(after)))["scene"].numpy()
        # The scene of the first training example is not known, but its cluster is.
        scenes = before.batch(tf.range(len(before)))["scene"].numpy()
        known = scenes >= 0
        pairs = set(zip(scenes[known], clusters[known], strict=True))
        assert len(pairs) == len(set(scenes[known])) == 3
        assert set(clusters) <= {0, 1, 2}
        np.testing.assert_array_equal(after.scenes(), clusters)
    # All else is as it was.
    both = [split.batch(tf.constant([3])) for split in (splits[0], labelled[0])]
    np.testing.assert_array_equal(both[0]["depth"], both[1]["depth"])


def test_clusters_are_kept(splits, tmp_path):
    first = pseudo_labels.with_clusters(
        splits, mean_colour, 3, seed=0, workdir=tmp_path
    )

    def forgotten(images):
        raise AssertionError("The clusters are made again.")

    again = pseudo_labels.with_clusters(splits, forgotten, 3, seed=0, workdir=tmp_path)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.scenes(), other.scenes())


# --- Classes of a label map -----------------------------------------------------------


INFO = segmentation_info(("wall", "floor", "bed", "lamp"), ((0, 0, 0),) * 4)
NONE = INFO.missing
MAPS = np.array(
    [
        [[0, 0], [1, 0]],  # wall and floor
        [[3, NONE], [NONE, NONE]],  # a lamp, and what is not labelled
        [[NONE, NONE], [NONE, NONE]],
        [[0, 1], [2, 3]],
    ],
    INFO.dtype,
)[..., None]
EXPECTED = [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]


class Maps:
    """A split of label maps alone."""

    info = types.SimpleNamespace(tasks={INFO.name: INFO})

    def __init__(self, maps):
        self.maps = maps

    def __len__(self):
        return len(self.maps)

    def batch(self, numbers):
        return {INFO.name: tf.gather(tf.constant(self.maps), numbers)}


def test_presence_by_hand():
    presence = pseudo_labels.class_presence(Maps(MAPS), INFO.name)
    np.testing.assert_array_equal(presence, EXPECTED)
    assert presence.dtype == np.int32


def test_a_set_of_several_batches_is_read_in_order(monkeypatch):
    monkeypatch.setattr(pseudo_labels, "PRESENCE_BATCH_SIZE", 3)
    presence = pseudo_labels.class_presence(
        Maps(np.tile(MAPS, (2, 1, 1, 1))), INFO.name
    )
    np.testing.assert_array_equal(presence, EXPECTED * 2)


def test_a_class_that_is_nowhere_has_a_column():
    presence = pseudo_labels.class_presence(Maps(MAPS[:1]), INFO.name)
    assert presence.shape == (1, 4)
