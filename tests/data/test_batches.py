"""Batches: their order is a function of (seed, step), whatever keeps the examples."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.batches import Batches, Part, batch_spec, example_order, in_order
from mgm_tf.data.splits import Split
from mgm_tf.train import devices
from tests import fake_dataset
from tests.fake_dataset import example

TASKS = ("segmentation", "depth")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return fake_dataset.build(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def split(builder):
    return Split(builder, "train", TASKS, "memory")


def assert_same_batches(these, those):
    for one, other in zip(these, those, strict=True):
        assert set(one) == set(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


# --- The order of examples -----------------------------------------------------------


def numbers(step, batch_size=4, examples=12, seed=0, salt=0):
    """The numbers of the examples of a step, by default a batch of 4 of the 12."""
    return example_order(
        tf.constant(step, tf.int64), batch_size, examples, seed, salt
    ).numpy()


def epoch(number, **settings):
    """The numbers of an epoch of 12 examples, which 3 batches of 4 make up."""
    steps = range(3 * number, 3 * number + 3)
    return np.concatenate([numbers(step, **settings) for step in steps])


def test_every_epoch_has_every_example_once():
    for number in range(4):
        assert sorted(epoch(number)) == list(range(12))


def test_epochs_seeds_and_stages_differ_in_their_order():
    found = [epoch(0), epoch(1), epoch(0, seed=1), epoch(0, salt=100)]
    assert len({tuple(order) for order in found}) == 4
    # A shift of the same order would be no new one.
    assert np.unique((found[0] - found[1]) % 12).size > 1


def test_the_order_is_a_function_of_seed_and_step():
    np.testing.assert_array_equal(numbers(7, seed=3), numbers(7, seed=3))
    in_a_graph = tf.function(lambda step: example_order(step, 4, 12, 3))
    np.testing.assert_array_equal(
        in_a_graph(tf.constant(7, tf.int64)), numbers(7, seed=3)
    )


def test_a_batch_may_hold_the_end_of_an_epoch_and_the_start_of_the_next():
    # 5 examples in batches of 4: places 0-3, 4-7, 8-11, 12-15, 16-19 are four epochs.
    places = np.concatenate([numbers(step, examples=5) for step in range(5)])
    for start in range(0, 20, 5):
        assert sorted(places[start : start + 5]) == [0, 1, 2, 3, 4]


def test_a_batch_may_be_larger_than_the_set():
    places = numbers(0, batch_size=7, examples=3)
    assert sorted(places[:3]) == sorted(places[3:6]) == [0, 1, 2]


def test_orders_are_spread_evenly_and_do_not_come_again():
    # Of 600 epochs of 12, an example is first in 50; binomial, deviation 6.8.
    order = tf.function(lambda step: example_order(step, 12, 12, 0))
    epochs = [order(tf.constant(step, tf.int64)).numpy() for step in range(600)]
    counts = np.bincount([order[0] for order in epochs], minlength=12)
    assert counts.min() > 22 and counts.max() < 78
    assert len({tuple(order) for order in epochs}) == 600


# --- Batches -------------------------------------------------------------------------


def test_starting_at_a_step_is_skipping_those_before(split):
    batches = Batches(split, batch_size=5, seed=1, first_step=3)
    skipped = batches.from_step(3).skip(7).take(3).as_numpy_iterator()
    started = batches.from_step(10).take(3).as_numpy_iterator()
    assert_same_batches(skipped, started)


def test_a_batch_tells_its_step_and_places(split):
    batches = Batches(split, batch_size=3, seed=1, first_step=3)
    for step, batch in zip((8, 9), batches.from_step(8).take(2), strict=True):
        np.testing.assert_array_equal(batch["step"], [step] * 3)
        np.testing.assert_array_equal(batch["position"], [0, 1, 2])


def test_batches_hold_the_examples_of_the_order(split):
    batch = Batches(split, batch_size=4, seed=2, first_step=5).at(
        tf.constant(6, tf.int64)
    )
    for place, number in enumerate(numbers(1, seed=2, salt=5)):
        expected = example("train", number)
        for key in ("image", "scene", *TASKS):
            np.testing.assert_array_equal(batch[key][place], expected[key], err_msg=key)


def test_the_spec_is_that_of_the_batches(split):
    batches = Batches(split, batch_size=3, seed=0)
    spec = batch_spec(split.info, TASKS, 3, {})
    assert batches.from_step(0).element_spec == spec
    assert {k: v.dtype for k, v in batches.at(tf.constant(0, tf.int64)).items()} == {
        k: v.dtype for k, v in spec.items()
    }


def test_in_order_gives_every_example_once_and_a_smaller_last_batch(split):
    batches = list(in_order(split, 5))
    assert [len(batch["scene"]) for batch in batches] == [5, 5, 2]
    images = np.concatenate([batch["image"] for batch in batches])
    expected = np.stack([example("train", number)["image"] for number in range(12)])
    np.testing.assert_array_equal(images, expected)


# --- Extra examples ------------------------------------------------------------------


@pytest.fixture(scope="module")
def weak_batches(builder, split):
    weak = Split(builder, "train", (), "disk", np.arange(6, 12))
    return Batches(split, 4, 2, 5, {"weak": Part(weak, 6)})


def test_a_batch_may_have_weakly_labelled_examples_beside(weak_batches, split):
    alone = Batches(split, batch_size=4, seed=2, first_step=5)
    both, one = (
        next(b.from_step(6).as_numpy_iterator()) for b in (weak_batches, alone)
    )
    weak = both.pop("weak")
    assert_same_batches([both], [one])
    assert set(weak) == {"image", "scene", "position", "step"}
    np.testing.assert_array_equal(weak["step"], [6] * 6)
    np.testing.assert_array_equal(weak["position"], range(6))
    images = {example("train", number)["image"].tobytes() for number in range(6, 12)}
    assert {image.tobytes() for image in weak["image"]} == images


def test_what_is_held_out_has_its_label_maps(builder, split):
    held_out = Split(builder, "train", TASKS, "disk", np.arange(8, 12))
    batches = Batches(split, 4, 2, 5, {"held_out": Part(held_out, 3)})
    batch = batches.at(tf.constant(5, tf.int64))["held_out"]
    assert set(batch) == {"image", "scene", "position", "step", *TASKS}
    expected = {example("train", n)["depth"].tobytes() for n in range(8, 12)}
    found = {depth.tobytes() for depth in batch["depth"].numpy()}
    assert len(found) == 3 and found < expected


def test_orders_of_all_parts_are_independent(split):
    # The same examples in all: orders that were the same would show.
    extra = {"weak": Part(split, 12), "held_out": Part(split, 12)}
    batches = Batches(split, 12, 2, 0, extra)
    batch = next(batches.from_step(0).as_numpy_iterator())
    parts = (batch, batch["weak"], batch["held_out"])
    assert len({part["image"].tobytes() for part in parts}) == 3
    for part in parts:
        assert len({image.tobytes() for image in part["image"]}) == 12


def test_the_order_of_the_weak_ones_does_not_depend_on_what_else_there_is(split):
    weak, other = Part(split, 12), Part(split, 3)
    batches = (
        Batches(split, 4, 2, 3, {"weak": weak}),
        Batches(split, 9, 2, 3, {"weak": weak, "held_out": other}),
    )
    one, same = (b.at(tf.constant(7, tf.int64))["weak"] for b in batches)
    assert_same_batches([one], [same])


def test_weak_batches_start_at_any_step_and_have_their_spec(weak_batches):
    skipped = weak_batches.from_step(5).skip(3).take(2).as_numpy_iterator()
    started = weak_batches.from_step(8).take(2).as_numpy_iterator()
    for one, other in zip(skipped, started, strict=True):
        assert_same_batches([one.pop("weak")], [other.pop("weak")])
        assert_same_batches([one], [other])
    info = weak_batches.split.info
    spec = batch_spec(info, TASKS, 4, {"weak": ((), 6)})
    assert weak_batches.from_step(5).element_spec == spec
    # As `fit` wants it, also of parts with label maps.
    spec = batch_spec(info, TASKS, 4, {"held_out": (TASKS, 2)})
    assert spec["held_out"]["depth"].shape == (2, 64, 64, 1)


def test_two_replicas_share_both_parts(weak_batches):
    strategy = devices.strategy_of(2)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    dataset = weak_batches.from_step(5).with_options(options)
    batch = next(iter(strategy.experimental_distribute_dataset(dataset)))
    for values, size in ((batch["image"], 2), (batch["weak"]["image"], 3)):
        parts = strategy.experimental_local_results(values)
        assert [len(part) for part in parts] == [size, size]
    places = strategy.experimental_local_results(batch["weak"]["position"])
    np.testing.assert_array_equal(np.concatenate(places), range(6))


@pytest.mark.parametrize("devices_of_one", [1, 2])
def test_workers_read_parts_of_the_batches_of_one_process(weak_batches, devices_of_one):
    # Two devices in all: one of each of two workers, or two of one.
    whole = list(weak_batches.from_step(3).take(2))
    parts = []
    for first in range(0, 2, devices_of_one):
        own = range(first, first + devices_of_one)
        dataset = weak_batches.from_step(3, own, 2).take(2 * devices_of_one)
        parts.append([list(dataset)[n::devices_of_one] for n in range(devices_of_one)])
    of_device = [steps for worker in parts for steps in worker]
    joined = [
        tf.nest.map_structure(lambda *halves: tf.concat(halves, 0), *step)
        for step in zip(*of_device, strict=True)
    ]
    for one, other in zip(joined, whole, strict=True):
        tf.nest.assert_same_structure(one, other)
        pairs = zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
