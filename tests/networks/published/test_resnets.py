"""Published ResNets, held to torchvision's own forward pass.

`tests/golden/torchvision_resnets.npz` was made with torchvision 0.29 (PyTorch 2.13),
and timm 1.0.31 gave the same to the last digit (`output_stride=16` for `dilated`):

    network = torchvision.models.resnet18(weights=None).eval()
    names = [n for n in network.state_dict()
             if not n.startswith("fc.") and not n.endswith("num_batches_tracked")]
    network.load_state_dict(random_weights(names, shapes), strict=False)
    pixels = (image / 255 - (.485, .456, .406)) / (.229, .224, .225)
    strided = features(network, pixels)     # layer4's output
    for name, layer in network.layer4.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.stride = 1, 1
            if layer.kernel_size == (3, 3) and name != "0.conv1":
                layer.dilation = layer.padding = 2, 2
    dilated = features(network, pixels)

Its names and shapes are torchvision's; `random_weights` below makes the weights.
"""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.encoders import ENCODER_WIDTHS, ENCODERS, FORMS
from mgm_tf.networks.published import resnets

STANDARD = ENCODER_WIDTHS["standard"]


def random_weights(names, shapes):
    random = np.random.RandomState(0)  # whose stream is fixed for good
    weights = {}
    for name, text in zip(names, shapes, strict=True):
        shape = tuple(int(size) for size in text.split(","))
        uniform = random.random_sample(shape)
        if len(shape) == 4:
            filters, _, height, width = shape
            value = (2 * uniform - 1) * np.sqrt(6 / (filters * height * width))
        elif name.endswith("weight"):
            value = 0.3 + 0.5 * uniform
        elif name.endswith("running_var"):
            value = 0.5 + uniform
        else:
            value = 0.4 * (uniform - 0.5)
        weights[str(name)] = value.astype(np.float32)
    return weights


def built(encoder="resnet18", stride=16, widths=STANDARD, stem=64):
    network = ENCODERS[encoder](widths, stem, stride, FORMS["imagenet"])
    network(tf.zeros((1, 32, 32, 3)))
    return network


@pytest.mark.parametrize("encoder", ["resnet18", "resnet34"])
def test_features_are_those_of_torchvision(golden, encoder):
    values = golden("torchvision_resnets")
    weights = random_weights(values[f"{encoder}/names"], values[f"{encoder}/shapes"])
    # As networks see images.
    images = tf.constant(values["image"] / np.float32(127.5) - 1)
    for form, stride in {"strided": 32, "dilated": 16}.items():
        network = built(encoder, stride)
        resnets.load(network, weights, "file")
        features = network(images).numpy().transpose(0, 3, 1, 2)
        expected = values[f"{encoder}/{form}_nchw"]
        assert features.shape == expected.shape
        np.testing.assert_allclose(features, expected, atol=2e-5)


def test_every_second_place_of_dilated_features_is_the_strided_one(golden):
    values = golden("torchvision_resnets")
    dilated = values["resnet18/dilated_nchw"]
    strided = values["resnet18/strided_nchw"]
    np.testing.assert_allclose(dilated[..., ::2, ::2], strided, atol=2e-5)
    assert np.std(strided) > 0.1  # so that 2e-5 says something


def test_dilated_convolutions_learn():
    network = built(widths=(2, 2, 2, 2), stem=2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(
            network(tf.random.stateless_normal((2, 64, 64, 3), (0, 1)))
        )
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(tf.reduce_any(gradient != 0) for gradient in gradients)


@pytest.fixture(scope="module")
def small():
    """A narrow ResNet-10 and weights of its shapes, by torchvision's names."""
    network = built("resnet10", widths=(2, 3, 4, 5), stem=2)
    weights = {}
    for kernel, convolution, normalize, layer in resnets.layers_of(network):
        shape = tuple(convolution.kernel.shape)
        weights[f"{kernel}.weight"] = np.ones(np.take(shape, (3, 2, 0, 1)), np.float16)
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{normalize}.{name}"] = np.ones(layer.gamma.shape, np.float64)
    return network, weights


def test_a_classifier_and_counters_are_left_out(small):
    network, weights = small
    others = {"fc.weight": np.ones((10, 5)), "bn1.num_batches_tracked": np.array(3)}
    resnets.load(network, weights | others, "file")
    assert all(np.all(weight == 1) for weight in network.get_weights())


def test_what_does_not_match_is_named_and_nothing_is_loaded(small):
    network, weights = small
    before = [np.full_like(weight, 0.5) for weight in network.get_weights()]
    network.set_weights(before)
    wrong = {name: value for name, value in weights.items() if name != "bn1.bias"}
    wrong["layer1.1.conv1.weight"] = weights["layer1.0.conv1.weight"]
    wrong["conv1.weight"] = np.ones((2, 1, 7, 7))
    wrong["layer2.0.bn1.weight"] = np.array([1, np.nan, 1])
    with pytest.raises(ValueError) as error:
        resnets.load(network, wrong, "weights.pth")
    assert str(error.value) == (
        "weights.pth: expected a ResNet of 4 basic blocks by torchvision's names "
        "(shapes as [k, k, C, filters]): missing are bn1.bias; not expected are "
        "layer1.1.conv1.weight; conv1.weight is (7, 7, 1, 2), not (7, 7, 3, 2); "
        "not finite are layer2.0.bn1.weight."
    )
    assert all(np.all(weight == 0.5) for weight in network.get_weights())


def test_long_lists_are_cut(small):
    network, _ = small
    with pytest.raises(ValueError, match=r"missing are conv1.weight, .* and 52 more"):
        resnets.load(network, {}, "file")
