"""What is computed again gives the gradients of what was kept, and leaves no trace."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.algorithm import algorithm_1
from mgm_tf.method.stages import with_moving_statistics
from mgm_tf.networks.encoders import BasicBlock
from mgm_tf.networks.layers.convolution import Convolution
from mgm_tf.networks.layers.recomputation import Block, recomputing
from mgm_tf.train import memory
from tests import rig, toy

TASKS = ("depth",)
METHOD = toy.method(TASKS, generator_updates=1)


@pytest.fixture(scope="module")
def alone():
    return rig.Rig(tf.distribute.get_strategy(), TASKS, toy.tiny_networks)


@pytest.mark.parametrize("passes", ["sequential", "shared"])
def test_a_step_is_the_same(alone, passes):
    """In shared passes, some gradients are asked for when weights have moved."""
    updates = with_moving_statistics(algorithm_1(METHOD), "home", passes=passes)
    kept, losses = rig.step_of(alone, TASKS, updates, passes=passes)
    again, same = rig.step_of(alone, TASKS, updates, passes=passes, remat=True)
    assert same == pytest.approx(losses, rel=1e-5) and len(losses) > 6
    counts = collections.Counter()
    for weight, change in kept.items():
        size = np.abs(change).max()
        counts[weight.kind] += size > 0
        np.testing.assert_allclose(
            again[weight], change, atol=1e-3 * size + 1e-7, err_msg=str(weight)
        )
    # Averages and spectral vectors advance once, not once more for each gradient.
    assert counts["trainable"] > 100 and counts["moving"] > 20
    assert counts["spectral"] > 20


class Squared(Block):
    """A convolution 1x1 with weight w, squared."""

    calls = 0

    def __init__(self):
        super().__init__()
        self.convolution = Convolution(1, 1)

    def call(self, inputs):
        Squared.calls += 1
        return tf.square(self.convolution(inputs))


def test_by_hand_with_a_weight_that_moves():
    """(wx)^2 has the gradient 2 w x^2 = 12 at w = 3, x = sqrt 2, wherever w is now."""
    block, inputs = Squared(), tf.fill((1, 1, 1, 1), 2.0**0.5)
    block(inputs)
    weight = block.convolution.kernel
    weight.assign(tf.fill((1, 1, 1, 1), 3.0))

    @tf.function
    def slopes():
        with recomputing(True), tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            outputs = block(inputs)
        weight.assign(tf.fill((1, 1, 1, 1), 5.0))
        found = outputs, *tape.gradient(outputs, [weight.value, inputs])
        return tf.nest.map_structure(tf.squeeze, found)

    Squared.calls = 0
    outputs, by_weight, by_inputs = slopes()
    assert Squared.calls == 2
    assert float(outputs) == pytest.approx(18)
    assert float(by_weight) == pytest.approx(12)
    # 2 w^2 x.
    assert float(by_inputs) == pytest.approx(18 * 2**0.5)


def test_less_is_kept():
    """Of a block of four tensors one is kept; a block at a time has the rest."""
    blocks = [BasicBlock(4, 1, project=False) for _ in range(8)]
    inputs = tf.zeros((1, 32, 32, 4))
    for block in blocks:
        block(inputs)

    def peak(recompute):
        @tf.function
        def gradients(images):
            with recomputing(recompute), tf.GradientTape() as tape:
                tape.watch(images)
                hidden = images
                for block in blocks:
                    hidden = block(hidden, training=True)
            return tape.gradient(hidden, images)

        return memory.peak_bytes(gradients.get_concrete_function(inputs).graph)

    size = 32 * 32 * 4 * 4
    assert peak(False) > 24 * size and peak(True) < 18 * size
