import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import parameter_counts
from mgm_tf.networks.decoders import DECODERS, Decoders, Reconstructor


def parameters(decoder, size):
    network = Decoders({"task": decoder})
    network(tf.zeros((1, size, size, 360)))
    return parameter_counts({"network": network})["network"]


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, 1_349_153), (40, 1_360_424), (3, 1_349_731)]
)
def test_parameters_of_taskgrouping_from_stride_32(channels, expected):
    assert parameters(DECODERS["taskgrouping"](channels, 32), 1) == expected


def test_parameters_of_taskgrouping_from_stride_16():
    # The stage of 48 is left out, with its transposed convolution 64 -> 48, its
    # convolution and two normalisations; the last stage comes from 64, not from 48.
    stage = (4 * 64 * 48 + 48) + (9 * 48 * 48 + 48) + 2 * 2 * 48
    expected = 1_349_153 - stage + 4 * (64 - 48) * 32
    assert parameters(DECODERS["taskgrouping"](1, 16), 1) == expected


def test_parameters_of_taskonomy():
    assert parameters(DECODERS["taskonomy"](1, 16), 1) == 19_697_041


@pytest.mark.parametrize("decoder", DECODERS)
def test_predictions_have_the_size_of_the_image(decoder):
    channels = {"segmentation": 40, "depth": 1, "normals": 3}
    network = Decoders(
        {task: DECODERS[decoder](number, 16, 0.03) for task, number in channels.items()}
    )
    predictions = network(tf.zeros((2, 8, 8, 5)))
    assert {task: tuple(value.shape) for task, value in predictions.items()} == {
        task: (2, 128, 128, number) for task, number in channels.items()
    }


def test_taskgrouping_doubles_five_times_from_stride_32():
    network = Decoders({"depth": DECODERS["taskgrouping"](1, 32, 0.03)})
    assert network(tf.zeros((1, 4, 4, 5)))["depth"].shape == (1, 128, 128, 1)


def test_taskonomy_is_refused_from_stride_32():
    with pytest.raises(ValueError, match="output stride 16, got 32"):
        DECODERS["taskonomy"](1, 32)


def test_predictions_are_not_bounded():
    decoder = DECODERS["taskgrouping"](1, 16, 0.03)
    network = Decoders({"depth": decoder})
    features = tf.random.stateless_normal((1, 4, 4, 5), (0, 1))
    network(features)
    decoder.prediction.bias.assign([9.0])
    # Metres of depth.
    assert float(tf.reduce_max(network(features)["depth"])) > 8.0


def two_decoders():
    make = DECODERS["taskgrouping"]
    return Decoders({"depth": make(1, 16, 0.03), "normals": make(3, 16, 0.03)})


def test_each_task_may_have_features_of_its_own():
    network = two_decoders()
    one, other = (
        tf.random.stateless_normal((2, 4, 4, 5), (0, seed)) for seed in (1, 2)
    )
    # In any order, beside others that no decoder is for.
    found = network({"normals": other, "depth": one, "edges": None})
    assert list(found) == ["depth", "normals"]
    np.testing.assert_array_equal(found["depth"], network(one)["depth"])
    np.testing.assert_array_equal(found["normals"], network(other)["normals"])
    assert not np.allclose(found["depth"], network(other)["depth"], atol=1e-4)


@pytest.mark.parametrize("decoder", DECODERS)
def test_images_are_made_again_in_their_size(decoder):
    network = Reconstructor(DECODERS[decoder](3, 16, 0.03), name="reconstructor")
    made = network(tf.zeros((2, 8, 8, 5), tf.bfloat16))
    assert made.shape == (2, 128, 128, 3) and made.dtype == tf.float32
    assert network.name == "reconstructor"


def test_what_is_made_again_is_what_the_decoder_says():
    decoder = DECODERS["taskgrouping"](3, 16, 0.03)
    network = Reconstructor(decoder)
    features = tf.random.stateless_normal((2, 4, 4, 5), (0, 1))
    for training in (False, True):
        np.testing.assert_array_equal(
            network(features, training=training), decoder(features, training=training)
        )
