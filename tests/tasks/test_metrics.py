"""Metrics against hand numbers and LibMTL's values on real frames."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.tasks import metrics


def numbers(statistics):
    return {name: value.numpy() for name, value in statistics.items()}


def in_batches(function, arrays, size):
    """The summed statistics of batches of `size` images."""
    sums = {}
    for start in range(0, len(arrays[0]), size):
        batch = [tf.constant(array[start : start + size]) for array in arrays]
        for name, value in numbers(function(*batch)).items():
            sums[name] = sums.get(name, 0) + value
    return sums


def segmentation(predicted, target, valid):
    return metrics.segmentation_statistics(predicted, target, valid, classes=40)


def our_axes(vectors):
    """AdaShare's x right, y away from the camera, z up, as x right, y up, z to it."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([x, z, -y], axis=-1)


@pytest.fixture
def frames(golden):
    """(statistics, summary, arrays) of each metric on LibMTL's four frames."""
    values = golden("nyuv2_metrics")
    seg = values["seg"].astype(np.int32)
    # The expected values are of unit predictions.
    normals = values["normal_pred"].astype(np.float64)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return {
        "segmentation": (
            segmentation,
            metrics.segmentation_summary,
            (values["seg_pred"].astype(np.int32), seg, seg != 255),
        ),
        "depth": (
            metrics.depth_statistics,
            metrics.depth_summary,
            (
                values["depth_pred"].astype(np.float32),
                values["depth"],
                values["depth"] > 0,
            ),
        ),
        "normals": (
            metrics.normals_statistics,
            metrics.normals_summary,
            (
                our_axes(normals).astype(np.float32),
                our_axes(values["normal"]),
                np.any(values["normal"] != 0, axis=-1),
            ),
        ),
    }


@pytest.fixture
def summaries(frames):
    return {
        task: summary(in_batches(statistics, arrays, 4))
        for task, (statistics, summary, arrays) in frames.items()
    }


@pytest.mark.parametrize(
    "task, metric, expected",
    [
        ("segmentation", "miou", "mean_iou_union_gt_0"),
        ("segmentation", "miou_tp", "mean_iou_tp_gt_0"),
        ("segmentation", "pixel_accuracy", "pixel_accuracy"),
        ("depth", "absolute_error", "depth_abs"),
        ("depth", "relative_error", "depth_rel"),
        ("normals", "mad", "normal_mad_coded_rad"),
        ("normals", "mean_degrees", "normal_mean_deg"),
        ("normals", "median_degrees", "normal_median_deg"),
        ("normals", "within_11.25", "normal_within_11"),
        ("normals", "within_22.5", "normal_within_22"),
        ("normals", "within_30", "normal_within_30"),
    ],
)
def test_values_on_real_frames(golden, summaries, task, metric, expected):
    expected = float(golden("nyuv2_metrics")[f"expect/{expected}"])
    assert summaries[task][metric] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals"])
def test_the_batch_size_does_not_matter(frames, summaries, task):
    statistics, summary, arrays = frames[task]
    one_by_one = summary(in_batches(statistics, arrays, 1))
    assert one_by_one == pytest.approx(summaries[task], rel=1e-6)


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals"])
def test_a_set_without_a_label_has_no_metrics(frames, task):
    statistics, summary, (predicted, target, valid) = frames[task]
    nothing = (predicted, np.zeros_like(target), np.zeros_like(valid))
    result = summary(in_batches(statistics, nothing, 4))
    assert np.isnan(list(result.values())).all()


@pytest.mark.parametrize("task", ["depth", "normals"])
def test_what_is_not_labelled_may_be_nan(frames, summaries, task):
    statistics, summary, (predicted, target, valid) = frames[task]
    mask = valid.reshape(valid.shape + (1,) * (target.ndim - 3))
    arrays = (predicted, np.where(mask, target, np.nan).astype(np.float32), valid)
    assert summary(in_batches(statistics, arrays, 4)) == summaries[task]


def test_segmentation_by_hand():
    target = tf.constant([[[0, 0, 0, 1, 2, 255]]])
    predicted = tf.constant([[[0, 0, 1, 1, 3, 3]]])
    valid = tf.not_equal(target, 255)
    sums = numbers(metrics.segmentation_statistics(predicted, target, valid, 5))
    expected = np.zeros((5, 5))  # row: labelled, column: predicted
    expected[0, 0], expected[0, 1], expected[1, 1], expected[2, 3] = 2, 1, 1, 1
    np.testing.assert_array_equal(sums["confusion"], expected)
    assert sums["confusion"].dtype == np.float64
    summary = metrics.segmentation_summary(sums)
    # Class 0: 2 of 3; 1: 1 of 2; 2 and 3: 0 of 1; 4 does not occur.
    assert summary["miou"] == pytest.approx((2 / 3 + 1 / 2) / 4)
    assert summary["miou_tp"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert summary["pixel_accuracy"] == pytest.approx(3 / 5)


def test_nothing_right_is_a_mean_of_zero():
    summary = metrics.segmentation_summary({"confusion": np.array([[0.0, 1], [0, 0]])})
    assert summary == {"miou": 0, "miou_tp": 0, "pixel_accuracy": 0}


def test_depth_by_hand():
    target = tf.constant([[[1.0, 2.0, 4.0, 0.0]]])
    predicted = tf.constant([[[1.2, 1.5, 8.0, 9.0]]])
    sums = numbers(metrics.depth_statistics(predicted, target, target > 0))
    summary = metrics.depth_summary(sums)
    assert summary == pytest.approx(
        {
            "absolute_error": (0.2 + 0.5 + 4) / 3,
            "relative_error": (0.2 + 0.25 + 1) / 3,
            "rmse": ((0.04 + 0.25 + 16) / 3) ** 0.5,
            "delta_1": 1 / 3,  # 1.2 < 1.25; 2 / 1.5 = 1.33; 8 / 4 = 2
            "delta_2": 2 / 3,  # 1.33 < 1.5625
            "delta_3": 2 / 3,  # 2 > 1.953
        }
    )


@pytest.mark.parametrize("predicted", [0.0, -1.0])
def test_depth_behind_the_camera_is_within_no_factor(predicted):
    predicted = tf.constant([[[predicted]]])
    one = tf.constant([[[1.0]]])
    sums = numbers(metrics.depth_statistics(predicted, one, one > 0))
    assert [sums[name] for name in metrics.DELTAS] == [0, 0, 0]


def at_degrees(*degrees):
    """Unit vectors at these angles to the z axis, [1, 1, n, 3]."""
    angles = np.radians(degrees)
    vectors = np.stack([np.sin(angles), np.zeros(len(angles)), np.cos(angles)], axis=-1)
    return tf.constant(vectors[None, None], tf.float32)


def normals_summary(*degrees):
    predicted = at_degrees(*degrees)
    target = at_degrees(*[0] * len(degrees))
    valid = tf.ones(target.shape[:3], tf.bool)
    sums = numbers(metrics.normals_statistics(predicted, target, valid))
    return metrics.normals_summary(sums)


def test_normals_by_hand():
    summary = normals_summary(0, 20, 25, 35, 90)
    assert summary["mean_degrees"] == pytest.approx(34, abs=1e-4)
    assert summary["median_degrees"] == pytest.approx(25, abs=1e-3)
    assert summary["within_11.25"] == pytest.approx(1 / 5)
    assert summary["within_22.5"] == pytest.approx(2 / 5)
    assert summary["within_30"] == pytest.approx(3 / 5)
    # The median of an even number is the middle of the two.
    assert normals_summary(10, 20, 40, 90)["median_degrees"] == pytest.approx(
        30, abs=1e-3
    )
    assert normals_summary(180)["median_degrees"] == pytest.approx(180, abs=1e-3)


def normals_of_pixels(predicted, target):
    """The metrics of a row of pixels, from lists of vectors; a zero target is none."""
    target = np.array([[target]], np.float32)
    predicted = np.array([[predicted]], np.float32)
    valid = np.any(target != 0, axis=-1)
    return metrics.normals_summary(
        numbers(metrics.normals_statistics(predicted, target, valid))
    )


@pytest.mark.parametrize(
    ("predicted", "cosine", "degrees"),
    [
        # To the camera, coded (.5, 0, .5), for up, coded (.5, .5, 1): .75 of .707 times
        # 1.225. In our axes it were (.5, .5, 1) and (.5, 1, .5): 1.25 of 1.5.
        ((0, 0, 1), 0.75 / (0.5 * 1.5) ** 0.5, 90),
        # Away, coded (.5, 1, .5): 1.25 of 1.225 squared. Towards is not away.
        ((0, 0, -1), 1.25 / 1.5, 90),
        # Half as long, coded (.5, .25, .5): .875 of .75 times 1.225.
        ((0, 0, 0.5), 0.875 / (0.5625 * 1.5) ** 0.5, 90),
        # Up, twice as long as it should be, coded (.5, .5, 1.5): 2 of 1.658 and 1.225.
        ((0, 2, 0), 2 / (2.75 * 1.5) ** 0.5, 0),
        # Zeros are grey (.5, .5, .5), and of no direction: a right angle.
        ((0, 0, 0), 1 / (0.75 * 1.5) ** 0.5, 90),
        # Coded (0, 0, 0), no direction of a coded vector: a right angle again.
        ((-1, -1, 1), 0, 180 - np.degrees(np.arccos(1 / 3**0.5))),
    ],
)
def test_mad_is_the_angle_of_coded_vectors_in_adashares_axes(
    predicted, cosine, degrees
):
    summary = normals_of_pixels([predicted], [(0, 1, 0)])
    assert summary["mad"] == pytest.approx(np.arccos(cosine), abs=1e-6)
    assert summary["mean_degrees"] == pytest.approx(degrees, abs=1e-4)


def test_mad_is_the_mean_over_labelled_pixels():
    predicted = [(0, 0, -1), (0, 1, 0), (0, 0, 0), (np.nan, 0, 0)]
    target = [(0, 1, 0), (0, 1, 0), (0, 1, 0), (0, 0, 0)]
    # Cosines 5/6 (above), 1 and 1/1.0607; the last pixel has no label.
    angles = np.arccos([1.25 / 1.5, 1, 1 / 1.125**0.5])
    summary = normals_of_pixels(predicted, target)
    assert summary["mad"] == pytest.approx(angles.mean(), abs=1e-6)
    assert summary["mean_degrees"] == pytest.approx((90 + 0 + 90) / 3, abs=1e-4)


def test_a_prediction_that_is_no_number_is_not_hidden():
    summary = normals_of_pixels([(np.nan, 0, 0), (0, 1, 0)], [(0, 1, 0), (0, 1, 0)])
    assert np.isnan(summary["mad"]) and np.isnan(summary["mean_degrees"])


def test_mad_of_real_frames_by_adashares_rule(golden):
    """What AdaShare does with its own arrays, of predictions that are not unit."""
    values = golden("nyuv2_metrics")
    valid = np.any(values["normal"] != 0, axis=-1)
    raw = values["normal_pred"].astype(np.float32)
    ours = [our_axes(raw), our_axes(values["normal"]), valid]
    summary = metrics.normals_summary(numbers(metrics.normals_statistics(*ours)))
    # F.cosine_similarity of the coded vectors, then arccos.
    coded = [(v[valid].astype(np.float64) + 1) / 2 for v in (raw, values["normal"])]
    lengths = [np.linalg.norm(vectors, axis=-1) for vectors in coded]
    cosines = (coded[0] * coded[1]).sum(axis=-1) / (lengths[0] * lengths[1])
    expected = np.arccos(np.clip(cosines, -1, 1)).mean()
    assert summary["mad"] == pytest.approx(expected, rel=1e-5)
    # Made unit first, they would be nearer.
    unit = float(values["expect/normal_mad_coded_rad"])
    assert expected > 1.3 * unit


def test_the_median_of_many_is_within_half_a_bin():
    degrees = np.random.default_rng(0).gamma(2.0, 10.0, size=1001).clip(0, 180)
    median = normals_summary(*degrees)["median_degrees"]
    assert median == pytest.approx(np.median(degrees), abs=4e-4)


def test_small_angles_are_exact_and_no_direction_is_a_right_angle():
    small = metrics.angle(at_degrees(0.001), at_degrees(0))
    np.testing.assert_allclose(np.degrees(small), 0.001, rtol=1e-4)
    nothing = metrics.angle(tf.zeros([1, 3]), tf.constant([[0.0, 0.0, 1.0]]))
    np.testing.assert_allclose(nothing, np.pi / 2)
