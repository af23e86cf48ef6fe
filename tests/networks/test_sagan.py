import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import parameter_counts
from mgm_tf.networks.sagan import Discriminator, Generator

ATTENTION = (("query", "theta"), ("key", "phi"), ("value", "g"))
ATTENTION += (("output_convolution", "attn"),)


def parameters(network):
    return parameter_counts({"network": network})["network"]


def load_convolution(layer, values, name):
    """Kernels [out, in, h, w] and vectors v [in h w] of PyTorch."""
    kernel = values[f"w/{name}.weight_orig"]
    _, channels, height, width = kernel.shape
    v = values[f"w/{name}.weight_v"].reshape(channels, height, width)
    layer.kernel.assign(kernel.transpose(2, 3, 1, 0))
    layer.u.assign(values[f"w/{name}.weight_u"])
    layer.v.assign(v.transpose(1, 2, 0).reshape(-1))
    layer.bias.assign(values[f"w/{name}.bias"])


def load_attention(layer, values):
    layer.sigma.assign(values["w/self_attn.sigma"][0])
    for ours, theirs in ATTENTION:
        load_convolution(getattr(layer, ours), values, f"self_attn.snconv1x1_{theirs}")


def load_conditional(layer, values, name):
    layer.table.assign(values[f"w/{name}.embed.weight"])
    layer.normalize.moving_mean.assign(values[f"w/{name}.bn.running_mean"])
    layer.normalize.moving_variance.assign(values[f"w/{name}.bn.running_var"])


def channels_last(vector):
    """A vector [C h w] of 4x4 places as [h w C]."""
    return vector.reshape(-1, 4, 4).transpose(1, 2, 0).reshape(-1)


def load_generator(network, values):
    start = network.start
    kernel = values["w/snlinear0.weight_orig"]
    start.kernel.assign(np.stack([channels_last(row) for row in kernel.T]))
    start.u.assign(channels_last(values["w/snlinear0.weight_u"]))
    start.v.assign(values["w/snlinear0.weight_v"])
    start.bias.assign(channels_last(values["w/snlinear0.bias"]))
    for number, block in enumerate(network.blocks, start=1):
        name = f"block{number}"
        load_conditional(block.normalize_1, values, f"{name}.cond_bn1")
        load_conditional(block.normalize_2, values, f"{name}.cond_bn2")
        load_convolution(block.convolution_1, values, f"{name}.snconv2d1")
        load_convolution(block.convolution_2, values, f"{name}.snconv2d2")
        load_convolution(block.shortcut, values, f"{name}.snconv2d0")
    load_attention(network.attention, values)
    network.normalize.gamma.assign(values["w/bn.weight"])
    network.normalize.beta.assign(values["w/bn.bias"])
    network.normalize.moving_mean.assign(values["w/bn.running_mean"])
    network.normalize.moving_variance.assign(values["w/bn.running_var"])
    load_convolution(network.to_rgb, values, "snconv2d1")


def test_images_of_the_reference(golden):
    values = golden("sagan_generator")
    z, condition = tf.constant(values["z"]), tf.one_hot(values["label"], 5)
    network = Generator(128, 4)
    network(z, condition)
    load_generator(network, values)
    images = network(z, condition).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_allclose(images, values["image_nchw"], atol=1e-4)


def load_discriminator(network, values):
    names = ["opt_block1", *(f"block{number}" for number in range(1, 6))]
    for block, name in zip(network.blocks, names, strict=True):
        load_convolution(block.convolution_1, values, f"{name}.snconv2d1")
        load_convolution(block.convolution_2, values, f"{name}.snconv2d2")
    for block, name in zip(network.blocks[:-1], names[:-1], strict=True):
        load_convolution(block.shortcut, values, f"{name}.snconv2d0")
    load_attention(network.attention, values)
    network.logit.kernel.assign(values["w/snlinear1.weight_orig"].T)
    network.logit.u.assign(values["w/snlinear1.weight_u"])
    network.logit.v.assign(values["w/snlinear1.weight_v"])
    network.logit.bias.assign(values["w/snlinear1.bias"])
    # The table is seen from its other side: u and v change places.
    network.embedding.kernel.assign(values["w/sn_embedding1.weight_orig"])
    network.embedding.u.assign(values["w/sn_embedding1.weight_v"])
    network.embedding.v.assign(values["w/sn_embedding1.weight_u"])


def test_logits_of_the_reference(golden):
    values = golden("sagan_discriminator")
    images = tf.constant(values["image_nchw"].transpose(0, 2, 3, 1))
    condition = tf.one_hot(values["label"], 5)
    network = Discriminator(128, 4)
    network(images, condition)
    load_discriminator(network, values)
    np.testing.assert_allclose(network(images, condition), values["logit"], rtol=1e-3)


@pytest.fixture(scope="module")
def generator():
    network = Generator(128)
    network(tf.zeros((1, 128)), tf.zeros((1, 27)))
    return network


def test_parameters_of_the_generator(generator):
    assert parameters(generator) == 32_489_412


def test_parameters_of_the_generator_of_35_classes(generator):
    # A class more is a row more in every table: gammas and betas of the layers that are
    # normalised, two in each block.
    widths = (1024, 1024, 1024, 512, 512, 256, 256, 128, 128, 64)
    assert 32_489_412 + (35 - 27) * 2 * sum(widths) == 32_568_260
    tables = [block.normalize_1.table for block in generator.blocks]
    tables += [block.normalize_2.table for block in generator.blocks]
    assert sum(table.shape[1] for table in tables) == 2 * sum(widths)


def test_parameters_of_the_discriminator():
    network = Discriminator(128)
    network(tf.zeros((1, 128, 128, 3)), tf.zeros((1, 27)))
    # The reference counts a 1x1 convolution that it never uses, in its last block.
    assert parameters(network) == 39_517_090 - (1024 * 1024 + 1024)


@pytest.mark.parametrize(
    ("image_size", "multiples", "attention"),
    [(64, (8, 4, 2, 1), 2), (128, (16, 8, 4, 2, 1), 4), (256, (16, 16, 8, 4, 2, 1), 8)],
)
def test_layout(image_size, multiples, attention):
    """Widths in multiples of the base: out of G's blocks, and at its attention."""
    generator = Generator(image_size, 2)
    images = generator(tf.zeros((1, 8)), tf.zeros((1, 3)))
    assert images.shape == (1, image_size, image_size, 3)
    widths = [block.convolution_2.filters // 2 for block in generator.blocks]
    assert tuple(widths) == multiples
    assert generator.start.units == 16 * 2 * min(16, image_size // 4)
    assert generator.attention.output_convolution.filters == 2 * attention

    discriminator = Discriminator(image_size, 2)
    assert discriminator(images, tf.zeros((1, 3))).shape == (1,)
    widths = [block.convolution_2.filters // 2 for block in discriminator.blocks]
    assert tuple(widths) == (*reversed(multiples), multiples[0])
    filters = discriminator.attention.output_convolution.filters
    assert filters == 2 * attention // 2
