"""A tiny build is read back as the rooms that were rendered."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo
from datasets.rooms import rooms
from datasets.rooms.rooms_dataset_builder import Builder, RoomsConfig, example_of

TINY = RoomsConfig(
    name="tiny",
    image_size=32,
    train_examples=11,
    validation_examples=2,
    test_examples=1,
)


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    result = Builder(config=TINY, data_dir=folder, file_format="array_record")
    result.download_and_prepare()
    return result


def read(builder, split):
    """Examples as arrays, in the order of the files."""
    info = DataInfo.from_metadata(builder.info.metadata)
    raw = dict.fromkeys(("image", *info.tasks), tfds.decode.SkipDecoding())
    for example in builder.as_data_source(split, decoders=raw):
        decoded = dict(example)
        for name in raw:
            kind = info.tasks[name].dtype if name in info.tasks else "uint8"
            decoded[name] = tf.io.decode_png(example[name], dtype=kind).numpy()
        yield decoded


def test_examples_are_read_back_in_order(builder):
    examples = list(read(builder, "train"))
    assert len(examples) == 11
    for index, stored in enumerate(examples):
        expected = example_of(0, "train", index, 32)
        assert stored["name"].decode() == expected["name"]
        for name in set(expected) - {"name"}:
            np.testing.assert_array_equal(stored[name], expected[name], err_msg=name)
    assert examples[1]["name"] == b"bedroom_train_00001"


def test_splits_and_metadata(builder):
    sizes = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert sizes == {"train": 11, "validation": 2, "test": 1}
    info = DataInfo.from_metadata(builder.info.metadata)
    assert info.image_size == 32
    assert info.scene_names == rooms.TYPE_NAMES
    assert set(info.tasks) == {
        "segmentation",
        "depth",
        "normals",
        "edges",
        "reshading",
        "curvature",
    }
    assert len(info.tasks["segmentation"].class_names) >= 13
    pictures = {
        picture["image"].tobytes()
        for split in sizes
        for picture in read(builder, split)
    }
    assert len(pictures) == sum(sizes.values())  # no example in two splits


def test_the_demo_is_the_beginning_of_the_default():
    configs = Builder.builder_configs
    assert Builder.DEFAULT_BUILDER_CONFIG_NAME == "128"
    demo, full = configs["demo_128"], configs["128"]
    assert (demo.seed, demo.image_size) == (full.seed, full.image_size)
    assert demo.train_examples < full.train_examples
    assert {name: c.image_size for name, c in configs.items()} == {
        "64": 64,
        "128": 128,
        "256": 256,
        "demo_64": 64,
        "demo_128": 128,
        "smoke_64": 64,
        "smoke_128": 128,
        "smoke_256": 256,
    }
    assert dataclasses.replace(demo, train_examples=2).train_examples == 2


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_smoke_test_is_a_still_smaller_beginning(size):
    configs = Builder.builder_configs
    small, full = configs[f"smoke_{size}"], configs[str(size)]
    assert (small.seed, small.image_size) == (full.seed, size)
    assert (
        small.train_examples,
        small.validation_examples,
        small.test_examples,
    ) == (120, 12, 12)
    assert small.train_examples < configs["demo_64"].train_examples
