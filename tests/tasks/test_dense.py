"""Tasks: coding, masks, losses and metrics, for every task there is."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import (
    TaskInfo,
    depth_info,
    normals_info,
    segmentation_info,
)
from mgm_tf.tasks import dense, metrics

INFOS = {
    "segmentation": segmentation_info(("bed", "wall", "lamp"), ((0, 0, 0),) * 3),
    "depth": depth_info(target_shift=1.5, target_scale=2.0),
    "normals": normals_info(),
    "edges": TaskInfo(name="edges", scale=1e-4, target_shift=(0.1,)),
    "reshading": TaskInfo(name="reshading", scale=1e-4, target_scale=(0.5,)),
    "curvature": TaskInfo(
        name="curvature",
        channels=2,
        scale=1e-3,
        offset=-30.0,
        target_shift=(1.0, -2.0),
        target_scale=(4.0, 8.0),
    ),
}
REGRESSION = sorted(INFOS.keys() - {"segmentation"})


def labels(name):
    """Returns physical labels [2, 4, 5, channels] of a task, and where they are."""
    info = INFOS[name]
    generator = np.random.default_rng(len(name))
    physical = generator.uniform(0.5, 3, size=(2, 4, 5, info.channels))
    by_name = {
        "segmentation": np.floor(physical),
        "normals": physical / np.linalg.norm(physical, axis=-1, keepdims=True),
    }
    valid = generator.uniform(size=(2, 4, 5)) < 0.7
    return by_name.get(name, physical), valid


def stored(name):
    """Returns a task, its labels as stored, and the two arrays of `labels`."""
    physical, valid = labels(name)
    raw = [
        INFOS[name].encode(example, where)
        for example, where in zip(physical, valid, strict=True)
    ]
    return dense.task_of(INFOS[name]), tf.constant(np.stack(raw)), physical, valid


def perfect(task, target):
    """Returns a prediction that is right everywhere."""
    by_name = {"segmentation": lambda: 50 * tf.one_hot(target[..., 0], 3)}
    return by_name.get(task.name, lambda: target)()


def summed(task, *batches):
    sums = {}
    for batch in batches:
        for name, value in task.statistics(*batch).items():
            assert value.dtype == tf.float64
            sums[name] = sums.get(name, 0) + value.numpy()
    return sums


def test_every_task_is_tested():
    assert INFOS.keys() == dense.TASKS.keys()


def coded(info, raw):
    """Returns the target of a stored number, and the number it decodes to."""
    task = dense.task_of(info)
    target, _ = task.decode(tf.constant([[[[raw]]]]))
    return target.numpy().item(), task.physical(target).numpy().item()


def test_a_logarithmic_coding_by_hand():
    # Taskonomy's depth: log(1 + raw) / log(2**16), raw in 1/512 m.
    info = TaskInfo(
        name="depth",
        scale=1 / 512,
        missing=65535,
        target_log=1 / 512,
        target_scale=(16 * np.log(2),),
    )
    target, physical = coded(info, 511)
    assert target == pytest.approx(9 / 16, rel=1e-6)
    assert physical == pytest.approx(511 / 512, rel=1e-5)


def test_a_clipped_coding_by_hand():
    # Taskonomy's edges: clipped to [0, 0.08], taught in [-1, 1].
    info = TaskInfo(
        name="edges",
        scale=1 / 65535,
        target_clip=(0.0, 0.08),
        target_shift=(0.04,),
        target_scale=(0.04,),
    )
    assert coded(info, 65535) == pytest.approx((1.0, 0.08), rel=1e-5)
    assert coded(info, 2621)[0] == pytest.approx(0, abs=2e-4)


def test_the_unmasked_loss_counts_what_is_stored_where_there_is_no_label():
    # Of four pixels, 1, 2 and 3 m, and one that says 65.535 m for "missing".
    info = TaskInfo(name="depth", scale=1e-3, missing=65535, reports_unmasked=True)
    task = dense.task_of(info)
    raw = tf.constant([[[[1000], [2000]], [[3000], [65535]]]])
    target, valid = task.decode(raw)
    summary = task.summarize(summed(task, (tf.ones_like(target), target, valid)))
    assert summary["loss"] == pytest.approx((0 + 1 + 2) / 3)
    assert summary["loss_unmasked"] == pytest.approx((0 + 1 + 2 + 64.535) / 4)


def test_an_alternative_coding_has_a_name():
    info = TaskInfo(name="depth", codings={"metres": {"target_scale": (0.001,)}})
    assert info.with_coding("metres").target_scale == (0.001,)
    assert info.with_coding("") is not info and info.with_coding("") == info


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="'keypoints'.*segmentation, depth"):
        dense.task_of(TaskInfo(name="keypoints"))


@pytest.mark.parametrize("name", INFOS)
def test_decode(name):
    task, raw, physical, valid = stored(name)
    target, decoded_valid = task.decode(raw)
    np.testing.assert_array_equal(decoded_valid, valid)
    assert target.shape == physical.shape
    assert target.dtype == {"segmentation": tf.int32}.get(name, tf.float32)
    info = task.info
    coded = (physical - info.target_shift) / info.target_scale
    # Half a step of what is stored.
    tolerance = 0.51 * info.scale / min(info.target_scale)
    np.testing.assert_allclose(target[valid], coded[valid], atol=tolerance)


def test_targets_by_hand():
    depth = dense.task_of(INFOS["depth"])
    target, valid = depth.decode(tf.constant([[[[2500], [0]]]], tf.uint16))
    assert target[0, 0, 0, 0].numpy() == pytest.approx(0.5)  # (2.5 m - 1.5) / 2
    np.testing.assert_array_equal(valid, [[[True, False]]])
    normals = dense.task_of(INFOS["normals"])
    raw = tf.constant([[[[1, 32768, 65535], [0, 0, 0]]]], tf.uint16)
    target, valid = normals.decode(raw)
    np.testing.assert_allclose(target[0, 0, 0], [0, 0.5, 1], atol=1e-6)
    np.testing.assert_array_equal(valid, [[[True, False]]])


def test_one_labelled_channel_makes_a_label():
    task = dense.task_of(INFOS["curvature"])
    _, valid = task.decode(tf.constant([[[[0, 7], [0, 0]]]], tf.uint16))
    np.testing.assert_array_equal(valid, [[[True, False]]])


@pytest.mark.parametrize("name", INFOS)
def test_physical_values_of_a_perfect_prediction(name):
    task, raw, physical, valid = stored(name)
    target, _ = task.decode(raw)
    prediction = perfect(task, target)
    assert prediction.shape[-1] == task.output_channels
    values = task.physical(prediction)
    assert values.shape == physical.shape
    assert values.dtype == {"segmentation": tf.int32}.get(name, tf.float32)
    np.testing.assert_allclose(values[valid], physical[valid], atol=6e-4)


def test_physical_normals_are_unit_vectors_or_nothing():
    task = dense.task_of(INFOS["normals"])
    values = task.physical(tf.constant([[[[0.5, 0.5, 3.0], [0.5, 0.5, 0.5]]]]))
    np.testing.assert_array_equal(values, [[[[0, 0, 1], [0, 0, 0]]]])


@pytest.mark.parametrize("name", INFOS)
def test_a_perfect_prediction(name):
    task, raw, _, _ = stored(name)
    target, valid = task.decode(raw)
    prediction = perfect(task, target)
    assert task.loss(prediction, target, valid).numpy() == pytest.approx(0, abs=1e-6)
    summary = task.summarize(summed(task, (prediction, target, valid)))
    best = {True: 1.0, False: 0.0}[task.higher_is_better]
    assert summary[task.headline] == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("name", REGRESSION)
def test_loss_and_statistics_by_hand(name):
    task, raw, _, _ = stored(name)
    target, valid = task.decode(raw)
    prediction = target + 0.25
    assert task.loss(prediction, target, valid).numpy() == pytest.approx(0.25)
    summary = task.summarize(summed(task, (prediction, target, valid)))
    assert summary["loss"] == pytest.approx(0.25)
    # The error in physical units.
    error = 0.25 * np.mean(task.info.target_scale)
    assert summary.get("absolute_error", error) == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("name", INFOS)
def test_a_pixel_without_a_label_counts_nowhere(name):
    task, raw, _, valid = stored(name)
    generator = np.random.default_rng(1)
    shape = (2, 4, 5, task.output_channels)
    prediction = generator.normal(size=shape).astype(np.float32)
    elsewhere = np.where(valid[..., None], prediction, 1e6).astype(np.float32)
    target, mask = task.decode(raw)
    loss = task.loss(tf.constant(prediction), target, mask)
    assert task.loss(tf.constant(elsewhere), target, mask).numpy() == loss.numpy()
    sums = summed(task, (tf.constant(prediction), target, mask))
    others = summed(task, (tf.constant(elsewhere), target, mask))
    for key in sums:
        np.testing.assert_array_equal(sums[key], others[key])
    assert sums["pixels"] == np.count_nonzero(valid)


@pytest.mark.parametrize("name", INFOS)
def test_an_example_without_the_label_is_masked(name):
    task, raw, _, _ = stored(name)
    missing = tf.fill(raw.shape, tf.constant(task.info.missing, raw.dtype))
    target, valid = task.decode(missing)
    assert not np.any(valid)
    assert np.all(np.isfinite(target))
    prediction = tf.ones([2, 4, 5, task.output_channels])
    assert task.loss(prediction, target, valid) == 0
    summary = task.summarize(summed(task, (prediction, target, valid)))
    assert np.isnan(list(summary.values())).all()


@pytest.mark.parametrize("name", INFOS)
def test_metrics_do_not_depend_on_the_batch_size(name):
    task, raw, _, _ = stored(name)
    target, valid = task.decode(raw)
    prediction = tf.random.stateless_normal((2, 4, 5, task.output_channels), (1, 2))
    whole = (prediction, target, valid)
    singles = [[part[i : i + 1] for part in whole] for i in range(2)]
    summary = task.summarize(summed(task, whole))
    assert all(isinstance(value, float) for value in summary.values())
    assert task.summarize(summed(task, *singles)) == pytest.approx(summary, rel=1e-6)
    assert summary["loss"] == pytest.approx(task.loss(*whole).numpy(), rel=1e-5)


@pytest.mark.parametrize(
    ("shift", "scale", "prediction"),
    [
        # (0, 0, .5), half a unit vector to the camera, taught in 0..1 and in -1..1.
        (-1.0, 2.0, (0.5, 0.5, 0.75)),
        (0.0, 1.0, (0.0, 0.0, 0.5)),
    ],
)
def test_normals_are_measured_as_the_network_gives_them(shift, scale, prediction):
    info = dataclasses.replace(
        normals_info(), target_shift=(shift,), target_scale=(scale,)
    )
    task = dense.task_of(info)
    target = task.target(tf.constant([[[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]]]))
    predictions = tf.constant([[[prediction, (np.nan,) * 3]]], tf.float32)
    valid = tf.constant([[[True, False]]])
    summary = task.summarize(summed(task, (predictions, target, valid)))
    # In AdaShare's axes (0, -.5, 0), coded (.5, .25, .5), and up, coded (.5, .5, 1):
    # .875 of .75 times 1.225. Made unit first, it would be .75 of .707 times 1.225.
    cosine = 0.875 / (0.75 * 1.5**0.5)
    assert summary["mad"] == pytest.approx(np.arccos(cosine), abs=1e-5)
    assert summary["mean_degrees"] == pytest.approx(90, abs=1e-4)
    np.testing.assert_allclose(
        task.physical(predictions[..., :1, :]), [[[[0, 0, 1]]]], atol=1e-6
    )


def test_names_of_the_metrics():
    depth = {"absolute_error", "relative_error", "rmse", *metrics.DELTAS, "loss"}
    normals = {"mad", "mean_degrees", "median_degrees", *metrics.WITHIN, "loss"}
    expected = {
        "segmentation": ("miou", {"miou", "miou_tp", "pixel_accuracy", "loss"}),
        "depth": ("absolute_error", depth),
        "normals": ("mad", normals),
        "edges": ("loss", {"absolute_error", "loss"}),
        "reshading": ("loss", {"absolute_error", "loss"}),
        "curvature": ("loss", {"absolute_error", "loss"}),
    }
    for name, (headline, keys) in expected.items():
        task, raw, _, _ = stored(name)
        target, valid = task.decode(raw)
        batch = (perfect(task, target), target, valid)
        assert task.summarize(summed(task, batch)).keys() == keys
        assert task.headline == headline
        assert task.name == name


# --- Predictions in the place of labels ---------------------------------------------


def two_predictions(name):
    task = dense.task_of(INFOS[name])
    shape = (2, 4, 5, task.output_channels)
    return task, *(tf.random.stateless_normal(shape, (2, seed)) for seed in (0, 1))


@pytest.mark.parametrize("name", INFOS)
def test_the_distance_is_the_loss_if_the_other_were_the_label(name):
    task, first, second = two_predictions(name)
    # Of classes, if it were sure of them.
    sure = 100 * tf.one_hot(tf.argmax(second, axis=-1), second.shape[-1])
    second = {"segmentation": sure}.get(name, second)
    everywhere = tf.ones((2, 4, 5), tf.bool)
    values = task.distance(first, second)
    assert values.shape == (2, 4, 5) and values.dtype == tf.float32
    loss = task.loss(first, task.as_target(second), everywhere)
    assert np.mean(values) == pytest.approx(loss.numpy(), rel=1e-5)


@pytest.mark.parametrize("name", REGRESSION)
def test_the_distance_of_numbers_is_none_to_themselves(name):
    task, first, second = two_predictions(name)
    np.testing.assert_array_equal(task.distance(first, first), np.zeros((2, 4, 5)))
    by_hand = np.abs(first.numpy() - second.numpy()).mean(axis=-1)
    np.testing.assert_allclose(task.distance(first, second), by_hand, rtol=1e-6)


def test_the_distance_of_classes_by_hand():
    # A pixel that is predicted with (1/2, 1/4, 1/4), of one with (1/4, 3/4, 0).
    task = dense.task_of(INFOS["segmentation"])
    first = tf.math.log([[[[2.0, 1.0, 1.0]]]])
    second = tf.math.log([[[[1.0, 3.0, 1e-30]]]])
    expected = np.log(2) / 4 + np.log(4) * 3 / 4
    assert task.distance(first, second).numpy() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", INFOS)
def test_a_prediction_as_a_target_is_what_predicts_the_same(name):
    task, prediction, _ = two_predictions(name)
    target = task.as_target(prediction)
    assert target.dtype == {"segmentation": tf.int32}.get(name, tf.float32)
    channels = {"segmentation": 1}.get(name, task.output_channels)
    assert target.shape == (2, 4, 5, channels)
    physical = task.physical_target(target)
    np.testing.assert_allclose(physical, task.physical(prediction), rtol=1e-6)


def test_the_target_of_logits_is_the_likeliest_class():
    task = dense.task_of(INFOS["segmentation"])
    target = task.as_target(tf.constant([[[[0.0, 3.0, 1.0], [-1.0, -2.0, -3.0]]]]))
    np.testing.assert_array_equal(target, [[[[1], [0]]]])
