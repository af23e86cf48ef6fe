import numpy as np
import tensorflow as tf

from mgm_tf.networks.layers.convolution import Convolution

# A single 1 at row 0, column 0 of 4x4.
CORNER = tf.reshape(tf.one_hot(0, 16), (1, 4, 4, 1))
COUNTING = tf.reshape(tf.range(1.0, 10.0), (3, 3, 1, 1))


def convolved(size, stride, kernel):
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
