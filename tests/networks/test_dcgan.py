import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.dcgan import Discriminator, Generator


@pytest.mark.parametrize(
    ("image_size", "multiples"),
    [(64, (8, 4, 2, 1)), (128, (16, 8, 4, 2, 1)), (256, (16, 16, 8, 4, 2, 1))],
)
def test_layout(image_size, multiples):
    """Channels in multiples of the base: into G's blocks, out of D's."""
    generator = Generator(image_size, 2)
    images = generator(tf.zeros((2, 8)), tf.zeros((2, 3)))
    assert images.shape == (2, image_size, image_size, 3)
    kernels = [block.convolution.kernel for block in generator.blocks]
    assert tuple(kernel.shape[3] // 2 for kernel in kernels) == multiples
    assert kernels[-1].shape == (4, 4, 3, 2)
    assert generator.start.units == 16 * 2 * multiples[0]

    discriminator = Discriminator(image_size, 2)
    assert discriminator(images, tf.zeros((2, 3))).shape == (2,)
    widths = [block.convolution.filters // 2 for block in discriminator.blocks]
    assert (1, *widths) == tuple(reversed(multiples))
    assert discriminator.logit.kernel.shape == (16 * 2 * multiples[0], 1)


def test_no_layer_has_a_bias():
    generator, discriminator = Generator(64, 2), Discriminator(64, 2)
    condition = tf.zeros((2, 3))
    discriminator(generator(tf.zeros((2, 8)), condition), condition)
    names = {v.name for net in (generator, discriminator) for v in net.variables}
    assert "bias" not in names


def test_kernels_start_small():
    keras.utils.set_random_seed(0)
    network = Generator(64, 8)
    network(tf.zeros((2, 64)), tf.zeros((2, 3)))
    for kernel in (network.start.kernel, network.blocks[0].convolution.kernel):
        assert np.std(kernel) == pytest.approx(0.02, rel=0.02)


def test_the_class_matters_to_both():
    keras.utils.set_random_seed(0)
    generator, discriminator = Generator(64, 4), Discriminator(64, 4)
    z = tf.random.stateless_normal((2, 8), (0, 1))
    first, second = tf.one_hot([0, 0], 3), tf.one_hot([1, 1], 3)
    images = generator(z, first, training=True)
    logits = discriminator(images, first, training=True)
    assert not np.allclose(logits, discriminator(images, second, training=True))
    table = generator.blocks[0].normalize.table
    table.assign(tf.random.stateless_normal(table.shape, (2, 3)))
    images = generator(z, first, training=True)
    assert not np.allclose(images, generator(z, second, training=True))
