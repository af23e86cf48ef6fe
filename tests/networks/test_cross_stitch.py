"""Cross-stitch units by hand, and the encoder that they join."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import parameter_counts
from mgm_tf.networks.cross_stitch import CrossStitch, CrossStitchEncoder
from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.layers.batch_normalization import advancing_statistics

TASKS = ("segmentation", "depth", "normals")
WIDTHS = (4, 5, 6, 8)
IMAGES = tf.random.stateless_uniform((2, 32, 32, 3), (0, 1), -1.0, 1.0)


def resnet():
    return ResNet((1, 2, 1, 1), WIDTHS, 4)


@pytest.fixture(scope="module")
def made():
    """A network and its initial weights."""
    keras.utils.set_random_seed(0)
    network = CrossStitchEncoder({task: resnet() for task in TASKS})
    network(IMAGES)
    return network, network.get_weights()


@pytest.fixture
def network(made):
    """The network as it was made: building it takes longer than any test of it."""
    network, weights = made
    network.set_weights(weights)
    return network


def stitch(network, weights):
    for unit in network.units:
        unit.stitch.assign(tf.broadcast_to(weights[..., None], unit.stitch.shape))


def test_features_of_every_task(network):
    features = network(IMAGES)
    assert list(features) == list(TASKS)
    assert {value.shape for value in features.values()} == {(2, 2, 2, 8)}


def test_parameters(network):
    own = resnet()
    own(IMAGES)
    expected = 3 * parameter_counts({"own": own})["own"] + 3 * 3 * sum(WIDTHS)
    assert parameter_counts({"network": network})["network"] == expected


@pytest.mark.parametrize("training", [False, True])
def test_without_mixing_it_is_the_single_networks(network, training):
    stitch(network, tf.eye(3))
    features = network(IMAGES, training=training)
    for task, encoder in network.encoders.items():
        own = encoder(IMAGES, training=training)
        np.testing.assert_allclose(features[task], own, atol=1e-5)


def test_units_follow_the_stages(network):
    """The stages by hand: stem, then blocks 0 | 1, 2 | 3 | 4."""
    hidden = [encoder.begin(IMAGES) for encoder in network.encoders.values()]
    for unit, blocks in zip(network.units, [(0,), (1, 2), (3,), (4,)], strict=True):
        for number in blocks:
            hidden = [
                encoder.blocks[number](x)
                for encoder, x in zip(network.encoders.values(), hidden, strict=True)
            ]
        hidden = unit(hidden)
    for own, expected in zip(network(IMAGES).values(), hidden, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_the_loss_of_a_task_reaches_every_encoder(network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network(IMAGES, training=True)["depth"] ** 2)
    stems = [encoder.stem.kernel.value for encoder in network.encoders.values()]
    assert all(np.any(gradient) for gradient in tape.gradient(loss, stems))


def test_statistics_advance_in_all_encoders(network):
    before = [variable.numpy() for variable in network.variables]
    with advancing_statistics(True):
        tf.function(lambda: network(IMAGES, training=True))()
    moved = {
        variable.path
        for value, variable in zip(before, network.variables, strict=True)
        if not np.array_equal(value, variable)
    }
    expected = {v.path for v in network.variables if "moving_" in v.path}
    assert moved == expected


def test_encoders_start_from_networks_of_one_task(network, tmp_path):
    single = resnet()
    expected = single(IMAGES)
    path = tf.train.Checkpoint(encoder=single).save(str(tmp_path / "single"))
    own = network.encoders["depth"]
    tf.train.Checkpoint(encoder=own).restore(path).assert_consumed()
    np.testing.assert_allclose(own(IMAGES), expected, atol=1e-6)


def test_checkpoints_hold_everything(network, tmp_path):
    path = tf.train.Checkpoint(network=network).save(str(tmp_path / "checkpoint"))
    before = [variable.numpy() for variable in network.variables]
    for variable in network.variables:
        variable.assign_add(tf.ones_like(variable))
    tf.train.Checkpoint(network=network).restore(path).assert_consumed()
    for value, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(variable, value)


# --- The unit -----------------------------------------------------------------------


def task_features(tasks, channels=4):
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
    layer(task_features(tasks))
    assert layer.stitch.path.endswith("stitch")
    assert layer.stitch.shape == (tasks, tasks, 4)
    for channel in range(4):
        np.testing.assert_allclose(layer.stitch[..., channel], weights, rtol=1e-6)
    np.testing.assert_allclose(np.sum(layer.stitch, axis=1), 1.0, rtol=1e-6)


def test_the_share_of_the_own_features_is_a_choice():
    layer = CrossStitch(5, same=0.8)
    layer(task_features(5))
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
    layer, given = CrossStitch(3), task_features(3)
    layer(given)
    layer.stitch.assign(tf.random.stateless_normal((3, 3, 4), (5, 6)))
    expected = np.einsum("tsc,snhwc->tnhwc", layer.stitch, np.stack(given))
    for mixtures in (layer(given), tf.function(layer)(given)):
        np.testing.assert_allclose(np.stack(mixtures), expected, atol=1e-5)


def test_all_weights_learn():
    layer, given = CrossStitch(2), task_features(2)
    with tf.GradientTape() as tape:
        score = tf.add_n([tf.reduce_sum(x**2) for x in layer(given)])
    assert np.all(tape.gradient(score, layer.stitch.value) != 0)


def test_features_of_another_number_of_tasks_are_refused():
    with pytest.raises(ValueError, match="3 tasks, got 2"):
        CrossStitch(3)(task_features(2))


def test_no_task_is_refused():
    with pytest.raises(ValueError, match="got 0"):
        CrossStitch(0)
