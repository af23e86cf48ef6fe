"""Probes of features: separable classes, votes by hand, examples left out."""

import numpy as np
import pytest

from mgm_tf.data.splits import Split
from mgm_tf.probe import linear_probe
from tests import fake_dataset

PROBES = [linear_probe.linear_probe, linear_probe.nearest_neighbours]
each_probe = pytest.mark.parametrize("probe", PROBES)


def blobs(number, seed):
    """Returns features in three far groups, and the number of the group of each."""
    labels = np.arange(number) % 3
    centres = np.array([[10.0, 0, 0], [0, 10, 0], [0, 0, 10]])
    return centres[labels] + np.random.default_rng(seed).normal(size=(number, 3)), (
        labels.astype(np.int32)
    )


def at_cosine(*cosines):
    """Returns unit vectors with these cosines to (1, 0)."""
    return np.array([[c, np.sqrt(1 - c * c)] for c in cosines])


# ---- class numbers ------------------------------------------------------------------


@each_probe
def test_separable_classes_are_classified(probe):
    assert probe(*blobs(30, seed=0), *blobs(12, seed=1)) == 1.0


@each_probe
def test_accuracy_is_the_share_of_correct_classes(probe):
    test_features, test_labels = blobs(8, seed=1)
    test_labels[:2] = test_labels[:2][::-1].copy()
    assert probe(*blobs(30, seed=0), test_features, test_labels) == 0.75
    # A class that training does not have cannot be right.
    test_labels[:2] = 7
    assert probe(*blobs(30, seed=0), test_features, test_labels) == 0.75


@each_probe
def test_class_numbers_may_have_gaps(probe):
    train, test = blobs(30, seed=0), blobs(12, seed=1)
    assert probe(train[0], 10 * train[1] + 5, test[0], 10 * test[1] + 5) == 1.0


@each_probe
def test_unknown_labels_are_left_out(probe):
    train_features, train_labels = blobs(30, seed=0)
    test_features, test_labels = blobs(12, seed=1)
    # What is left out would be found wrong, and would mislead.
    train_features = np.concatenate([train_features, -train_features])
    train_labels = np.concatenate([train_labels, np.full(30, -1)])
    test_labels[:5] = -1
    assert probe(train_features, train_labels, test_features, test_labels) == 1.0
    unknown = np.full(12, -1)
    assert np.isnan(probe(train_features, train_labels, test_features, unknown))


def test_the_linear_probe_needs_no_scale():
    def small_and_large(number, seed):
        """Returns a small feature that is the class, and a large one of noise."""
        labels = np.arange(number) % 2
        large = np.random.default_rng(seed).normal(50, 1e3, size=number)
        return np.stack([1e-4 * labels, large, 0 * large], axis=1), labels

    assert (
        linear_probe.linear_probe(*small_and_large(40, 0), *small_and_large(20, 1))
        == 1.0
    )


@pytest.mark.parametrize(
    "cosine, k, right",
    [
        # One of class 1 at cosine 1 has a vote of 1. Two of class 0 have together
        # 2 exp(-.1 / .07) = .48 at a cosine of .9, but 2 exp(-.03 / .07) = 1.3 at .97.
        (0.9, 3, 1.0),
        (0.97, 3, 0.0),
        (0.97, 1, 1.0),
    ],
)
def test_votes_by_hand(cosine, k, right):
    # The rest is too far off; of the nearest, lengths do not count.
    features = np.concatenate([5 * at_cosine(1.0, cosine, cosine), at_cosine(-1, -1)])
    labels = np.array([1, 0, 0, 1, 1])
    value = linear_probe.nearest_neighbours(
        features, labels, np.array([[0.1, 0.0]]), np.array([1]), k
    )
    assert value == right


# ---- several labels an image --------------------------------------------------------


def corners(number, seed):
    """Returns features, and labels of two classes [n, 2] that they show."""
    present = np.array([[1, 0], [0, 1], [1, 1]])[np.arange(number) % 3]
    noise = np.random.default_rng(seed).normal(scale=0.05, size=(number, 2))
    return present + noise, present.astype(np.int32)


@each_probe
def test_several_labels_are_classified(probe):
    assert probe(*corners(30, seed=0), *corners(9, seed=1)) == 1.0


@each_probe
def test_images_without_labels_are_left_out(probe):
    train_features, train_labels = corners(30, seed=0)
    features = np.concatenate([train_features, train_features])
    labels = np.concatenate([train_labels, np.zeros_like(train_labels)])
    test_features, test_labels = corners(9, seed=1)
    test_labels[::4] = 0
    assert probe(features, labels, test_features, test_labels) == 1.0
    nothing = np.zeros_like(test_labels)
    assert np.isnan(probe(features, labels, test_features, nothing))


@each_probe
def test_classes_that_cannot_be_evaluated_do_not_count(probe):
    def wider(labels):
        # A class that all images have, one that none has in training, and one that none
        # has in the test set.
        training_only = np.arange(len(labels)) % 2 if len(labels) == 30 else 0
        test_only = len(labels) == 9
        more = np.broadcast_to([[1]], (len(labels), 1)), test_only, training_only
        columns = [np.broadcast_to(np.ravel(c), len(labels)) for c in more]
        return np.concatenate([labels, np.stack(columns, axis=1)], axis=1)

    (train, train_labels), (test, test_labels) = corners(30, 0), corners(9, 1)
    assert probe(train, wider(train_labels), test, wider(test_labels)) == 1.0


def test_average_precision_by_hand():
    train, train_labels = np.eye(2), np.eye(2, dtype=int)
    test = np.array([[1.0, 0.1], [1.0, 0.2], [0.1, 1.0]])
    truth = np.array([[1, 0], [0, 1], [1, 1]])
    value = linear_probe.nearest_neighbours(train, train_labels, test, truth, k=1)
    # Class 0 is predicted for images 0 and 1 and is in 0 and 2: half of those predicted
    # are right, and two of all three: 1/2 1/2 + 1/2 2/3. Class 1 is predicted for image
    # 2 and is in 1 and 2: 1/2 1 + 1/2 2/3.
    assert value == pytest.approx((7 / 12 + 5 / 6) / 2)


# ---- errors -------------------------------------------------------------------------


@each_probe
def test_one_class_is_refused(probe):
    features, test = np.ones((6, 2)), (np.ones((2, 2)), np.array([0, 1]))
    with pytest.raises(ValueError, match="two classes at least; received 6 examples"):
        probe(features, np.zeros(6, int), *test)
    one = np.tile([0, 1, 0], (6, 1))
    with pytest.raises(ValueError, match="of 1 classes that none of them lacks"):
        probe(features, one, np.ones((2, 2)), np.ones((2, 3)))


def test_unknown_labels_alone_are_refused():
    features, unknown = np.ones((6, 2)), np.full(6, -1)
    with pytest.raises(ValueError, match="two classes at least; received 0 examples"):
        linear_probe.linear_probe(features, unknown, features, unknown)
    with pytest.raises(ValueError, match="k from 1 to 0"):
        linear_probe.nearest_neighbours(features, unknown, features, unknown)


@pytest.mark.parametrize("k", [0, 4])
def test_there_must_be_that_many_neighbours(k):
    features, labels = np.eye(4), np.array([0, 1, 1, -1])
    with pytest.raises(ValueError, match=f"k from 1 to 3, .*received {k}"):
        linear_probe.nearest_neighbours(features, labels, features, labels, k)


@each_probe
def test_arrays_that_do_not_go_together_are_refused(probe):
    features, labels = blobs(9, seed=0)
    with pytest.raises(ValueError, match=r"received \(8,\) of \(9, 3\)"):
        probe(features, labels[:8], features, labels)
    with pytest.raises(ValueError, match=r"\(\)\] and \[\(2,\), \(\)\] an example"):
        probe(features, labels, features[:, :2], labels)
    with pytest.raises(ValueError, match="of the same form in training and test"):
        probe(features, labels, features, np.eye(9))


# ---- an encoder ---------------------------------------------------------------------


def test_of_an_encoder(tmp_path):
    builder = fake_dataset.build(tmp_path)
    train, test = [
        Split(builder, name, (), "memory") for name in ("train", "validation")
    ]

    def mean_colour(images):
        """Returns features that separate the scenes: the colour of their walls."""
        return images + 1

    value = linear_probe.probe_encoder(train, test, mean_colour)
    assert value == {"linear_probe": 1.0, "nearest_neighbours": 1.0}
    # Features that are the same everywhere tell nothing: a guess for all.
    blind = linear_probe.probe_encoder(train, test, lambda images: 0 * images + 1)
    scenes = test.scenes()
    shares = [np.mean(scenes[scenes >= 0] == scene) for scene in range(3)]
    assert blind["linear_probe"] in shares
    assert blind["linear_probe"] < 1
