"""Costs of a step that can be counted by hand."""

import keras
import tensorflow as tf

from mgm_tf.method.algorithm import Stage, Update
from mgm_tf.train import costs
from mgm_tf.train.costs import StepCosts


class OneStep(keras.Model):
    """A model whose training step is the given function of the batch's `x`."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def train_step(self, batch):
        return self.step(batch["x"])


def costs_of(step, *shape) -> StepCosts:
    return costs.step_costs(OneStep(step), {"x": tf.TensorSpec(shape)})


def test_a_matrix_product_is_a_multiplication_and_an_addition_a_term():
    # [4, 8] x [8, 16]: 4 * 16 results of 8 terms.
    step = costs_of(lambda x: tf.matmul(x, tf.ones((8, 16))), 4, 8)
    assert step.flops == 2 * 4 * 16 * 8


def test_operations_of_any_graph():
    @tf.function
    def product(x):
        return tf.matmul(x, tf.ones((8, 16))) + 1.0

    graph = product.get_concrete_function(tf.TensorSpec((4, 8))).graph
    # The product as above, and an addition to each of 4 * 16 numbers.
    assert costs.flops(graph) == 2 * 4 * 16 * 8 + 4 * 16


def test_a_convolution_and_its_gradients():
    kernel = tf.ones((3, 3, 3, 5))

    def forward(x):
        return tf.nn.conv2d(x, kernel, 2, "SAME")

    def with_gradients(x):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = forward(x)
        return tape.gradient(y, [x, kernel])

    # [2, 8, 8, 3] -> [2, 4, 4, 5]: each result has 3 * 3 * 3 terms. Of the gradients
    # each has as many as the convolution.
    once = 2 * (2 * 4 * 4 * 5) * (3 * 3 * 3)
    assert costs_of(forward, 2, 8, 8, 3).flops == once
    assert costs_of(with_gradients, 2, 8, 8, 3).flops == 3 * once


def test_peak_memory_is_that_of_results_still_needed():
    @tf.function
    def chain(x):
        a = tf.nn.relu(x)  # 400 bytes
        b = tf.concat([a, a], axis=0)  # 800 bytes
        c = tf.nn.relu(b)  # 800 bytes; a is not needed any more
        return tf.reduce_sum(c)

    graph = chain.get_concrete_function(tf.TensorSpec((100,))).graph
    # With b and c (800 each) alive, and at most a few constants of 4 bytes.
    assert 1600 <= costs.peak_bytes(graph) <= 1600 + 16


def test_what_the_backward_pass_needs_stays():
    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(3):
                y = tf.sigmoid(y)  # its gradient needs its result
        return tape.gradient(y, x)

    graph = gradient.get_concrete_function(tf.TensorSpec((1000,))).graph
    # Forward: three results of 4000 bytes and the input, of which the first only is no
    # longer needed. Backward: ones come in, gradients pass through.
    three = 3 * 4000
    assert three + 4000 <= costs.peak_bytes(graph) <= three + 2 * 4000 + 100


def test_the_table_for_a_person():
    def row(name, trains):
        return Update(name, lambda n, e: e, lambda n, e: {}, trains)

    stage = Stage("joint", (row("refine", ("refiner", "encoder")),), 32, 7)
    text = costs.table(
        {"encoder": 3 * 2**20, "refiner": 2**20},
        {stage: StepCosts(flops=2_500_000_000, activation_bytes=3 * 2**28)},
        {"joint": "7steps"},
    )
    lines = [line.split() for line in text.splitlines()]
    assert ["encoder", "3,145,728"] in lines
    assert ["all", "4,194,304"] in lines
    # Memory: 0.75 GiB and 16 bytes for each of 4 Mi weights, 0.0625 GiB.
    assert ["joint", "32", "2.5", "0.81", "7steps"] in lines
    assert ["refine", "->", "refiner,", "encoder"] in lines
