"""Image labels of both kinds: what is not known counts nowhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import LABEL_KINDS, DataInfo
from mgm_tf.networks.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from mgm_tf.networks.sagan import Discriminator
from mgm_tf.tasks.scenes import (
    SCENE_CLASSES,
    Categorical,
    MultiHot,
    scene_classes_of,
)

LABELS = Categorical(("bathroom", "bedroom", "kitchen"))
# Probabilities 1/2, 1/4, 1/4.
LOGITS = tf.math.log([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 1.0, 2.0]])


def test_condition_is_one_hot_and_zero_where_unknown():
    condition = LABELS.condition(tf.constant([2, -1, 0]))
    assert LABELS.size == 3
    np.testing.assert_array_equal(condition, [[0, 0, 1], [0, 0, 0], [1, 0, 0]])


def test_condition_times_table_is_the_look_up():
    table = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    condition = LABELS.condition(tf.constant([2, 0]))
    np.testing.assert_array_equal(condition @ table, [[5, 6], [1, 2]])


def test_loss_is_the_mean_over_known_examples():
    condition = LABELS.condition(tf.constant([0, -1, 0]))
    # -log 1/2 and -log 1/4, the second example left out.
    expected = (np.log(2) + np.log(4)) / 2
    assert LABELS.loss(condition, LOGITS).numpy() == pytest.approx(expected, rel=1e-6)


def test_losses_are_of_each_example():
    condition = LABELS.condition(tf.constant([0, 1, 0]))
    expected = [np.log(2), np.log(4), np.log(4)]
    np.testing.assert_allclose(LABELS.losses(condition, LOGITS), expected, rtol=1e-6)


def test_accuracy_is_that_of_known_examples():
    condition = LABELS.condition(tf.constant([0, -1, 0]))
    assert LABELS.accuracy(condition, LOGITS).numpy() == pytest.approx(1 / 2)
    condition = LABELS.condition(tf.constant([0, 1, 2]))
    assert LABELS.accuracy(condition, LOGITS).numpy() == pytest.approx(2 / 3)


def test_nothing_known_is_zero_and_has_no_gradient():
    condition = LABELS.condition(tf.constant([-1, -1, -1]))
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        loss = LABELS.loss(condition, LOGITS)
    assert loss.numpy() == 0
    np.testing.assert_array_equal(tape.gradient(loss, LOGITS), np.zeros((3, 3)))
    assert LABELS.accuracy(condition, LOGITS).numpy() == 0


def test_probabilities():
    expected = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    np.testing.assert_allclose(LABELS.probabilities(LOGITS), expected, rtol=1e-6)


def test_accuracy_of_a_set_is_the_same_in_any_batches():
    scenes = tf.constant([0, -1, 0])
    sums = {"examples": 0.0, "correct": 0.0}
    for place in range(3):
        rows = slice(place, place + 1)
        condition = LABELS.condition(scenes[rows])
        for name, value in LABELS.statistics(condition, LOGITS[rows]).items():
            sums[name] += value.numpy()
    assert sums == {"examples": 2, "correct": 1}
    assert LABELS.summarize(sums) == {"accuracy": 0.5}
    assert np.isnan(LABELS.summarize({"examples": 0.0, "correct": 0.0})["accuracy"])


# Three images: road and car, not known, sky alone.
MULTI = MultiHot(("road", "car", "sky"))
PRESENT = tf.constant([[1, 1, 0], [0, 0, 0], [0, 0, 1]])
# Probabilities 3/4 and 1/4.
HIGH, LOW = np.log(3), -np.log(3)
MULTI_LOGITS = tf.constant([[HIGH, LOW, LOW], [HIGH] * 3, [HIGH, LOW, HIGH]])


def test_a_label_vector_is_shared_by_the_classes_that_are_present():
    condition = MULTI.condition(PRESENT)
    np.testing.assert_array_equal(condition, [[0.5, 0.5, 0], [0, 0, 0], [0, 0, 1]])
    assert condition.dtype == tf.float32


def test_condition_times_table_is_the_mean_of_the_present_rows():
    table = tf.constant([[1.0, 2.0], [3.0, 6.0], [5.0, 6.0]])
    rows = MULTI.condition(PRESENT) @ table
    np.testing.assert_array_equal(rows, [[2, 4], [0, 0], [5, 6]])


def test_multi_label_loss_is_the_mean_over_classes_and_known_examples():
    # First: -log 3/4 for road and sky, -log 1/4 for the car that was missed. Third:
    # -log 1/4 for a road that is not there, twice -log 3/4.
    expected = (2 * np.log(4 / 3) + np.log(4)) / 3
    loss = MULTI.loss(MULTI.condition(PRESENT), MULTI_LOGITS)
    assert loss.numpy() == pytest.approx(expected, rel=1e-6)


def test_multi_label_losses_are_of_each_example():
    values = MULTI.losses(MULTI.condition(PRESENT), MULTI_LOGITS)
    # As above; what the second says does not matter.
    each = (2 * np.log(4 / 3) + np.log(4)) / 3
    np.testing.assert_allclose(values.numpy()[[0, 2]], [each, each], rtol=1e-6)
    assert values.shape == (3,)


def test_multi_label_loss_by_its_stable_formula():
    # A present class at .5, absent ones at -2 and 3:
    # max(x, 0) - x y + log(1 + exp(-|x|)).
    logits = np.array([[0.5, -2.0, 3.0]])
    target = np.array([[1.0, 0.0, 0.0]])
    each = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-abs(logits)))
    loss = MULTI.loss(MULTI.condition(target), tf.constant(logits, tf.float32))
    assert loss.numpy() == pytest.approx(each.mean(), rel=1e-6)


def test_with_no_label_vector_known_there_is_no_gradient():
    condition = MULTI.condition(tf.zeros((3, 3), tf.int32))
    with tf.GradientTape() as tape:
        tape.watch(MULTI_LOGITS)
        loss = MULTI.loss(condition, MULTI_LOGITS)
    assert loss.numpy() == 0
    np.testing.assert_array_equal(tape.gradient(loss, MULTI_LOGITS), np.zeros((3, 3)))


def test_multi_label_probabilities():
    expected = [[0.75, 0.25, 0.25], [0.75] * 3, [0.75, 0.25, 0.75]]
    np.testing.assert_allclose(MULTI.probabilities(MULTI_LOGITS), expected, rtol=1e-6)


def test_multi_label_accuracy_is_that_of_entries():
    accuracy = MULTI.accuracy(MULTI.condition(PRESENT), MULTI_LOGITS)
    assert accuracy.numpy() == pytest.approx(4 / 6)


def test_multi_label_metrics_of_a_set_are_the_same_in_any_batches():
    sums: dict = {}
    for place in range(3):
        rows = slice(place, place + 1)
        condition = MULTI.condition(PRESENT[rows])
        for name, value in MULTI.statistics(condition, MULTI_LOGITS[rows]).items():
            sums[name] = sums.get(name, 0) + value.numpy()
    together = MULTI.statistics(MULTI.condition(PRESENT), MULTI_LOGITS)
    for name, value in together.items():
        np.testing.assert_array_equal(value, sums[name])
    np.testing.assert_array_equal(sums["true_positives"], [1, 0, 1])
    np.testing.assert_array_equal(sums["false_negatives"], [0, 1, 0])
    np.testing.assert_array_equal(sums["false_positives"], [1, 0, 0])
    np.testing.assert_array_equal(sums["true_negatives"], [0, 1, 1])
    metrics = MULTI.summarize(sums)
    # Road 2 / 3, car 0, sky 1.
    assert metrics == pytest.approx({"f1": 2 / 3, "f1_macro": 5 / 9, "accuracy": 4 / 6})


def test_a_class_that_never_occurs_is_not_in_the_mean():
    condition = MULTI.condition(tf.constant([[1, 0, 0]]))
    sums = MULTI.statistics(condition, tf.constant([[1.0, -1.0, -1.0]]))
    metrics = MULTI.summarize({name: value.numpy() for name, value in sums.items()})
    assert metrics == {"f1": 1, "f1_macro": 1, "accuracy": 1}


@pytest.mark.parametrize("labels", [LABELS, MULTI], ids=lambda labels: labels.kind)
def test_without_any_label_metrics_are_nan(labels):
    sums = labels.statistics(tf.zeros((2, 3)), LOGITS[:2])
    metrics = labels.summarize({name: value.numpy() for name, value in sums.items()})
    assert labels.headline in metrics
    assert all(np.isnan(value) for value in metrics.values())


def test_constants_say_what_is_most_frequent():
    frequencies = np.array([0.2, 0.0, 0.8])
    np.testing.assert_allclose(np.exp(LABELS.constant(frequencies))[::2], [0.2, 0.8])
    assert LABELS.constant(frequencies).argmax() == 2
    probabilities = MULTI.probabilities(MULTI.constant(frequencies))
    np.testing.assert_allclose(probabilities, [0.2, 0, 0.8], atol=1e-5)
    for labels in (LABELS, MULTI):
        assert np.isfinite(labels.constant(np.array([0.0, 1.0]))).all()


def test_descriptions():
    assert LABELS.describe(np.array([0.1, 0.2, 0.7])) == ["kitchen (70%)"]
    assert MULTI.describe(np.array([0.6, 0.5, 0.9])) == ["sky", "road"]
    assert MULTI.describe(np.array([0.1, 0.2, 0.3])) == []


def test_a_sampled_class_is_won_in_a_race_of_exponential_times():
    # Times -log(1 - u) / rate: of rates 3, 1 and 0 these are about .231 and .223, then
    # .231 and .511; what is never met never wins, not even at u = 0.
    uniform = tf.constant([[0.5, 0.2, 0.0], [0.5, 0.4, 0.9]])
    sample = LABELS.sample(uniform, tf.constant([3.0, 1.0, 0.0]))
    np.testing.assert_array_equal(sample, [[0, 1, 0], [1, 0, 0]])


def test_sampled_label_vectors_by_hand():
    uniform = tf.constant([[0.1, 0.3, 0.0], [0.6, 0.1, 0.9], [0.6, 0.5, 0.0]])
    sample = MULTI.sample(uniform, tf.constant([0.5, 0.4, 0.0]))
    # The last one is empty: .916 / .5 is later than .693 / .4.
    np.testing.assert_array_equal(sample, [[0.5, 0.5, 0], [0, 1, 0], [0, 1, 0]])


def test_every_kind_of_label_that_data_may_have_is_known():
    assert tuple(SCENE_CLASSES) == LABEL_KINDS
    for kind, expected in SCENE_CLASSES.items():
        info = DataInfo(image_size=8, tasks={}, scene_names=("a",), label_kind=kind)
        labels = scene_classes_of(info)
        assert (type(labels), labels.kind, labels.names) == (expected, kind, ("a",))


# --- What the networks make of several labels ---------------------------------------

BOTH = MULTI.condition(tf.constant([[1, 1, 0]]))
ROAD, CAR = tf.constant([[1.0, 0.0, 0.0]]), tf.constant([[0.0, 1.0, 0.0]])


def test_batch_normalization_has_the_mean_gamma_and_beta():
    layer = ConditionalBatchNormalization()
    images = tf.constant([[[[1.0, 8.0], [3.0, 4.0]]]])
    layer(images, BOTH)
    # Rows of two gammas and two betas.
    layer.table.assign([[1, 2, 0, 4], [3, 6, 2, 0], [9, 9, 9, 9]])
    # Normalised -1 and 1, then 1 and -1; gamma 2, beta 1 and gamma 4, beta 2.
    expected = [[[[-1, 6], [3, -2]]]]
    mixed = layer(images, BOTH, training=True)
    np.testing.assert_allclose(mixed, expected, atol=1e-4)


def test_the_discriminator_projects_onto_the_mean_embedding():
    keras.utils.set_random_seed(0)
    discriminator = Discriminator(8, base=2)
    images = tf.random.stateless_normal((1, 8, 8, 3), (0, 1))
    both, road, car = (discriminator(images, which) for which in (BOTH, ROAD, CAR))
    assert abs(road - car).numpy() > 1e-3
    np.testing.assert_allclose(both, (road + car) / 2, atol=1e-6)


def test_typical_labels_are_the_classes():
    titles, conditions = Categorical(("a", "b")).typical(tf.constant([1, 1, 0]))
    assert titles == ("a", "b")
    np.testing.assert_array_equal(conditions, [[1, 0], [0, 1]])


def test_typical_label_vectors_are_those_of_images():
    scenes = tf.constant([[1, 1, 0], [0, 0, 1]])
    titles, conditions = MultiHot(("a", "b", "c")).typical(scenes)
    assert titles == ("as image 1", "as image 2")
    np.testing.assert_array_equal(conditions, [[0.5, 0.5, 0], [0, 0, 1]])
