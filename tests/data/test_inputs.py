"""Batches: their order is a function of (seed, step), whatever keeps the examples."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf import errors
from mgm_tf.data import inputs, memory, orders, storage
from mgm_tf.data.inputs import Part
from mgm_tf.train import devices
from tests import fake_dataset
from tests.fake_dataset import COUNTS, example

TASKS = ("segmentation", "depth")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return fake_dataset.build(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def split(builder):
    return inputs.Split(builder, "train", TASKS, "memory")


def numbers(step, seed=0, salt=0):
    """Those of a batch of 4 of the 12 examples."""
    return orders.order(tf.constant(step, tf.int64), 4, 12, seed, salt).numpy()


def assert_same_batches(these, those):
    for one, other in zip(these, those, strict=True):
        assert set(one) == set(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


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
    spec = inputs.batch_spec(split.info, TASKS, 3, {})
    assert batches.from_step(0).element_spec == spec
    assert {k: v.dtype for k, v in batches.at(tf.constant(0, tf.int64)).items()} == {
        k: v.dtype for k, v in spec.items()
    }


# --- Further examples beside them ---------------------------------------------------


@pytest.fixture(scope="module")
def weak_batches(builder, split):
    weak = inputs.Split(builder, "train", (), "disk", np.arange(6, 12))
    return inputs.Batches(split, 4, 2, 5, {"weak": Part(weak, 6)})


def test_a_batch_may_have_weakly_labelled_examples_beside(weak_batches, split):
    alone = inputs.Batches(split, batch_size=4, seed=2, first_step=5)
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
    held_out = inputs.Split(builder, "train", TASKS, "disk", np.arange(8, 12))
    batches = inputs.Batches(split, 4, 2, 5, {"held_out": Part(held_out, 3)})
    batch = batches.at(tf.constant(5, tf.int64))["held_out"]
    assert set(batch) == {"image", "scene", "position", "step", *TASKS}
    expected = {example("train", n)["depth"].tobytes() for n in range(8, 12)}
    found = {depth.tobytes() for depth in batch["depth"].numpy()}
    assert len(found) == 3 and found < expected


def test_orders_of_all_parts_are_independent(split):
    # The same examples in all: orders that were the same would show.
    extra = {"weak": Part(split, 12), "held_out": Part(split, 12)}
    batches = inputs.Batches(split, 12, 2, 0, extra)
    batch = next(batches.from_step(0).as_numpy_iterator())
    parts = (batch, batch["weak"], batch["held_out"])
    assert len({part["image"].tobytes() for part in parts}) == 3
    for part in parts:
        assert len({image.tobytes() for image in part["image"]}) == 12


def test_the_order_of_the_weak_ones_does_not_depend_on_what_else_there_is(split):
    weak, other = Part(split, 12), Part(split, 3)
    batches = (
        inputs.Batches(split, 4, 2, 3, {"weak": weak}),
        inputs.Batches(split, 9, 2, 3, {"weak": weak, "held_out": other}),
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
    spec = inputs.batch_spec(info, TASKS, 4, {"weak": ((), 6)})
    assert weak_batches.from_step(5).element_spec == spec
    # As `fit` wants it, also of parts with label maps.
    spec = inputs.batch_spec(info, TASKS, 4, {"held_out": (TASKS, 2)})
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
    free = 2 * 12 * example_bytes
    monkeypatch.setattr(memory, "available", lambda: free)

    def reads_disk():
        split = inputs.Split(builder, "train", TASKS, "auto")
        read = []
        monkeypatch.setattr(split._stored, "decode", lambda *how: read.append(1))
        split.batch(tf.constant([0]))
        return bool(read)

    assert reads_disk()
    free += 1
    assert not reads_disk()


def test_some_examples_are_numbered_anew(builder):
    for cache in ("memory", "disk"):
        some = inputs.Split(builder, "train", ("depth",), cache, np.array([7, 2]))
        assert len(some) == 2 and some.names([0, 1]) == ["train_7", "train_2"]
        np.testing.assert_array_equal(some.scenes(), [7 % 3, 2 % 3])
        batch = some.batch(tf.constant([1, 0]))
        for row, number in enumerate((2, 7)):
            expected = example("train", number)
            np.testing.assert_array_equal(batch["depth"][row], expected["depth"])


def test_only_the_examples_that_count_are_kept(builder, monkeypatch):
    decoded = []
    whole = storage.StoredSplit.decode

    def decode(self, places, *how):
        decoded.extend(places.tolist())
        whole(self, places, *how)

    monkeypatch.setattr(storage.StoredSplit, "decode", decode)
    inputs.Split(builder, "train", (), "memory", np.array([7, 2]))
    assert sorted(decoded) == [2, 7]


def test_a_number_that_is_not_there_is_refused(builder):
    with pytest.raises(ValueError, match="12 examples; received number 12"):
        inputs.Split(builder, "train", (), "disk", np.array([3, 12]))
    with pytest.raises(ValueError, match="is empty"):
        inputs.Split(builder, "train", (), "disk", np.array([], int))


def test_image_labels_are_had_without_images(builder, monkeypatch):
    disk = inputs.Split(builder, "train", (), "disk")
    monkeypatch.setattr(tf.io, "decode_png", None)
    np.testing.assert_array_equal(disk.scenes(), [-1, 1, 2] + [0, 1, 2] * 3)
    assert disk.scenes() is disk.scenes() and disk.scenes().dtype == np.int32
    assert disk.names(np.array([4])) == ["train_4"]


@pytest.mark.parametrize("shape", [(12,), (12, 5)])
def test_image_labels_can_be_replaced(builder, split, shape):
    labels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    for each in (split, inputs.Split(builder, "train", TASKS, "disk")):
        other = each.with_scenes(labels)
        np.testing.assert_array_equal(other.scenes(), labels)
        batches = inputs.Batches(other, 4, seed=2).from_step(0)
        batch = next(batches.as_numpy_iterator())
        np.testing.assert_array_equal(batch["scene"], labels[numbers(0, seed=2)])
        again = other.batch(tf.constant([3]))
        np.testing.assert_array_equal(again["scene"], labels[[3]])
        np.testing.assert_array_equal(again["depth"][0], example("train", 3)["depth"])
        # The split itself keeps its own.
        assert each.scenes().tolist() == [-1, 1, 2] + [0, 1, 2] * 3
    assert split.with_scenes(labels)._memory is split._memory
    with pytest.raises(ValueError, match="12 examples; received 3 image labels"):
        split.with_scenes(labels[:3])


def test_the_same_examples_may_be_read_with_other_maps(builder):
    for cache in ("memory", "disk"):
        some = inputs.Split(builder, "train", ("depth",), cache, np.array([7, 2]))
        other = some.with_tasks(("segmentation",))
        assert other.tasks == ("segmentation",) and some.tasks == ("depth",)
        batch = other.batch(tf.constant([1, 0]))
        assert set(batch) == {"image", "scene", "segmentation"}
        for row, number in enumerate((2, 7)):
            expected = example("train", number)["segmentation"]
            np.testing.assert_array_equal(batch["segmentation"][row], expected)
        np.testing.assert_array_equal(other.scenes(), some.scenes())
        assert set(some.batch(tf.constant([0]))) == {"image", "scene", "depth"}
        # In a graph, as training reads them.
        read = next(inputs.Batches(other, 2, 0).from_step(0).as_numpy_iterator())
        assert read["segmentation"].shape == (2, 64, 64, 1)


def test_replaced_image_labels_stay_with_other_maps(split):
    labels = np.arange(12 * 5, dtype=np.int32).reshape(12, 5)
    other = split.with_scenes(labels).with_tasks(("normals",))
    np.testing.assert_array_equal(other.scenes(), labels)
    batch = next(inputs.Batches(other, 4, seed=2).from_step(0).as_numpy_iterator())
    np.testing.assert_array_equal(batch["scene"], labels[numbers(0, seed=2)])


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


def damage(builder, monkeypatch, number, change):
    """Opens `train` with the record of an example changed."""
    split = inputs.Split(builder, "train", TASKS, "disk")
    whole = split._stored._source.__getitems__

    class Source:
        def __len__(self):
            return 12

        def __getitems__(self, places):
            records = zip(places, whole(places), strict=True)
            return [change(r) if place == number else r for place, r in records]

    monkeypatch.setattr(split._stored, "_source", Source())
    return split


def unreadable(record):
    raise RuntimeError("the file is damaged\nin two lines")


def cut(record):
    return record[:-40]


def changed_map(change):
    def changed(record):
        stored_example = tf.train.Example.FromString(record)
        values = stored_example.features.feature["depth"].bytes_list
        values.value[0] = change(values.value[0])
        return stored_example.SerializeToString()

    return changed


DAMAGES = {
    "the file is damaged": unreadable,
    "train_3), depth": changed_map(lambda png: png[:-30]),
    "checksum of its part": changed_map(lambda png: png[:60] + b"?" + png[61:]),
    "(8, 8, 1) of 8 bits, expected (64, 64, 1) of 16": changed_map(
        lambda png: tf.io.encode_png(tf.zeros((8, 8, 1), tf.uint8)).numpy()
    ),
    "is no PNG": changed_map(lambda png: b"nothing"),
    "cannot be read": cut,
}


@pytest.mark.parametrize("words", DAMAGES)
def test_a_damaged_example_is_named(builder, monkeypatch, words):
    split = damage(builder, monkeypatch, 3, DAMAGES[words])
    told = []
    with pytest.raises(tf.errors.InvalidArgumentError) as refusal:
        list(inputs.Batches(split, 4, 0).from_step(0).take(6))
    told.append(str(errors.damaged_example(refusal.value)))
    with pytest.raises(errors.DamagedExample) as refusal:
        list(inputs.in_order(split, 4))
    told.append(str(refusal.value))
    for each in told:
        assert each.startswith("fake/64/1.0.0, split 'train', example 3")
        assert words in each and "\n" not in each


def test_a_damaged_example_is_named_where_it_is_decoded_at_once(builder, monkeypatch):
    split = damage(builder, monkeypatch, 3, DAMAGES["train_3), depth"])
    split.batch(tf.constant([2, 4]))
    with pytest.raises(errors.DamagedExample, match="example 3 .train_3., depth"):
        split.batch(tf.constant([2, 3]))
    other = DAMAGES["(8, 8, 1) of 8 bits, expected (64, 64, 1) of 16"]
    split = damage(builder, monkeypatch, 3, other)
    with pytest.raises(errors.DamagedExample, match=r"\(8, 8, 1\), expected"):
        split._load()


# --- The end ------------------------------------------------------------------------


def test_nothing_is_read_any_more_when_python_ends():
    calls = storage.Calls()
    assert calls(lambda n: n + 1, lambda n: 0 * n, np.arange(2)).tolist() == [1, 2]
    calls.end()
    assert calls(lambda n: n + 1, lambda n: 0 * n, np.arange(2)).tolist() == [0, 0]
