"""Shared passes: what sequential ones compute, computed once."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method import adversarial, train_step
from mgm_tf.method.algorithm import algorithm_1
from mgm_tf.method.passes import PASSES, Forward
from mgm_tf.method.stages import with_moving_statistics
from mgm_tf.method.train_step import MGM
from tests import rig, toy
from tests.toy_networks import Z_DIM, small_networks

METHOD = toy.method(toy.ALL_TASKS, latent_size=Z_DIM)
OF_WEAK_IMAGES = toy.method(toy.ALL_TASKS, latent_size=Z_DIM, gan_images="weak")


class Note(keras.optimizers.SGD):
    """Notes the gradients, and moves nothing."""

    def __init__(self, rate):
        super().__init__(rate)
        self.noted = []

    def apply(self, grads, trainable_variables=None, *, scale=None, factor=1.0):
        self.noted.append([gradient.numpy() for gradient in grads])


@pytest.fixture(scope="module")
def alone():
    return rig.Rig(tf.distribute.get_strategy(), toy.ALL_TASKS, small_networks)


@pytest.fixture
def held_still(monkeypatch):
    """No noise in z, which each update draws for itself, and no power iteration."""
    monkeypatch.setattr(adversarial, "_noise", lambda examples, size: 0.0)
    monkeypatch.setattr(train_step, "advance_power_iterations", lambda network: None)


def updates_of(passes, rows=slice(None), method=METHOD):
    updates = algorithm_1(method)[rows]
    return with_moving_statistics(updates, "home", passes=passes)


def step(alone, passes, optimizer=Note, rows=slice(None), method=METHOD):
    """Takes a step: its terms, its optimizers by network."""
    alone.reset()
    updates = updates_of(passes, rows, method)
    optimizers = rig.optimizers_of(alone.networks, updates, optimizer)
    reader = toy.reader(toy.ALL_TASKS)
    model = MGM(alone.networks, updates, reader, optimizers, passes=passes)
    terms = model.train_step(toy.raw_batch(toy.ALL_TASKS))
    by_network = {name: optimizer for (_, name), optimizer in optimizers.items()}
    return {name: float(value) for name, value in terms.items()}, by_network


def test_shared_passes_give_the_losses_and_gradients_of_sequential_ones(
    alone, held_still
):
    terms, optimizers = step(alone, "sequential")
    averages = moving_averages(alone)
    shared_terms, shared = step(alone, "shared")
    # The same operations in the same order, whatever has passed before.
    assert shared_terms == terms
    assert len(terms) > 10 and all(np.isfinite(list(terms.values())))
    for name, optimizer in optimizers.items():
        noted = shared[name].noted
        # Two of D and G each; E's of the refinement, of real and of weak images, ...
        assert len(optimizer.noted) == len(noted) == UPDATES_OF[name]
        for one, other in zip(optimizer.noted, noted, strict=True):
            assert max(np.abs(gradient).max() for gradient in one) > 0
            for gradient, same in zip(one, other, strict=True):
                np.testing.assert_array_equal(gradient, same)
    # Every moving average advances once, by the same pass.
    for (weight, value), other in zip(
        averages.items(), moving_averages(alone).values(), strict=True
    ):
        np.testing.assert_array_equal(value, other, err_msg=str(weight))


UPDATES_OF = {
    "encoder": 7,
    "decoders": 1,
    "refiner": 1,
    "projector": 1,
    "embedding": 2,
    "generator": 2,
    "discriminator": 2,
}


def moving_averages(alone):
    return {
        weight: variable.numpy()
        for weight, variable in alone.weights.items()
        if weight.kind == "moving"
    }


# x, its two views, x~, the views of x~; besides, in sequence, x for R, for both
# players of two pairs, and to synthesize x~. Where a GAN learns of weak images too, x~
# is none of the images that it has learned of, and its z needs E(x).
@pytest.mark.parametrize(
    ("passes", "method", "of_encoder", "of_generator"),
    [
        ("sequential", METHOD, 10, 5),
        ("shared", METHOD, 4, 2),
        ("sequential", OF_WEAK_IMAGES, 10, 5),
        ("shared", OF_WEAK_IMAGES, 6, 3),
    ],
    ids=["sequential", "shared", "sequential-weak", "shared-weak"],
)
def test_a_step_passes_the_networks_so_often(
    alone, monkeypatch, passes, method, of_encoder, of_generator
):
    counts = collections.Counter()

    def count(name, network):
        call = network.call

        def counted(*inputs, **options):
            counts[name] += 1
            return call(*inputs, **options)

        monkeypatch.setattr(network, "call", counted)

    for name in ("encoder", "generator", "discriminator"):
        count(name, alone.networks[name])
    step(alone, passes, method=method)
    assert counts == {
        "encoder": of_encoder,
        "generator": of_generator,
        # Of each pair: real and synthesized images for D, synthesized ones for G.
        "discriminator": 6,
    }


def test_a_shared_pass_is_of_the_weights_before_the_step(alone):
    """Plain descent: E goes down both gradients as they were at first."""
    both, tasks, scene = (
        encoder_after(alone, "shared", rows)
        for rows in (slice(0, 2), slice(0, 1), slice(1, 2))
    )
    start = encoder_start(alone)
    for moved, one, other, value in zip(both, tasks, scene, start, strict=True):
        np.testing.assert_allclose(
            moved - value, (one - value) + (other - value), rtol=1e-4, atol=1e-7
        )
    in_sequence = encoder_after(alone, "sequential", slice(0, 2))
    assert max(np.abs(a - b).max() for a, b in zip(both, in_sequence, strict=True)) > (
        1e-4
    )


def encoder_start(alone):
    alone.reset()
    return [w.numpy() for w in alone.networks["encoder"].trainable_variables]


def encoder_after(alone, passes, rows):
    step(alone, passes, lambda rate: rig.Descent(0.5), rows)
    return [w.numpy() for w in alone.networks["encoder"].trainable_variables]


def test_both_kinds_are_run():
    assert set(PASSES) == {"sequential", "shared"}


def test_compiled_passes_are_those_of_the_networks(alone):
    """XLA compiles a network's pass once, gradients and moving averages included."""
    images = tf.random.stateless_normal((4, toy.SIZE, toy.SIZE, 3), (0, 1))
    weight = alone.networks["encoder"].convolution.kernel
    found, compiled = [], {}
    for functions in (None, compiled, compiled):
        alone.reset()
        forward = Forward(alone.networks, ("encoder",), (), functions)
        with tf.GradientTape() as tape:
            features = forward.encoder(images)
            loss = tf.reduce_sum(features**3)
        gradient = tape.gradient(loss, weight.value)
        averages = [
            v.numpy() for v in alone.networks["encoder"].non_trainable_variables
        ]
        found.append([features.numpy(), gradient.numpy(), *averages])
    alone.reset()
    (function,) = compiled.values()
    assert function.experimental_get_tracing_count() == 1
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
