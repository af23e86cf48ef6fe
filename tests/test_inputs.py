"""Batches: their order is a function of (seed, step), whatever keeps the examples."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import datasets
from datasets.nyuv2 import nyuv2_dataset_builder
from mgm_tf import builders, inputs
from tests import fake_dataset
from tests.fake_dataset import COUNTS, example

TASKS = ("segmentation", "depth")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return fake_dataset.build(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def split(builder):
    return inputs.Split(builder, "train", TASKS, "memory")


def numbers(step, batch_size=4, examples=12, seed=0, salt=0):
    return inputs.order(
        tf.constant(step, tf.int64), batch_size, examples, seed, salt
    ).numpy()


def epoch(number, **settings):
    """The numbers of an epoch of 12 examples, which 3 batches of 4 make up."""
    steps = range(3 * number, 3 * number + 3)
    return np.concatenate([numbers(step, **settings) for step in steps])


def assert_same_batches(these, those):
    for one, other in zip(these, those, strict=True):
        assert set(one) == set(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


# --- The order ----------------------------------------------------------------------


def test_every_epoch_has_every_example_once():
    for number in range(4):
        assert sorted(epoch(number)) == list(range(12))


def test_epochs_seeds_and_stages_differ_in_their_order():
    orders = [epoch(0), epoch(1), epoch(0, seed=1), epoch(0, salt=100)]
    assert len({tuple(order) for order in orders}) == 4
    # A shift of the same order would be no new one.
    assert np.unique((orders[0] - orders[1]) % 12).size > 1


def test_the_order_is_a_function_of_seed_and_step():
    np.testing.assert_array_equal(numbers(7, seed=3), numbers(7, seed=3))
    in_a_graph = tf.function(lambda step: inputs.order(step, 4, 12, 3))
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
    epochs = [epoch(number) for number in range(600)]
    counts = np.bincount([order[0] for order in epochs], minlength=12)
    assert counts.min() > 22 and counts.max() < 78
    assert len({tuple(order) for order in epochs}) == 600


# --- Batches ------------------------------------------------------------------------


def test_starting_at_a_step_is_skipping_those_before(split):
    batches = inputs.Batches(split, batch_size=5, seed=1, first_step=3)
    skipped = batches.from_step(3).skip(7).take(3).as_numpy_iterator()
    started = batches.from_step(10).take(3).as_numpy_iterator()
    assert_same_batches(skipped, started)


def test_a_batch_tells_its_step_and_places(split):
    batches = inputs.Batches(split, batch_size=3, seed=1, first_step=3)
    for step, batch in zip((8, 9), batches.from_step(8).take(2), strict=True):
        np.testing.assert_array_equal(batch["step"], [step] * 3)
        np.testing.assert_array_equal(batch["position"], [0, 1, 2])


def test_batches_hold_the_examples_of_the_order(split):
    batch = inputs.Batches(split, batch_size=4, seed=2, first_step=5).at(
        tf.constant(6, tf.int64)
    )
    for place, number in enumerate(numbers(1, seed=2, salt=5)):
        expected = example("train", number)
        for key in ("image", "scene", *TASKS):
            np.testing.assert_array_equal(batch[key][place], expected[key], err_msg=key)


def test_the_spec_is_that_of_the_batches(split):
    batches = inputs.Batches(split, batch_size=3, seed=0)
    spec = inputs.batch_spec(split.info, TASKS, 3)
    assert batches.from_step(0).element_spec == spec
    assert {k: v.dtype for k, v in batches.at(tf.constant(0, tf.int64)).items()} == {
        k: v.dtype for k, v in spec.items()
    }


# --- Splits -------------------------------------------------------------------------


@pytest.mark.parametrize("name", COUNTS)
def test_a_split_holds_what_was_built(builder, name):
    split = inputs.Split(builder, name, ("normals", "curvature"), "disk")
    assert len(split) == COUNTS[name]
    batch = split.batch(tf.constant([2, 0]))
    assert set(batch) == {"image", "scene", "normals", "curvature"}
    for row, number in enumerate((2, 0)):
        for key, values in batch.items():
            np.testing.assert_array_equal(
                values[row], example(name, number)[key], err_msg=key
            )


def test_memory_and_disk_give_the_same_batches(builder, split):
    disk = inputs.Split(builder, "train", TASKS, "disk")
    assert_same_batches(
        *(
            inputs.Batches(each, batch_size=5, seed=0).from_step(0).take(20)
            for each in (disk, split)
        )
    )


def test_auto_keeps_examples_if_they_take_less_than_half_of_free_memory(
    builder, monkeypatch
):
    # An example: 64 x 64 pixels of 3 + 1 + 2 bytes, and 4 of the scene.
    example_bytes = 64 * 64 * 6 + 4
    free = {"SC_AVPHYS_PAGES": 2 * 12 * example_bytes, "SC_PAGE_SIZE": 1}
    monkeypatch.setattr(inputs.os, "sysconf", free.get)

    def reads_disk():
        split = inputs.Split(builder, "train", TASKS, "auto")
        read = []
        monkeypatch.setattr(split, "_read", lambda numbers: read.append(1) or {})
        split.batch(tf.constant([0]))
        return bool(read)

    assert reads_disk()
    free["SC_AVPHYS_PAGES"] += 1
    assert not reads_disk()


def test_in_order_gives_every_example_once_and_a_smaller_last_batch(split):
    batches = list(inputs.in_order(split, 5))
    assert [len(batch["scene"]) for batch in batches] == [5, 5, 2]
    images = np.concatenate([batch["image"] for batch in batches])
    expected = np.stack([example("train", number)["image"] for number in range(12)])
    np.testing.assert_array_equal(images, expected)


# --- What cannot be had -------------------------------------------------------------


def test_an_unknown_task_is_refused_with_those_there_are(builder):
    with pytest.raises(ValueError) as refusal:
        inputs.Split(builder, "train", ("depth", "edges"), "disk")
    told = str(refusal.value)
    assert "segmentation, depth, normals" in told and told.endswith("edges.")


def test_an_unknown_split_is_refused_with_those_there_are(builder):
    with pytest.raises(ValueError, match=r"\['test', 'train', 'validation'\].*'dev'"):
        inputs.Split(builder, "dev", TASKS, "disk")


@pytest.mark.parametrize(("protocol", "size"), [("half", 64), ("", 128)])
def test_an_unknown_protocol_or_size_is_refused(tmp_path, monkeypatch, protocol, size):
    fake_dataset.install(monkeypatch)
    with pytest.raises(ValueError) as refusal:
        builders.open_builder("rooms", protocol, size, str(tmp_path))
    words = ("--dataset=rooms", f"{protocol!r}", f"--image_size={size}", "few_64")
    assert all(word in str(refusal.value) for word in words)


def test_a_data_set_is_built_once(tmp_path, monkeypatch, capsys):
    fake_dataset.install(monkeypatch)
    builder = builders.open_builder("rooms", "few", 64, str(tmp_path))
    builders.prepare(builder)
    assert "Building fake/few_64" in capsys.readouterr().out
    builders.prepare(builders.open_builder("rooms", "few", 64, str(tmp_path)))
    assert capsys.readouterr().out == ""
    assert builder.info.splits["train"].num_examples == 3


def test_files_to_fetch_by_hand_are_asked_for(tmp_path):
    builder = nyuv2_dataset_builder.Builder(config="paper_64", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError) as refusal:
        builders.prepare(builder)
    told = str(refusal.value)
    assert told.startswith("--manual_dir=") and "nyu_depth_v2_labeled.mat" in told


@pytest.mark.parametrize("name", datasets.BUILDERS)
def test_every_data_set_has_a_builder_of_that_name(name):
    make = datasets.builder_class(name)
    assert issubclass(make, tfds.core.GeneratorBasedBuilder)
    assert make.name == name
