import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import parameter_counts
from mgm_tf.networks.encoders import ENCODER_WIDTHS, ENCODERS, ResNet

NARROW = ENCODER_WIDTHS["narrow"]


def parameters(network, *shape):
    network(tf.zeros(shape))
    return parameter_counts({"network": network})["network"]


@pytest.mark.parametrize(
    ("encoder", "widths", "expected"),
    [
        ("resnet18", "narrow", 5_774_384),
        ("resnet18", "standard", 11_176_512),
        ("resnet34", "standard", 21_284_672),
        ("resnet10", "narrow", 2_567_888),
    ],
)
def test_parameters(encoder, widths, expected):
    network = ENCODERS[encoder](ENCODER_WIDTHS[widths])
    assert parameters(network, 1, 32, 32, 3) == expected


@pytest.mark.parametrize(
    ("channels", "expected"), [(40, 2_683_920), (1, 2_561_616), (3, 2_567_888)]
)
def test_parameters_of_resnet_10(channels, expected):
    network = ResNet((1, 1, 1, 1), NARROW)
    assert parameters(network, 1, 32, 32, channels) == expected


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(("stride", "size"), [(16, 8), (32, 4)])
def test_features_of_128_pixels(encoder, stride, size):
    network = ENCODERS[encoder]((2, 3, 4, 5), 2, stride)
    assert network(tf.zeros((1, 128, 128, 3))).shape == (1, size, size, 5)


def test_other_strides_are_refused():
    with pytest.raises(ValueError, match="got 8"):
        ENCODERS["resnet18"](NARROW, output_stride=8)


def load_convolution(layer, weights, name):
    layer.kernel.assign(weights[f"w/{name}.weight"].transpose(2, 3, 1, 0))


def load_normalization(layer, weights, name):
    layer.gamma.assign(weights[f"w/{name}.weight"])
    layer.beta.assign(weights[f"w/{name}.bias"])
    layer.moving_mean.assign(weights[f"w/{name}.running_mean"])
    layer.moving_variance.assign(weights[f"w/{name}.running_var"])


def test_features_of_torch(golden):
    values = golden("resnet18_encoder")
    images = values["image_nchw"].transpose(0, 2, 3, 1)
    network = ENCODERS["resnet18"]((6, 12, 24, 45), 8, 16)
    network(images)
    load_convolution(network.stem, values, "conv1")
    load_normalization(network.normalize, values, "bn1")
    for number, block in enumerate(network.blocks):
        name = f"stages.{number // 2}.{number % 2}"
        load_convolution(block.convolution_1, values, f"{name}.conv1")
        load_normalization(block.normalize_1, values, f"{name}.bn1")
        load_convolution(block.convolution_2, values, f"{name}.conv2")
        load_normalization(block.normalize_2, values, f"{name}.bn2")
        if block.project:
            load_convolution(block.projection, values, f"{name}.down.0")
            load_normalization(block.normalize_projection, values, f"{name}.down.1")
    np.testing.assert_allclose(
        network(images).numpy().transpose(0, 3, 1, 2), values["feature_nchw"], atol=1e-4
    )


def test_kernels_start_with_the_variance_of_he():
    keras.utils.set_random_seed(0)
    network = ENCODERS["resnet18"]((32, 32, 32, 64), 32)
    network(tf.zeros((1, 32, 32, 3)))
    kernel = network.blocks[-1].convolution_1.kernel
    # 3 x 3 x 64 outgoing connections.
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
