"""Statistics of batch normalization at test time: they are those of the weights."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import network_images
from mgm_tf.method import adversarial, algorithm, stages
from mgm_tf.method.train_step import MGM
from mgm_tf.networks.layers.batch_normalization import (
    BatchNormalization,
    recording_moments,
)
from mgm_tf.train import batch_statistics
from mgm_tf.train.batch_statistics import Estimator, TestTime, TestTimeNetworks
from tests import rig, toy


class Pixels:
    """A split of one-pixel images: 128 + 64 x, of which networks see about x / 2."""

    def __init__(self, values):
        self.values = np.asarray(values, np.uint8)

    def __len__(self):
        return len(self.values)

    def batch(self, numbers):
        images = self.values[np.asarray(numbers)][:, None, None, None]
        return {"image": tf.constant(images), "scene": tf.zeros(len(numbers), tf.int32)}


@dataclasses.dataclass(frozen=True)
class PixelReader:
    """Gives the images as they are, and knows no labels."""

    seed: int = 0
    tasks: tuple = ("depth",)
    extra: tuple = ()
    augmentation: str = "flip"
    batch_size: int = 1

    def __call__(self, batch):
        assert (self.tasks, self.extra, self.augmentation) == ((), {}, "none")
        return dataclasses.make_dataclass("Batch", ["images"])(
            tf.cast(batch["image"], tf.float32)
        )


class Normalizing(keras.Model):
    """One layer that normalises; it is called so many times."""

    def __init__(self, calls=1, name="encoder"):
        super().__init__(name=name)
        self.normalize = BatchNormalization()
        self.calls = calls

    def call(self, images, training=False):
        for number in range(self.calls):
            outputs = self.normalize(images + 10.0 * number, training=training)
        return outputs


def network(calls=1):
    encoder = Normalizing(calls)
    encoder(tf.zeros((1, 1, 1, 1)))
    return encoder


def encode(networks, examples):
    return networks.encoder(examples.images)


def estimated(values, encoder, eagerly, images=1024, frozen=()):
    estimator = Estimator(
        {"encoder": encoder}, encode, PixelReader(), images, frozen, eagerly=eagerly
    )
    return estimator(Pixels(values))


@pytest.mark.parametrize("eagerly", [True, False])
def test_they_are_the_moments_of_all_images(eagerly):
    values = np.random.default_rng(0).integers(0, 256, 192)
    encoder = network()
    statistics = estimated(values, encoder, eagerly)
    ((layer, (mean, variance)),) = statistics.items()
    assert layer is encoder.normalize
    # Three batches of 64, pooled: neither the mean of the batches' variances, nor
    # unbiased.
    np.testing.assert_allclose(mean, [values.mean()], rtol=1e-6)
    np.testing.assert_allclose(variance, [values.var()], rtol=1e-5)


def test_a_large_mean_does_not_cancel():
    values = 200 + np.arange(128) % 2
    ((_, (mean, variance)),) = estimated(values, network(), True).items()
    np.testing.assert_allclose(mean, [200.5], rtol=1e-7)
    np.testing.assert_allclose(variance, [0.25], rtol=1e-5)


def test_no_more_images_are_read_than_asked_for():
    values = np.r_[np.zeros(100), 255 * np.ones(100)]
    ((_, (mean, _)),) = estimated(values, network(), True, images=10).items()
    # Ten of them, in the order of the seed: a tenth of 255 each.
    assert float(mean[0]) / 25.5 == pytest.approx(round(float(mean[0]) / 25.5))


def test_a_layer_that_is_called_twice_has_the_moments_of_both():
    ((_, (mean, variance)),) = estimated([1, 3] * 8, network(calls=2), True).items()
    # 1, 3, 11 and 13.
    np.testing.assert_allclose(mean, [7.0], rtol=1e-6)
    np.testing.assert_allclose(variance, [26.0], rtol=1e-5)


def test_a_frozen_network_keeps_its_averages():
    encoder = network()
    assert not estimated([1, 3] * 8, encoder, True, frozen=("encoder",))


def test_averages_are_put_back():
    encoder = network()
    layer = encoder.normalize
    layer.moving_mean.assign([5.0])
    statistics = estimated([1, 3] * 8, encoder, True)
    with pytest.raises(RuntimeError), batch_statistics.in_use(statistics):
        assert float(layer.moving_mean[0]) == 2.0
        assert float(layer.moving_variance[0]) == 1.0
        raise RuntimeError
    assert float(layer.moving_mean[0]) == 5.0
    assert float(layer.moving_variance[0]) == 1.0


def test_recording_is_over_with_its_context():
    encoder = network()
    recorded = {}
    images = tf.constant([1.0, 3.0])[:, None, None, None]
    with recording_moments(recorded):
        by_batch = encoder(images)
    np.testing.assert_allclose(by_batch[:, 0, 0, 0], [-1.0, 1.0], atol=1e-4)
    by_averages = encoder(images)
    np.testing.assert_allclose(by_averages[:, 0, 0, 0], [1.0, 3.0], atol=1e-4)
    assert [len(calls) for calls in recorded.values()] == [1]


def test_a_network_may_normalise_by_its_batch_all_the_same():
    networks = TestTimeNetworks({"encoder": network()}, by_batch=("encoder",))
    outputs = networks.encoder(tf.constant([1.0, 3.0])[:, None, None, None])
    np.testing.assert_allclose(outputs[:, 0, 0, 0], [-1.0, 1.0], atol=1e-4)


# --- The networks of the paper --------------------------------------------------------

IMAGES = 24


class Images:
    """A split of random images, of which the reader needs no more than one batch."""

    info = None

    def __len__(self):
        return IMAGES

    def batch(self, numbers):
        every = np.random.default_rng(3).integers(0, 256, (IMAGES, 64, 64, 3))
        images = tf.constant(every[np.asarray(numbers)], tf.uint8)
        return {"image": images, "scene": tf.zeros(len(numbers), tf.int32)}


def moved_networks():
    """M and R after updates with a large rate, with all their averages advancing."""
    names = ("encoder", "decoders", "refiner")
    networks = toy.tiny_networks(toy.TWO_TASKS, names=names)
    updates = stages.with_moving_statistics(
        algorithm.algorithm_1(toy.method(toy.TWO_TASKS, "none", "peoe", "none")),
        "everywhere",
    )
    optimizers = rig.optimizers_of(networks, updates, rate=0.02)
    model = MGM(networks, updates, toy.reader(toy.TWO_TASKS, ()), optimizers)
    for step in range(3):
        model.train_step(toy.raw_batch(toy.TWO_TASKS, step))
    return networks


def outputs(networks, training):
    images = network_images(Images().batch(np.arange(IMAGES))["image"])
    features = networks["encoder"](images, training=training)
    predictions = networks["decoders"](features, training=training)
    scene = networks["refiner"](predictions, training=training)
    return {**predictions, "scene": scene}


def distance(one, other):
    """The largest mean difference of an output, beside its standard deviation."""
    return max(
        float(np.mean(np.abs(one[key] - other[key])) / np.std(other[key]))
        for key in one
    )


def test_moved_weights_have_fitting_statistics_at_test_time():
    networks = moved_networks()
    in_training = outputs(networks, training=True)
    averages = outputs(networks, training=False)
    reader = dataclasses.replace(toy.reader(toy.TWO_TASKS, ()), seed=5)
    test_time = TestTime(
        networks, Images(), reader, adversarial.Noise(8), images=1024, eagerly=True
    )
    with test_time("now"):
        fitting = outputs(networks, training=False)
    # One batch of them all: the same numbers but for rounding.
    assert distance(fitting, in_training) < 1e-3
    assert distance(averages, in_training) > 0.3
    after = outputs(networks, training=False)
    for key, value in averages.items():
        np.testing.assert_array_equal(after[key], value)


def test_replicas_have_the_statistics_of_one_device():
    def predictions():
        networks = toy.tiny_networks(toy.TWO_TASKS, names=("encoder", "decoders"))
        reader = toy.reader(toy.TWO_TASKS, ())
        test_time = TestTime(
            networks, Images(), reader, adversarial.Noise(8), images=1024, eagerly=True
        )
        test_time.settle()
        images = network_images(Images().batch(np.arange(4))["image"])
        return networks["decoders"](networks["encoder"](images))

    alone = predictions()
    with rig.two_replicas().scope():
        together = predictions()
    for task, value in alone.items():
        np.testing.assert_array_equal(together[task], value)
