"""What networks compute in: which quantity has which dtype, and what that changes."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.algorithm import algorithm_1
from mgm_tf.method.loss_scaling import LossScale
from mgm_tf.method.passes import Forward
from mgm_tf.method.train_step import MGM
from mgm_tf.networks.decoders import Decoders, taskgrouping
from mgm_tf.networks.layers.base import CompositeLayer, CompositeModel
from mgm_tf.networks.layers.batch_normalization import (
    BatchNormalization,
    recording_moments,
)
from mgm_tf.networks.layers.precision import computing_in, full
from mgm_tf.networks.layers.recomputation import recomputing
from mgm_tf.networks.layers.resampling import global_average
from mgm_tf.networks.layers.spectral_normalization import SpectralConvolution
from mgm_tf.train.optimizers import Adam
from tests import rig, toy
from tests.toy_networks import Z_DIM, small_networks

BUILT = ("refiner", "projector", "embedding", "generator", "discriminator")
# Which layers of the real networks compute in float32 all the same: kind -> number.
IN_FULL = {
    "encoder": {},
    "decoders": {"Convolution": 2},  # the predictions of two tasks
    "refiner": {"Dense": 2},
    "projector": {"Dense": 2},
    "embedding": {"SpectralDense": 1},
    "generator": {},
    "discriminator": {"SpectralDense": 1, "SpectralEmbedding": 1},
}
METHOD = toy.method(toy.TWO_TASKS, latent_size=Z_DIM, task_weighting="uncertainty")
UPDATES = algorithm_1(METHOD)


@pytest.fixture(scope="module")
def real():
    """The real networks in bfloat16."""
    with computing_in("bfloat16"):
        return toy.tiny_networks(toy.TWO_TASKS, names=BUILT)


def small(precision):
    with computing_in(precision):
        return small_networks(toy.TWO_TASKS)


@pytest.fixture(scope="module")
def halved():
    return small("bfloat16")


class Note(keras.optimizers.SGD):
    """Notes the gradients, and moves nothing."""

    def __init__(self, rate):
        super().__init__(rate)
        self.noted = []

    def apply(self, grads, trainable_variables=None, *, scale=None, factor=1.0):
        self.noted += grads


def step(networks, updates=UPDATES, make=Note, scales=None):
    """Takes a step; returns its terms and its optimizers by network."""
    optimizers = rig.optimizers_of(networks, updates, make)
    reader = toy.reader(toy.TWO_TASKS)
    model = MGM(networks, updates, reader, optimizers, loss_scales=scales)
    terms = model.train_step(toy.raw_batch(toy.TWO_TASKS))
    return terms, {name: each for (_, name), each in optimizers.items()}


# --- Which dtype each quantity has ----------------------------------------------------


@pytest.mark.parametrize("name", IN_FULL)
def test_only_what_few_bits_would_spoil_is_in_full(real, name):
    kinds = collections.defaultdict(collections.Counter)
    for layer in real[name]._flatten_layers():
        # What has no weights of its own, or works in the dtype of its inputs.
        passes_on = (CompositeLayer, CompositeModel, BatchNormalization)
        if not isinstance(layer, passes_on):
            kinds[layer.compute_dtype][type(layer).__name__] += 1
    assert kinds.pop("float32", {}) == IN_FULL[name]
    assert set(kinds) <= {"bfloat16"}
    # The two heads have no other layers.
    assert bool(kinds) == (name not in ("projector", "embedding"))


def test_weights_and_what_is_kept_with_them_are_float32(real):
    for network in real.values():
        assert {variable.dtype for variable in network.variables} == {"float32"}
        adam = Adam(1e-3)
        adam.build(network.trainable_variables)
        kept = {v.dtype for v in adam.variables if v is not adam.iterations}
        assert kept == {"float32"}


def test_layers_hand_on_half_the_bits_and_networks_all(real):
    images = tf.zeros((2, toy.SIZE, toy.SIZE, 3))
    condition, z = tf.one_hot([0, 1], 3), tf.zeros((2, toy.Z_DIM))
    encoder, generator = real["encoder"], real["generator"]
    assert encoder.stem(images).dtype == tf.bfloat16
    assert encoder.normalize(encoder.stem(images)).dtype == tf.bfloat16
    assert generator.start(z).dtype == tf.bfloat16
    features = encoder(images)
    predictions = real["decoders"](features)
    handed_on = [
        features,
        predictions,
        real["refiner"](predictions),
        real["projector"](features),
        real["embedding"](features),
        generator(z, condition),
        real["discriminator"](images, condition),
    ]
    assert {t.dtype for t in tf.nest.flatten(handed_on)} == {tf.float32}
    # Sums and means over an image too, and D's judgement of them.
    judge = real["discriminator"].logit
    assert judge(tf.zeros((2, judge.kernel.shape[0]))).dtype == tf.float32


def test_losses_gradients_and_statistics_are_float32(halved, monkeypatch):
    softmax, seen = tf.nn.softmax, []
    monkeypatch.setattr(
        tf.nn, "softmax", lambda values: seen.append(values.dtype) or softmax(values)
    )
    recorded = {}
    with recording_moments(recorded):
        _, optimizers = step(halved)
    moments = [m for each in recorded.values() for m in each]
    assert {v.dtype for m in moments for v in (m.mean, m.variance)} == {tf.float32}
    # One of E, the decoders, R, the embedding and D, two of G.
    assert len(recorded) == 7 and set(seen) == {tf.float32}
    gradients = [g for each in optimizers.values() for g in each.noted]
    assert {gradient.dtype for gradient in gradients} == {tf.float32}
    examples = toy.reader(toy.TWO_TASKS)(toy.raw_batch(toy.TWO_TASKS))
    for update in UPDATES[:5]:
        terms = update.loss(Forward(halved, ()), examples)
        assert {term.dtype for term in terms.values()} == {tf.float32}


def test_the_spectral_norm_is_float32_and_the_kernel_half():
    with computing_in("bfloat16"):
        layer = SpectralConvolution(4)
    layer.build((None, 8, 8, 3))
    assert layer.sigma().dtype == layer.u.dtype == layer.v.dtype == tf.float32
    assert layer.normalized_kernel().dtype == tf.bfloat16


# --- What it changes ------------------------------------------------------------------


def test_a_step_in_bfloat16_is_near_one_in_float32(halved):
    exact = small("float32")
    # Off the corner of the hinge, where a rounding decides whether an image counts.
    exact["discriminator"].logit.bias.assign([0.0])
    for one, other in zip(exact.values(), halved.values(), strict=True):
        other.set_weights(one.get_weights())
    terms, optimizers = step(exact)
    half_terms, half_optimizers = step(halved)
    for name, value in terms.items():
        # bfloat16 keeps 8 bits: a rounding is of 1/512 at most, and there are many.
        assert float(half_terms[name]) == pytest.approx(float(value), rel=0.02), name
    for name, optimizer in optimizers.items():
        one, other = (
            np.concatenate([np.ravel(gradient) for gradient in each.noted])
            for each in (optimizer, half_optimizers[name])
        )
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        # The least of D: its gradient is a small difference, of real and synthesized.
        assert cosine > 0.97, name
    assert any(half_terms[name] != terms[name] for name in terms)
    # Another precision, not another seed: u and v have gone the same way, bit for bit.
    for name in ("generator", "discriminator", "embedding"):
        u = [v for v in exact[name].variables if v.name in ("u", "v")]
        half_u = [v for v in halved[name].variables if v.name in ("u", "v")]
        for one, other in zip(u, half_u, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
            assert one.numpy().any()


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_statistics_are_those_of_float32(dtype):
    # Far from 0, where a sum in few bits would lose what is added to it.
    values = 300 + tf.random.stateless_normal((4, 16, 16, 3), (0, 1), stddev=4.0)
    halves = tf.cast(values, dtype)
    with computing_in("bfloat16"):
        layer = BatchNormalization()
    recorded = {}
    with recording_moments(recorded):
        outputs = layer(halves)
    (moments,) = recorded[layer]
    exact = np.asarray(halves, np.float64).reshape(-1, 3)
    np.testing.assert_allclose(moments.mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, exact.var(0), rtol=1e-4)
    assert outputs.dtype == dtype


def test_a_mean_over_an_image_is_not_rounded_on_the_way():
    # 1 + 1/128 has 8 bits; the mean of 63 such and one 1 has not.
    values = np.full((1, 8, 8, 1), 1 + 1 / 128, np.float32)
    values[0, 0, 0] = 1
    assert float(full(tf.constant(values, tf.bfloat16))[0, 1, 1, 0]) == 1 + 1 / 128
    mean = global_average(tf.cast(values, tf.bfloat16))
    assert float(mean[0, 0]) == pytest.approx(1 + 63 / 64 / 128, rel=1e-7)


def test_what_is_computed_again_is_computed_alike():
    with computing_in("bfloat16"):
        decoders = Decoders({"depth": taskgrouping(1, 16, 1 / 16)})
    features = tf.random.stateless_normal((2, 4, 4, 6), (0, 1))
    decoders(features)
    weights = [variable.value for variable in decoders.trainable_variables]
    found = []
    for recompute in (False, True):
        with recomputing(recompute), tf.GradientTape() as tape:
            loss = tf.reduce_sum(decoders(features, training=True)["depth"] ** 2)
        found.append(tape.gradient(loss, weights))
    for one, again in zip(*found, strict=True):
        # Weights of the prediction in 8 bits would be seen in the third digit.
        np.testing.assert_allclose(again, one, rtol=1e-5, atol=1e-5)


def test_full_changes_nothing_that_has_as_many_bits():
    for dtype in (tf.float32, tf.float64, tf.int32):
        value = tf.zeros([2], dtype)
        assert full(value) is value


def test_the_policy_is_put_back():
    before = keras.config.dtype_policy().name
    with pytest.raises(ArithmeticError), computing_in("float16"):
        assert keras.config.dtype_policy().name == "mixed_float16"
        raise ArithmeticError
    assert keras.config.dtype_policy().name == before == "float32"


def test_an_overflow_in_float16_leaves_the_networks_as_they_were():
    networks = small("float16")
    updates = UPDATES[:1]
    scale = LossScale()

    def moved(factor):
        scale.factor.assign(factor)
        start = [v.numpy() for v in networks["encoder"].trainable_variables]
        terms, optimizers = step(networks, updates, Adam, {updates[0].name: scale})
        assert np.all(np.isfinite([float(term) for term in terms.values()]))
        after = [v.numpy() for v in networks["encoder"].trainable_variables]
        iterations = {int(adam.iterations) for adam in optimizers.values()}
        return any(map(np.any, map(np.subtract, after, start))), iterations

    assert moved(2.0**24) == (False, {0})
    assert float(scale.factor) == 2.0**23
    assert moved(2.0**4) == (True, {1})
    assert float(scale.factor) == 2.0**4
