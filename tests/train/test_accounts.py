"""What a run costs, and that a run that goes on adds to it."""

import json

import pytest
import tensorflow as tf

from mgm_tf.train import accounts
from mgm_tf.train.accounts import RunCosts


def kept(workdir):
    return json.loads((workdir / "costs.json").read_text())


def test_stages_have_steps_seconds_and_images_a_second(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.spent("multi_task", 10, 2.0, 4)
    run_costs.spent("multi_task", 5, 4.0, 4)
    run_costs.spent("joint", 3, 1.5, 8)
    run_costs.save()
    record = kept(tmp_path)
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


def test_a_run_that_goes_on_adds_to_its_account(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.networks({"encoder": 7, "decoders": 5})
    run_costs.spent("joint", 10, 2.0, 4)
    run_costs.save()
    run_costs.spent("joint", 99, 99.0, 4)  # and then it broke off, unsaved
    again = RunCosts(tmp_path)
    again.networks({"encoder": 7, "decoders": 5})
    again.spent("joint", 10, 3.0, 4)
    again.save()
    record = kept(tmp_path)
    assert record["stages"]["joint"]["steps"] == 20
    assert record["stages"]["joint"]["seconds"] == 5
    assert record["stages"]["joint"]["images_per_second"] == 16
    assert record["wall_seconds"] == 5


def test_predicting_takes_the_encoder_and_the_decoders(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.networks({"encoder": 7, "decoders": 5, "generator": 100})
    run_costs.save()
    record = kept(tmp_path)
    assert record["parameters"] == {"encoder": 7, "decoders": 5, "generator": 100}
    assert record["prediction_parameters"] == 12


def graph_of(rows):
    """A matrix product [rows, 8] x [8, 16]: rows * 16 results of 8 terms."""
    product = tf.function(lambda x: tf.matmul(x, tf.ones((8, 16))))
    return product.get_concrete_function(tf.TensorSpec((rows, 8))).graph


def test_the_operations_of_a_step_are_read_off_its_graph(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.step_of("joint", None)  # no graph was made: not known
    assert run_costs.record["stages"]["joint"]["flops_per_step"] is None
    run_costs.step_of("joint", graph_of(4))
    assert run_costs.record["stages"]["joint"]["flops_per_step"] == 2 * 4 * 16 * 8
    # Counted once: it takes long, and a stage has one graph.
    run_costs.step_of("joint", graph_of(400))
    run_costs.step_of("multi_task", graph_of(2))
    run_costs.save()
    counted = {
        name: stage["flops_per_step"]
        for name, stage in kept(tmp_path)["stages"].items()
    }
    assert counted == {"joint": 1024, "multi_task": 512}


def test_peak_memory_is_noted(tmp_path, monkeypatch):
    run_costs = RunCosts(tmp_path)
    run_costs.save()
    # TensorFlow alone takes more than 100 MB.
    assert kept(tmp_path)["peak_memory_bytes"] > 10**8
    monkeypatch.setattr(accounts, "peak_memory", lambda: 123)
    run_costs.save()
    assert kept(tmp_path)["peak_memory_bytes"] == 123


def test_no_time_is_no_error(tmp_path):
    run_costs = RunCosts(tmp_path)
    run_costs.spent("joint", 0, 0.0, 4)
    assert run_costs.record["stages"]["joint"]["images_per_second"] == pytest.approx(0)
