"""Networks without the normalizations behind convolutions predict the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import dcgan, decoders, sagan
from mgm_tf.networks.encoders import BasicBlock
from mgm_tf.networks.folding import FoldedNetwork
from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.convolution import Convolution
from tests import toy


def settled(network):
    """The network with weights and statistics off those at which it starts."""
    random = np.random.default_rng(0)
    for variable in network.variables:
        if variable.name == "moving_variance":
            variable.assign(random.uniform(0.1, 4.0, variable.shape))
        elif variable.name not in ("u", "v"):
            variable.assign(variable + 0.3 * random.standard_normal(variable.shape))
    return network


def operations(network, *inputs):
    """The number of operations of each type in the network's graph."""
    graph = tf.function(network, autograph=False).get_concrete_function(*inputs).graph
    types = [operation.type for operation in graph.get_operations()]
    return {name: types.count(name) for name in set(types)}


def check(network, *inputs, left=0):
    """Holds the folded network to the network; returns its operations."""
    expected = tf.nest.flatten(network(*inputs))
    before = network.get_weights()
    settled(network)
    unlike = tf.nest.flatten(network(*inputs))
    folded = FoldedNetwork(network)
    outputs = folded(*inputs)
    tf.nest.assert_same_structure(outputs, network(*inputs))
    for one, other, first in zip(
        tf.nest.flatten(outputs), unlike, expected, strict=True
    ):
        scale = np.maximum(1.0, np.abs(other))
        assert np.abs((one - other) / scale).max() < 1e-4
        assert np.abs(one - first).max() > 1e-2
    # Nothing of the network itself has changed.
    after = tf.nest.flatten(network(*inputs))
    for one, other in zip(unlike, after, strict=True):
        np.testing.assert_array_equal(one, other)
    counts = operations(folded, *inputs)
    assert counts.get("FusedBatchNormV3", 0) == left
    assert operations(network, *inputs)["FusedBatchNormV3"] > left
    network.set_weights(before)
    return counts


class Alone(CompositeModel):
    """A layer as a network."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, inputs, training=False):
        return self.layer(inputs, training=training)


def test_by_hand():
    """2x + 1, normalised by mean 3 and deviation 2 to 6 times that plus 5: 6x - 1."""
    stage = decoders.Stage(Convolution(1, 1, use_bias=True), tf.identity)
    network = Alone(stage)
    images = tf.constant([2.0, -1.0], shape=(1, 1, 2, 1))
    network(images)
    for variable, value in (
        (stage.convolution.kernel, 2.0),
        (stage.convolution.bias, 1.0),
        (stage.normalize.gamma, 6.0),
        (stage.normalize.beta, 5.0),
        (stage.normalize.moving_mean, 3.0),
        (stage.normalize.moving_variance, 4.0 - 1e-5),
    ):
        variable.assign(tf.fill(variable.shape, value))
    folded = FoldedNetwork(network)
    np.testing.assert_allclose(folded(images)[0, 0, :, 0], [11.0, -7.0], rtol=1e-6)
    # It keeps the weights that the network had.
    stage.normalize.beta.assign([0.0])
    np.testing.assert_allclose(folded(images)[0, 0, :, 0], [11.0, -7.0], rtol=1e-6)
    with pytest.raises(ValueError, match="cannot be trained"):
        folded(images, training=True)


IMAGES = tf.constant(np.random.default_rng(1).standard_normal((2, 8, 8, 3)), tf.float32)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: BasicBlock(4, stride=2, project=True),
        lambda: BasicBlock(3, stride=1, project=False, dilations=(2, 4)),
        lambda: decoders.Stage(decoders._doubling(5, 3, use_bias=True)),
        lambda: decoders.Stage(decoders._doubling(5, 2, use_bias=False)),
    ],
    ids=["strided", "dilated", "transposed", "transposed without bias"],
)
def test_convolutions(layer):
    keras.utils.set_random_seed(0)
    check(Alone(layer()), IMAGES)


def test_a_normalization_before_a_convolution_is_left():
    layer = keras.Sequential([BatchNormalization(), Convolution(2)])
    network = Alone(layer)
    expected = settled_outputs(network)
    np.testing.assert_array_equal(FoldedNetwork(network)(IMAGES), expected)
    assert operations(FoldedNetwork(network), IMAGES)["FusedBatchNormV3"] == 1


def settled_outputs(network):
    network(IMAGES)
    return settled(network)(IMAGES)


@pytest.mark.parametrize(("gan", "left"), [(sagan, 3), (dcgan, 1)])
def test_generators(gan, left):
    """SAGAN's sums of two paths keep theirs, and what comes of DCGAN's dense layer."""
    keras.utils.set_random_seed(0)
    z = tf.constant(np.random.default_rng(2).standard_normal((2, 8)), tf.float32)
    generator = gan.Generator(16, base=2)
    counts = check(generator, z, tf.one_hot([0, 2], 3), left=left)
    # No spectral norm is computed.
    assert "Reciprocal" not in counts and counts.get("Sum", 0) == 0


@pytest.mark.parametrize("sharing", ["hard", "cross_stitch", "adashare"])
def test_all_of_m_is_folded(sharing):
    networks = toy.tiny_networks(("depth", "normals"), names=(), sharing=sharing)
    images = tf.random.stateless_uniform((1, toy.SIZE, toy.SIZE, 3), (0, 1), -1, 1)
    features = networks["encoder"](images)
    check(networks["encoder"], images)
    check(networks["decoders"], features)
