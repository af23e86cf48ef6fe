import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.spectral_normalization import (
    SpectralConvolution,
    SpectralDense,
    SpectralEmbedding,
    advance_power_iterations,
)
from tests import rig


@pytest.fixture
def two_replicas():
    return rig.two_replicas()


def test_one_training_forward_of_torch(golden):
    values = golden("spectral_norm_conv")
    layer = SpectralConvolution(6)
    images = values["x_nchw"].transpose(0, 2, 3, 1)
    layer.build(images.shape)
    layer.kernel.assign(values["kernel_oihw"].transpose(2, 3, 1, 0))
    layer.bias.assign(values["bias"])
    layer.u.assign(values["u_before"])
    layer.advance()
    with tf.GradientTape() as tape:
        outputs = layer(images)
        cotangent = values["cotangent_nchw"].transpose(0, 2, 3, 1)
        score = tf.reduce_sum(outputs * cotangent)
    gradient = tape.gradient(score, layer.kernel.value)
    tolerance = {"atol": 1e-4, "rtol": 0}
    np.testing.assert_allclose(layer.sigma(), values["sigma"], **tolerance)
    np.testing.assert_allclose(layer.u, values["u_after"], **tolerance)
    np.testing.assert_allclose(
        outputs, values["y_nchw"].transpose(0, 2, 3, 1), **tolerance
    )
    np.testing.assert_allclose(
        gradient, values["grad_kernel_oihw"].transpose(2, 3, 1, 0), **tolerance
    )


@pytest.mark.parametrize("layer_class", [SpectralDense, SpectralEmbedding])
def test_a_diagonal_matrix_has_its_largest_entry_for_sigma(layer_class):
    layer = layer_class(2)
    layer.build((None, 2))
    layer.kernel.assign([[3.0, 0.0], [0.0, 1.0]])
    layer.u.assign([0.6, 0.8])
    for _ in range(10):
        layer.advance()
    assert float(layer.sigma()) == pytest.approx(3.0, abs=1e-5)
    np.testing.assert_allclose(layer.u, [1.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(
        layer(tf.eye(2)), [[1.0, 0.0], [0.0, 1.0 / 3.0]], atol=1e-5
    )


def test_one_step_by_hand():
    layer = SpectralDense(2)
    layer.build((None, 2))
    layer.kernel.assign([[2.0, 0.0], [0.0, 1.0]])
    layer.u.assign([0.6, 0.8])
    layer.advance()
    # v = (1.2, 0.8) / |.|, u = (2.4, 0.8) / |.|, sigma = v' W u.
    v, u = np.array([1.2, 0.8]), np.array([2.4, 0.8])
    v, u = v / np.sqrt(2.08), u / np.sqrt(6.4)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    assert float(layer.sigma()) == pytest.approx(2 * v[0] * u[0] + v[1] * u[1])


def test_the_gradient_is_that_of_the_quotient():
    layer = SpectralConvolution(4, size=2)
    layer.build((None, None, None, 3))
    with tf.GradientTape(persistent=True) as tape:
        weights = tf.random.stateless_normal(layer.kernel.shape, (0, 1))
        written_out = tf.reduce_sum(weights * layer.normalized_kernel())
        quotient = tf.reduce_sum(weights * (layer.kernel / layer.sigma()))
    assert float(written_out) == float(quotient)
    np.testing.assert_allclose(
        tape.gradient(written_out, layer.kernel.value),
        tape.gradient(quotient, layer.kernel.value),
        atol=1e-6,
    )


def test_calls_change_nothing():
    layer = SpectralConvolution(4)
    images = tf.random.stateless_normal((2, 5, 5, 3), (0, 1))
    first = layer(images)
    before = [variable.numpy() for variable in layer.variables]
    second = layer(images, training=True)
    np.testing.assert_array_equal(first, second)
    for value, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_sigma_is_positive_before_any_step():
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        layer = SpectralDense(16)
        layer.build((None, 16))
        assert float(layer.sigma()) > 0.0


def test_all_spectral_layers_of_a_model_advance_once():
    shared = SpectralDense(3)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, SpectralDense(2)(shared(shared(inputs))))
    layers = [layer for layer in model.layers if isinstance(layer, SpectralDense)]
    expected = []
    for layer in layers:
        before = layer.u.numpy(), layer.v.numpy()
        layer.advance()
        expected.append(layer.u.numpy())
        layer.u.assign(before[0])
        layer.v.assign(before[1])
    advance_power_iterations(model)
    assert len(layers) == 2
    for layer, u in zip(layers, expected, strict=True):
        np.testing.assert_array_equal(layer.u, u)


def test_replicas_advance_alike(two_replicas):
    with two_replicas.scope():
        keras.utils.set_random_seed(0)
        layer = SpectralDense(3)
        layer.build((None, 4))
    keras.utils.set_random_seed(0)
    alone = SpectralDense(3)
    alone.build((None, 4))
    tf.function(lambda: two_replicas.run(advance_power_iterations, (layer,)))()
    alone.advance()
    for name in ("u", "v"):
        copies = two_replicas.experimental_local_results(getattr(layer, name).value)
        assert len(copies) == 2
        for copy in copies:
            np.testing.assert_allclose(copy, getattr(alone, name), atol=1e-6)
