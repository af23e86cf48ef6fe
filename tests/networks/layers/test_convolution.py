import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers import convolution
from mgm_tf.networks.layers.convolution import Convolution
from mgm_tf.networks.layers.precision import computing_in

# A single 1 at row 0, column 0 of 4x4.
CORNER = tf.reshape(tf.one_hot(0, 16), (1, 4, 4, 1))
COUNTING = tf.reshape(tf.range(1.0, 10.0), (3, 3, 1, 1))


def convolved(size, stride, kernel, precision="float32"):
    with computing_in(precision):
        layer = Convolution(1, size, stride)
    layer.build(CORNER.shape)
    layer.kernel.assign(kernel)
    return layer(CORNER)[0, :, :, 0]


def test_strides_pad_the_near_sides_too():
    # The first window is centred on the corner: its weight there is the fifth.
    # TensorFlow's "SAME" would pad the far sides only, and give the first.
    np.testing.assert_array_equal(convolved(3, 2, COUNTING), [[5, 0], [0, 0]])


def test_without_stride_the_size_stays():
    expected = np.zeros((4, 4))
    expected[:2, :2] = [[5, 4], [2, 1]]
    np.testing.assert_array_equal(convolved(3, 1, COUNTING), expected)


def test_even_windows_halve_the_size():
    kernel = tf.reshape(tf.range(16.0), (4, 4, 1, 1))
    np.testing.assert_array_equal(convolved(4, 2, kernel), [[5, 0], [0, 0]])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_the_bits_pad_alike(precision):
    even = tf.reshape(tf.range(16.0), (4, 4, 1, 1))
    for size, kernel in ((3, COUNTING), (4, even)):
        halved = convolved(size, 2, kernel, precision)
        assert halved.dtype.name == precision
        np.testing.assert_array_equal(tf.cast(halved, tf.int32), [[5, 0], [0, 0]])


def test_single_places():
    np.testing.assert_array_equal(
        convolved(1, 2, tf.fill((1, 1, 1, 1), 7.0)), [[7, 0], [0, 0]]
    )


def test_the_bias_is_added():
    layer = Convolution(2, 1, use_bias=True)
    layer.build(CORNER.shape)
    layer.kernel.assign(tf.zeros((1, 1, 1, 2)))
    layer.bias.assign([3.0, 4.0])
    np.testing.assert_array_equal(layer(CORNER)[0, 1, 2], [3, 4])


def with_gradients(act, *operands):
    """Outputs and gradients of them, weighed at random."""
    with tf.GradientTape() as tape:
        tape.watch(operands)
        outputs = act(*operands)
        weights = tf.random.stateless_normal(outputs.shape, (7, 8))
        score = tf.reduce_sum(outputs * weights)
    return outputs, *tape.gradient(score, operands)


@pytest.mark.parametrize("size", [3, 5])
def test_a_kernel_that_outweighs_its_images_is_a_matrix(monkeypatch, size):
    images = tf.random.stateless_normal((2, 3, 2, 13), (1, 2))
    kernel = tf.random.stateless_normal((size, size, 13, 12), (3, 4))
    monkeypatch.setattr(convolution, "LEAST_CHANNELS", 12)
    # 12 windows, and 12 filters; of 14, the images outweigh them.
    assert convolution._kernel_outweighs(images, kernel)
    assert not convolution._kernel_outweighs(tf.zeros((2, 7, 1, 13)), kernel)
    assert not convolution._kernel_outweighs(images, kernel[..., :11])
    assert not convolution._kernel_outweighs(images, kernel[:1, :1])
    received = with_gradients(convolution.convolve, images, kernel)
    expected = with_gradients(
        lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), images, kernel
    )
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_images_of_any_number_are_convolved_as_ever():
    kernel = tf.TensorSpec((3, 3, 1024, 1024))
    for number, outweighs in ((None, False), (64, True), (65, False)):
        images = tf.TensorSpec((number, 4, 4, 1024))
        assert convolution._kernel_outweighs(images, kernel) == outweighs
