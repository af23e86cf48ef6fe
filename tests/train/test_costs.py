"""Costs of a step that can be counted by hand; a continued run adds to its costs."""

import json

import keras
import pytest
import tensorflow as tf

from mgm_tf.method.algorithm import Update
from mgm_tf.method.stages import Stage
from mgm_tf.train import costs, memory
from mgm_tf.train.costs import RunCosts, StepCosts


class OneStep(keras.Model):
    """A model whose training step is the given function of the batch's `x`."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def train_step(self, batch):
        return self.step(batch["x"])


def costs_of(step, *shape) -> StepCosts:
    """Returns the costs of a training step on a batch of this shape."""
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
    # With a and b alive, and at most a few constants of 4 bytes: c is where b was.
    assert 1200 <= memory.peak_bytes(graph) <= 1200 + 16


def test_small_operations_come_first_and_large_ones_wait():
    @tf.function
    def products(x):
        # All four are ready at once. A large one is taken up when no small one is left.
        ones = [tf.concat([x, x], axis=0) for _ in range(4)]  # [20, 10], 800 bytes each
        return tf.add_n([tf.matmul(one, one, transpose_b=True) for one in ones])

    graph = products.get_concrete_function(tf.TensorSpec((10, 10))).graph
    # The input of 400 bytes is gone; products [20, 20] of 1600 bytes replace ones.
    assert 4 * 1600 + 800 <= memory.peak_bytes(graph) <= 4 * 1600 + 800 + 16


def test_what_waits_for_another_is_not_alive_beside_it():
    @tf.function
    def in_turn(x):
        total = tf.zeros(())
        for _ in range(4):
            with tf.control_dependencies([total]):
                total += tf.reduce_sum(tf.concat([x, x], axis=0))  # 800 bytes
        return total

    graph = in_turn.get_concrete_function(tf.TensorSpec((100,))).graph
    assert 400 + 800 <= memory.peak_bytes(graph) <= 400 + 800 + 64


def test_what_is_called_counts_every_time():
    @tf.function
    def layer(x):
        a = tf.concat([x, x], axis=1)  # 4 * 16 numbers, 256 bytes
        return tf.matmul(a, tf.ones((16, 8)))  # 4 * 8 results of 16 terms, 128 bytes

    @tf.function
    def twice(x):
        return layer(layer(x))

    graph = twice.get_concrete_function(tf.TensorSpec((4, 8))).graph
    assert costs.flops(graph) == 2 * (2 * 4 * 8 * 16)
    # The weights are a constant of 512 bytes. In the second call what comes from the
    # first is still there: 128 + 256 + 512 + 128.
    assert 1024 <= memory.peak_bytes(graph) <= 1024 + 16


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
    assert three + 4000 <= memory.peak_bytes(graph) <= three + 2 * 4000 + 100


def test_the_table_for_a_person():
    def row(name, trains):
        return Update(name, lambda n, e: e, lambda n, e: {}, trains)

    stage = Stage("joint", (row("refine", ("refiner", "encoder")),), 32, 7)
    text = costs.table(
        {"encoder": 3 * 2**20, "refiner": 2**20},
        {stage: StepCosts(2_500_000_000, 3 * 2**28, 40_000, 2**26)},
        {"joint": "7steps"},
    )
    lines = [line.split() for line in text.splitlines()]
    assert ["encoder", "3,145,728"] in lines
    assert ["all", "4,194,304"] in lines
    # Memory: 0.75 GiB and 0.0625 GiB of state; on a CPU, 0.7813 GiB of TensorFlow and
    # 40,000 times 25,000 bytes, 0.9313 GiB, besides.
    assert ["joint", "32", "2.5", "0.81", "2.53", "7steps"] in lines
    assert ["refine", "->", "refiner,", "encoder"] in lines


# --- The costs of a run -------------------------------------------------------------


def saved_record(workdir):
    return json.loads((workdir / "costs.json").read_text())


def test_a_stage_has_steps_seconds_and_images_per_second(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.record_steps("multi_task", 10, 2.0, 4)
    run_costs.record_steps("multi_task", 5, 4.0, 4)
    run_costs.record_steps("joint", 3, 1.5, 8)
    run_costs.save()
    record = saved_record(tmp_path)
    assert record == run_costs.record
    # 15 steps of 4 images in 6 seconds, 3 of 8 in 1.5.
    assert record["stages"]["multi_task"] == {
        "steps": 15,
        "seconds": 6.0,
        "batch_size": 4,
        "images_per_second": 10.0,
        "flops_per_step": None,
    }
    assert record["stages"]["joint"]["images_per_second"] == 16
    assert record["wall_seconds"] == 7.5


def test_a_continued_run_adds_to_its_costs(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.record_parameters({"encoder": 7, "decoders": 5})
    run_costs.record_steps("joint", 10, 2.0, 4)
    run_costs.save()
    run_costs.record_steps(
        "joint", 99, 99.0, 4
    )  # the run breaks off before it saves them
    continued = RunCosts(tmp_path)
    continued.record_parameters({"encoder": 7, "decoders": 5})
    continued.record_steps("joint", 10, 3.0, 4)
    continued.save()
    record = saved_record(tmp_path)
    assert record["stages"]["joint"]["steps"] == 20
    assert record["stages"]["joint"]["seconds"] == 5
    assert record["stages"]["joint"]["images_per_second"] == 16
    assert record["wall_seconds"] == 5


def test_prediction_takes_the_encoder_and_the_decoders(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.record_parameters({"encoder": 7, "decoders": 5, "generator": 100})
    run_costs.save()
    record = saved_record(tmp_path)
    assert record["parameters"] == {"encoder": 7, "decoders": 5, "generator": 100}
    assert record["prediction_parameters"] == 12


def graph_of(rows):
    """Returns the graph of [rows, 8] x [8, 16]: rows * 16 results of 8 terms."""
    product = tf.function(lambda x: tf.matmul(x, tf.ones((8, 16))))
    return product.get_concrete_function(tf.TensorSpec((rows, 8))).graph


def test_the_operations_of_a_step_are_counted_once(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.record_flops("joint", None)  # no graph: unknown
    assert run_costs.record["stages"]["joint"]["flops_per_step"] is None
    run_costs.record_flops("joint", graph_of(4))
    assert run_costs.record["stages"]["joint"]["flops_per_step"] == 2 * 4 * 16 * 8
    # Counted once: it takes long, and a stage has one graph.
    run_costs.record_flops("joint", graph_of(400))
    run_costs.record_flops("multi_task", graph_of(2))
    run_costs.save()
    stages = saved_record(tmp_path)["stages"]
    flops = {name: stage["flops_per_step"] for name, stage in stages.items()}
    assert flops == {"joint": 1024, "multi_task": 512}


def test_peak_memory_is_recorded(tmp_path, monkeypatch):
    run_costs = RunCosts(tmp_path)
    run_costs.save()
    # TensorFlow alone takes more than 100 MB.
    assert saved_record(tmp_path)["peak_memory_bytes"] > 10**8
    monkeypatch.setattr(costs, "peak_memory", lambda: 123)
    run_costs.save()
    assert saved_record(tmp_path)["peak_memory_bytes"] == 123


def test_no_time_is_no_error(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.record_steps("joint", 0, 0.0, 4)
    assert run_costs.record["stages"]["joint"]["images_per_second"] == pytest.approx(0)
