"""The labels of what is synthesized."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.randomness import BatchRng
from mgm_tf.method.synthesis_labels import SYNTHESIS_LABELS
from mgm_tf.tasks.scenes import SCENE_CLASSES, Categorical, MultiHot

LABELS = Categorical(("kitchen", "office", "bedroom"))


def rng(number, step=0):
    return BatchRng.at(0, tf.constant(step), tf.range(number), number)


def chosen(name, scenes, frequencies=None, step=0):
    """The class numbers of what is synthesized beside these scenes."""
    condition = LABELS.condition(tf.constant(scenes))
    made = SYNTHESIS_LABELS[name](
        condition, rng(len(scenes), step), LABELS, lambda: tf.constant(frequencies)
    )
    np.testing.assert_array_equal(tf.reduce_sum(made, axis=1), np.ones(len(scenes)))
    return tf.argmax(made, axis=1).numpy()


def test_labels_are_those_of_the_minibatch():
    assert chosen("minibatch", [2, 0, 1, 1]).tolist() == [2, 0, 1, 1]


def test_an_unknown_label_becomes_that_of_another_image():
    made = np.stack([chosen("minibatch", [2, -1, 0, 2], step=s) for s in range(40)])
    np.testing.assert_array_equal(made[:, [0, 2, 3]], np.tile([2, 0, 2], (40, 1)))
    assert set(made[:, 1]) == {0, 2}


def test_training_labels_are_met_as_often_as_in_the_minibatch():
    scenes = [0] * 300 + [2] * 100 + [-1] * 100
    counts = np.bincount(chosen("training", scenes), minlength=3)
    # Binomial of 500 and 1/4: 125, standard deviation 9.7.
    assert counts[1] == 0
    assert abs(counts[2] - 125) < 30


@pytest.mark.parametrize("name", ["minibatch", "training"])
def test_without_any_known_label_all_are_as_likely(name):
    counts = np.bincount(chosen(name, [-1] * 600), minlength=3)
    # Binomial of 600 and 1/3: 200, standard deviation 11.5.
    assert np.all(np.abs(counts - 200) < 40)


def test_marginals_are_drawn_by_frequency():
    counts = np.bincount(chosen("marginals", [1] * 600, [0.5, 0.0, 0.5]), minlength=3)
    assert counts[1] == 0
    assert abs(counts[0] - 300) < 50


def test_marginals_of_label_vectors_are_independent():
    labels = MultiHot(("road", "car", "sky", "train"))
    condition = labels.condition(tf.constant([[1, 1, 0, 0]] * 2000))
    made = SYNTHESIS_LABELS["marginals"](
        condition, rng(2000), labels, lambda: tf.constant([0.5, 0.25, 1.0, 0.0])
    ).numpy()
    present = made > 0
    np.testing.assert_allclose(present.mean(0), [0.5, 0.25, 1, 0], atol=0.04)
    both = (present[:, 0] & present[:, 1]).mean()
    assert abs(both - 0.125) < 0.03
    # As any condition, the mean of the classes.
    np.testing.assert_allclose(made.sum(1), 1, rtol=1e-6)


def test_a_drawn_label_vector_is_never_empty():
    labels = MultiHot(("road", "car", "train"))
    condition = labels.condition(tf.zeros((500, 3), tf.int32))
    made = SYNTHESIS_LABELS["marginals"](
        condition, rng(500), labels, lambda: tf.constant([0.02, 0.01, 0.0])
    ).numpy()
    assert np.all(made.sum(1) > 0.999)
    assert np.all(made[:, 2] == 0)


@pytest.mark.parametrize("kind", SCENE_CLASSES)
@pytest.mark.parametrize("name", SYNTHESIS_LABELS)
def test_every_way_works_with_every_kind_of_label(name, kind):
    labels = SCENE_CLASSES[kind](("a", "b", "c"))
    condition = tf.constant([[1.0, 0, 0], [0, 0, 0], [0, 0.5, 0.5], [0, 0, 1]])
    made = SYNTHESIS_LABELS[name](
        condition, rng(4), labels, lambda: tf.constant([0.3, 0.3, 0.4])
    )
    assert made.shape == (4, 3)
    np.testing.assert_allclose(tf.reduce_sum(made, axis=1), np.ones(4), rtol=1e-6)
