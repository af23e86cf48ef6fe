"""Splits hold what was built, wherever their examples are kept."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf import errors
from mgm_tf.data import memory, storage
from mgm_tf.data.batches import Batches, example_order, in_order
from mgm_tf.data.splits import Split
from tests import fake_dataset
from tests.fake_dataset import COUNTS, example

TASKS = ("segmentation", "depth")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return fake_dataset.build(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def split(builder):
    return Split(builder, "train", TASKS, "memory")


def first_numbers(seed):
    """The numbers of the first batch of 4 of the 12 examples."""
    return example_order(tf.constant(0, tf.int64), 4, 12, seed).numpy()


def assert_same_batches(these, those):
    for one, other in zip(these, those, strict=True):
        assert set(one) == set(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


# --- Splits --------------------------------------------------------------------------


@pytest.mark.parametrize("name", COUNTS)
def test_a_split_holds_what_was_built(builder, name):
    split = Split(builder, name, ("normals", "curvature"), "disk")
    assert len(split) == COUNTS[name]
    batch = split.batch(tf.constant([2, 0]))
    assert set(batch) == {"image", "scene", "normals", "curvature"}
    for row, number in enumerate((2, 0)):
        for key, values in batch.items():
            np.testing.assert_array_equal(
                values[row], example(name, number)[key], err_msg=key
            )


def test_memory_and_disk_give_the_same_batches(builder, split):
    disk = Split(builder, "train", TASKS, "disk")
    assert_same_batches(
        *(
            Batches(each, batch_size=5, seed=0).from_step(0).take(20)
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
        split = Split(builder, "train", TASKS, "auto")
        read = []
        monkeypatch.setattr(split._stored, "decode", lambda *how: read.append(1))
        split.batch(tf.constant([0]))
        return bool(read)

    assert reads_disk()
    free += 1
    assert not reads_disk()


def test_some_examples_are_numbered_anew(builder):
    for cache in ("memory", "disk"):
        some = Split(builder, "train", ("depth",), cache, np.array([7, 2]))
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
    Split(builder, "train", (), "memory", np.array([7, 2]))
    assert sorted(decoded) == [2, 7]


def test_a_number_that_is_not_there_is_refused(builder):
    with pytest.raises(ValueError, match="12 examples; received number 12"):
        Split(builder, "train", (), "disk", np.array([3, 12]))
    with pytest.raises(ValueError, match="is empty"):
        Split(builder, "train", (), "disk", np.array([], int))


def test_image_labels_are_had_without_images(builder, monkeypatch):
    disk = Split(builder, "train", (), "disk")
    monkeypatch.setattr(tf.io, "decode_png", None)
    np.testing.assert_array_equal(disk.scenes(), [-1, 1, 2] + [0, 1, 2] * 3)
    assert disk.scenes() is disk.scenes() and disk.scenes().dtype == np.int32
    assert disk.names(np.array([4])) == ["train_4"]


@pytest.mark.parametrize("shape", [(12,), (12, 5)])
def test_image_labels_can_be_replaced(builder, split, shape):
    labels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    for each in (split, Split(builder, "train", TASKS, "disk")):
        other = each.with_scenes(labels)
        np.testing.assert_array_equal(other.scenes(), labels)
        batches = Batches(other, 4, seed=2).from_step(0)
        batch = next(batches.as_numpy_iterator())
        np.testing.assert_array_equal(batch["scene"], labels[first_numbers(seed=2)])
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
        some = Split(builder, "train", ("depth",), cache, np.array([7, 2]))
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
        read = next(Batches(other, 2, 0).from_step(0).as_numpy_iterator())
        assert read["segmentation"].shape == (2, 64, 64, 1)


def test_replaced_image_labels_stay_with_other_maps(split):
    labels = np.arange(12 * 5, dtype=np.int32).reshape(12, 5)
    other = split.with_scenes(labels).with_tasks(("normals",))
    np.testing.assert_array_equal(other.scenes(), labels)
    batch = next(Batches(other, 4, seed=2).from_step(0).as_numpy_iterator())
    np.testing.assert_array_equal(batch["scene"], labels[first_numbers(seed=2)])


# --- What cannot be had --------------------------------------------------------------


def test_an_unknown_task_is_refused_with_those_there_are(builder):
    with pytest.raises(ValueError) as refusal:
        Split(builder, "train", ("depth", "edges"), "disk")
    message = str(refusal.value)
    assert "segmentation, depth, normals" in message and message.endswith("edges.")


def test_an_unknown_split_is_refused_with_those_there_are(builder):
    with pytest.raises(ValueError, match=r"\['test', 'train', 'validation'\].*'dev'"):
        Split(builder, "dev", TASKS, "disk")


def damage(builder, monkeypatch, number, change):
    """Opens `train` with the record of an example changed."""
    split = Split(builder, "train", TASKS, "disk")
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
    messages = []
    with pytest.raises(tf.errors.InvalidArgumentError) as refusal:
        list(Batches(split, 4, 0).from_step(0).take(6))
    messages.append(str(errors.damaged_example(refusal.value)))
    with pytest.raises(errors.DamagedExample) as refusal:
        list(in_order(split, 4))
    messages.append(str(refusal.value))
    for message in messages:
        assert message.startswith("fake/64/1.0.0, split 'train', example 3")
        assert words in message and "\n" not in message


def test_a_damaged_example_is_named_where_it_is_decoded_at_once(builder, monkeypatch):
    split = damage(builder, monkeypatch, 3, DAMAGES["train_3), depth"])
    split.batch(tf.constant([2, 4]))
    with pytest.raises(errors.DamagedExample, match="example 3 .train_3., depth"):
        split.batch(tf.constant([2, 3]))
    other = DAMAGES["(8, 8, 1) of 8 bits, expected (64, 64, 1) of 16"]
    split = damage(builder, monkeypatch, 3, other)
    with pytest.raises(errors.DamagedExample, match=r"\(8, 8, 1\), expected"):
        split._load()


# --- The end -------------------------------------------------------------------------


def test_nothing_is_read_any_more_when_python_ends():
    calls = storage.Calls()
    assert calls(lambda n: n + 1, lambda n: 0 * n, np.arange(2)).tolist() == [1, 2]
    calls.end()
    assert calls(lambda n: n + 1, lambda n: 0 * n, np.arange(2)).tolist() == [0, 0]
