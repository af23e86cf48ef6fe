"""How label maps are stored: coding, what is missing, and the record's round trip."""

import json

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import (
    DataInfo,
    TaskInfo,
    depth_info,
    normals_info,
    segmentation_info,
)

CURVATURE = TaskInfo(
    name="curvature", channels=2, scale=1e-3, offset=-30.0, target_shift=(1.0, -2.0)
)
INFO = DataInfo(
    image_size=8,
    tasks={
        task.name: task
        for task in (
            segmentation_info(("bed", "wall"), ((255, 0, 0), (0, 0, 9)), source="hand"),
            depth_info(target_shift=1.5, target_scale=2.0),
            normals_info(source="depth"),
            CURVATURE,
        )
    },
    scene_names=("kitchen", "küche"),
    notes="of a test",
)


def test_depth_is_stored_in_millimetres():
    # 0 is "no label": six tenths of a millimetre become one millimetre.
    metres = np.array([[0.0006, 1.2344], [1.2346, 65.5354]])
    raw = depth_info().encode(metres)
    assert raw.dtype == np.uint16
    np.testing.assert_array_equal(raw[..., 0], [[1, 1234], [1235, 65535]])
    physical, valid = depth_info().decode(raw)
    np.testing.assert_allclose(physical[1, 0, 0], 1.235, atol=1e-12)
    assert valid.all()


@pytest.mark.parametrize("value", [250.0, 65.5356, 0.0004, 0.0, -1.0])
def test_a_label_outside_what_can_be_stored_is_an_error_that_says_so(value):
    depths = np.array([[1.0, value]])
    words = f"^depth: {value:g} m is outside 0.001..65.535 m: is it in another unit"
    with pytest.raises(ValueError, match=words):
        depth_info().encode(depths)
    raw = depth_info().encode(depths, np.array([[True, False]]))
    np.testing.assert_array_equal(raw[..., 0], [[1000, 0]])


def test_the_worst_value_is_named():
    depths = np.array([[66.0, 2500.0], [1.0, 70.0]])
    with pytest.raises(ValueError, match="2500 m is outside"):
        depth_info().encode(depths)


def test_rounding_of_the_last_bit_is_no_error():
    ends = np.array([[[1 + 1e-7, -1 - 1e-7, 0.0]]])
    np.testing.assert_array_equal(normals_info().encode(ends), [[[65535, 1, 32768]]])


def test_missing_is_an_end_of_the_type():
    TaskInfo(name="depth", missing=65535)
    TaskInfo(name="depth", missing=0)
    with pytest.raises(ValueError, match="either 0 or 65535.*received 255"):
        TaskInfo(name="depth", missing=255)
    with pytest.raises(ValueError, match="either 0 or 255.*received 65535"):
        TaskInfo(name="segmentation", dtype="uint8", missing=65535)


@pytest.mark.parametrize(
    ("changes", "range_"),
    [
        ({}, (1, 65535)),
        ({"missing": 65535}, (0, 65534)),
        ({"dtype": "uint8", "missing": 255, "class_names": ("a", "b")}, (0, 1)),
        ({"dtype": "uint8", "missing": 0, "class_names": ("a", "b")}, (1, 2)),
    ],
)
def test_raw_labels_leave_missing_free(changes, range_):
    info = TaskInfo(name="x", scale=0.5, offset=-1.0, **changes)
    assert info.raw_range == range_
    low, high = info.physical_range
    assert (low, high) == (range_[0] / 2 - 1, range_[1] / 2 - 1)


def test_normals_reach_both_ends_and_zero():
    vectors = np.array([[[-1.0, 0.0, 1.0]]])
    raw = normals_info().encode(vectors)
    np.testing.assert_array_equal(raw, [[[1, 32768, 65535]]])
    np.testing.assert_array_equal(normals_info().decode(raw)[0], vectors)


def test_class_numbers_are_stored_as_they_are():
    info = segmentation_info(("bed", "wall"), ((0, 0, 0), (1, 1, 1)))
    raw = info.encode(np.array([[0, 1]]))
    assert (raw.dtype, raw.shape) == (np.uint8, (1, 2, 1))
    np.testing.assert_array_equal(raw[..., 0], [[0, 1]])
    np.testing.assert_array_equal(
        info.encode(np.array([[0, 255]]), np.array([[True, False]]))[..., 0], [[0, 255]]
    )


@pytest.mark.parametrize("number", [2, 254, 255, -1])
def test_a_number_that_is_no_class_is_an_error(number):
    info = segmentation_info(("bed", "wall"), ((0, 0, 0), (1, 1, 1)))
    words = f"^segmentation: label {number} is none of the 2 classes 0..1"
    with pytest.raises(ValueError, match=words):
        info.encode(np.array([[0, number]]))


@pytest.mark.parametrize("info", INFO.tasks.values(), ids=INFO.tasks)
def test_what_is_missing_comes_back_as_missing(info):
    physical = np.full((2, 2, info.channels), 0.6 if info.name == "normals" else 1.0)
    physical[0, 0] = np.nan  # what is not labelled may be anything
    valid = np.array([[False, True], [True, False]])
    raw = info.encode(physical, valid)
    assert (raw[~valid] == info.missing).all()
    assert (raw[valid] != info.missing).all()
    decoded, known = info.decode(raw)
    np.testing.assert_array_equal(known, valid)
    np.testing.assert_allclose(decoded[valid], physical[valid], atol=info.scale / 2)


def test_a_pixel_is_labelled_if_one_of_its_channels_is():
    raw = np.array([[[0, 7], [0, 0]]], np.uint16)
    np.testing.assert_array_equal(CURVATURE.decode(raw)[1], [[True, False]])


def test_a_label_that_is_no_number_is_an_error_that_names_the_task():
    depths = np.array([[1.0, np.inf]])
    with pytest.raises(ValueError, match="^depth: .*NaN or infinite"):
        depth_info().encode(depths)
    depth_info().encode(depths, np.array([[True, False]]))


def test_the_record_survives_as_json():
    record = json.loads(json.dumps(dict(INFO.metadata())))
    assert DataInfo.from_metadata(record) == INFO
    assert DataInfo.from_metadata(INFO.metadata()) == INFO


def test_the_features_store_every_map_as_png_of_its_type():
    features = INFO.features()
    assert set(features) == {"image", "name", "scene", *INFO.tasks}
    assert features["image"].shape == (8, 8, 3)
    for name, info in INFO.tasks.items():
        feature = features[name]
        assert feature.shape == (8, 8, info.channels)
        assert feature.np_dtype == info.dtype


@pytest.mark.parametrize("info", INFO.tasks.values(), ids=INFO.tasks)
def test_a_stored_map_is_read_back_bit_for_bit(info):
    feature = INFO.features()[info.name]
    raw = np.random.default_rng(0).integers(0, 200, (8, 8, info.channels))
    raw = raw.astype(info.dtype)
    # Not decoded by TFDS, which cannot read PNG of two channels.
    read = tf.io.decode_png(feature.encode_example(raw), dtype=info.dtype)
    np.testing.assert_array_equal(read, raw)
