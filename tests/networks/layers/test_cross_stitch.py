import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.cross_stitch import CrossStitch


def features(tasks, channels=4):
    return [
        tf.random.stateless_normal((2, 3, 5, channels), (0, task))
        for task in range(tasks)
    ]


@pytest.mark.parametrize(
    ("tasks", "weights"),
    [
        (1, [[1.0]]),
        (2, [[0.9, 0.1], [0.1, 0.9]]),
        (3, [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]),
    ],
)
def test_starts_with_mostly_the_own_features(tasks, weights):
    layer = CrossStitch(tasks)
    layer(features(tasks))
    assert layer.stitch.path.endswith("stitch")
    assert layer.stitch.shape == (tasks, tasks, 4)
    for channel in range(4):
        np.testing.assert_allclose(layer.stitch[..., channel], weights, rtol=1e-6)
    np.testing.assert_allclose(np.sum(layer.stitch, axis=1), 1.0, rtol=1e-6)


def test_the_share_of_the_own_features_is_a_choice():
    layer = CrossStitch(5, same=0.8)
    layer(features(5))
    np.testing.assert_allclose(layer.stitch[1, :, 0], [0.05, 0.8, 0.05, 0.05, 0.05])


def test_mixes_every_channel_by_weights_of_its_own():
    layer = CrossStitch(2)
    first = tf.constant([[[[1.0, 2.0]]]])
    second = tf.constant([[[[10.0, 20.0]]]])
    layer([first, second])
    # Channel 0: swapped. Channel 1: 3 a - b, and b / 2.
    layer.stitch.assign([[[0.0, 3.0], [1.0, -1.0]], [[1.0, 0.0], [0.0, 0.5]]])
    mixtures = layer([first, second])
    np.testing.assert_allclose(mixtures[0], [[[[10.0, 3 * 2.0 - 20.0]]]])
    np.testing.assert_allclose(mixtures[1], [[[[1.0, 20.0 / 2]]]])


def test_is_the_formula():
    layer, given = CrossStitch(3), features(3)
    layer(given)
    layer.stitch.assign(tf.random.stateless_normal((3, 3, 4), (5, 6)))
    expected = np.einsum("tsc,snhwc->tnhwc", layer.stitch, np.stack(given))
    for mixtures in (layer(given), tf.function(layer)(given)):
        np.testing.assert_allclose(np.stack(mixtures), expected, atol=1e-5)


def test_all_weights_learn():
    layer, given = CrossStitch(2), features(2)
    with tf.GradientTape() as tape:
        score = tf.add_n([tf.reduce_sum(x**2) for x in layer(given)])
    assert np.all(tape.gradient(score, layer.stitch.value) != 0)


def test_features_of_another_number_of_tasks_are_refused():
    with pytest.raises(ValueError, match="3 tasks, got 2"):
        CrossStitch(3)(features(2))


def test_no_task_is_refused():
    with pytest.raises(ValueError, match="got 0"):
        CrossStitch(0)
