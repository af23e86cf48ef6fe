"""The networks of AdaShare; their policies' numbers are in `test_policies`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import adashare_policy
from mgm_tf.networks.adashare import AdaShareEncoder, Policy
from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.layers.batch_normalization import advancing_statistics

TASKS = ("segmentation", "depth")
IMAGES = tf.random.stateless_uniform((2, 32, 32, 3), (0, 1), -1.0, 1.0)
ONES = tf.ones((2, 4))

# The other two keep the shape: skipping them is the identity.
PROJECTIONS = (1, 2)


@pytest.fixture
def policy():
    return Policy(2, 4)


@pytest.fixture
def network(policy):
    keras.utils.set_random_seed(0)
    resnet = ResNet((1, 1, 1, 1), (4, 6, 8, 8), 4)
    network = AdaShareEncoder(resnet, TASKS, policy)
    network(IMAGES)
    return network


def skipping(*blocks, task=0):
    """Usages: of the blocks all but these by one task, all by the other."""
    usage = np.ones((2, 4), np.float32)
    usage[task, list(blocks)] = 0
    return tf.constant(usage)


def test_a_policy_starts_undecided(policy):
    np.testing.assert_array_equal(policy(), np.full((2, 4, 2), 0.5))
    assert policy.name == "policy"
    assert [v.path for v in policy.trainable_variables] == ["policy/logits"]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("usage", [None, ONES])
def test_all_blocks_are_the_plain_network(network, usage, training):
    features = network(IMAGES, usage, training=training)
    assert list(features) == list(TASKS)
    plain = network.encoder(IMAGES, training=training)
    for value in features.values():
        np.testing.assert_allclose(value, plain, atol=1e-6)


@pytest.mark.parametrize("skipped", [(0,), (3,), (0, 3), (1,), (0, 1, 2, 3)])
def test_a_skipped_block_is_its_shortcut(network, skipped):
    blocks = network.encoder.blocks
    assert [block.project for block in blocks] == [False, True, True, False]
    expected = network.encoder.begin(IMAGES)
    for number, block in enumerate(blocks):
        if number not in skipped:
            expected = block(expected)
        elif number in PROJECTIONS:
            expected = block.normalize_projection(block.projection(expected))
    features = network(IMAGES, skipping(*skipped))
    np.testing.assert_allclose(features["segmentation"], expected, atol=1e-6)
    # The other task goes its own way.
    plain = network.encoder(IMAGES)
    np.testing.assert_allclose(features["depth"], plain, atol=1e-6)
    assert not np.allclose(features["segmentation"], plain, atol=1e-3)


def test_half_a_block_is_the_mean_of_both(network):
    usage = tf.constant([[1.0, 1.0, 1.0, 0.5]] * 2)
    skipped = network(IMAGES, skipping(3))["segmentation"]
    mean = (network.encoder(IMAGES) + skipped) / 2
    half = network(IMAGES, usage)["segmentation"]
    np.testing.assert_allclose(half, mean, atol=1e-6)


def test_without_usages_it_follows_the_policy(network, policy):
    compiled = tf.function(lambda: network(IMAGES))
    compiled()
    logits = policy().numpy()
    logits[1, 3] = 0.0, 1.0
    policy.logits.assign(logits)
    expected = network(IMAGES, skipping(3, task=1))
    for features in (network(IMAGES), compiled()):
        for task in TASKS:
            np.testing.assert_allclose(features[task], expected[task], atol=1e-5)


def test_the_policy_is_no_part_of_the_encoder(network, policy, tmp_path):
    assert len(network.variables) == len(network.encoder.variables)
    assert all(v is not policy.logits for v in network.variables)
    path = tf.train.Checkpoint(encoder=network).save(str(tmp_path / "encoder"))
    names = [name for name, _ in tf.train.list_variables(path)]
    assert len([name for name in names if "kernel" in name]) == 1 + 2 * 4 + 2
    assert not any("logits" in name or "policy" in name for name in names)
    path = tf.train.Checkpoint(policy=policy).save(str(tmp_path / "policy"))
    assert any("logits" in name for name, _ in tf.train.list_variables(path))


def test_checkpoints_hold_everything(network, policy, tmp_path):
    parts = {"encoder": network, "policy": policy}
    path = tf.train.Checkpoint(**parts).save(str(tmp_path / "checkpoint"))
    variables = [*network.variables, *policy.variables]
    before = [variable.numpy() for variable in variables]
    for variable in variables:
        variable.assign_add(tf.ones_like(variable))
    tf.train.Checkpoint(**parts).restore(path).assert_consumed()
    for value, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(variable, value)


def make_last_block_add_one(network):
    """Its residual becomes 1 everywhere: the last normalisation is (0, 1)."""
    block = network.encoder.blocks[3]
    block.normalize_2.gamma.assign(tf.zeros_like(block.normalize_2.gamma))
    block.normalize_2.beta.assign(tf.ones_like(block.normalize_2.beta))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("training", [False, True])
def test_the_loss_of_a_task_teaches_its_policy(network, policy, sign, training):
    make_last_block_add_one(network)
    # All blocks but the last are kept for sure.
    logits = np.zeros((2, 4, 2), np.float32)
    logits[:, :3, 0] = 100.0
    policy.logits.assign(logits)
    half = tf.fill((2, 4, 2), 0.5)
    with tf.GradientTape() as tape:
        usage = adashare_policy.sampled_usage(policy(), half, 2.0)
        features = network(IMAGES, usage, training=training)
        loss = sign * tf.reduce_mean(features["depth"])
    gradient = tape.gradient(loss, policy.logits.value).numpy()
    # Features are not negative before the last block, and it adds 1 to all of them:
    # relu(x + 1) - x = 1. Using it makes the mean larger by 1, and the usage, 1/2, has
    # the slope 1/2 (1 - 1/2) / 2 = 1/8 along "keep" and -1/8 along "skip". So the loss
    # that likes small features comes to skip the block, the other one to keep it.
    np.testing.assert_allclose(gradient[1, 3], [sign / 8, -sign / 8], rtol=1e-4)
    np.testing.assert_allclose(gradient[1, :3], np.zeros((3, 2)), atol=1e-6)
    # The policy of the other task has no say in it.
    np.testing.assert_array_equal(gradient[0], np.zeros((4, 2)))


def test_all_weights_learn_from_soft_usages(network, policy):
    def gradients():
        uniform = tf.random.stateless_uniform((2, 4, 2), (3, 4))
        with tf.GradientTape() as tape:
            usage = adashare_policy.sampled_usage(policy(), uniform, 5.0)
            features = network(IMAGES, usage, training=True)
            loss = tf.add_n([tf.reduce_mean(x**2) for x in features.values()])
        weights = [*network.trainable_variables, *policy.trainable_variables]
        return tape.gradient(loss, [v.value for v in weights])

    in_graph = tf.function(gradients)()
    for own, expected in zip(in_graph, gradients(), strict=True):
        assert np.any(own)
        np.testing.assert_allclose(own, expected, rtol=1e-2, atol=1e-3)


def test_statistics_of_skipped_blocks_advance_too(network):
    before = [variable.numpy() for variable in network.variables]
    with advancing_statistics(True):
        network(IMAGES, tf.zeros((2, 4)), training=True)
    moved = {
        variable.path
        for value, variable in zip(before, network.variables, strict=True)
        if not np.array_equal(value, variable)
    }
    assert moved == {v.path for v in network.variables if "moving_" in v.path}


def test_usages_of_another_shape_are_refused(network):
    with pytest.raises(ValueError, match=r"\(2, 4\), got \(2, 3\)"):
        network(IMAGES, tf.ones((2, 3)))


def test_a_policy_of_another_size_is_refused(network):
    with pytest.raises(ValueError, match=r"2 tasks and 4 blocks.*got \(3, 4\)"):
        AdaShareEncoder(network.encoder, TASKS, Policy(3, 4))
