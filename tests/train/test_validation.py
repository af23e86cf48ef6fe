"""Metrics of a whole split by hand, whatever the batch size, and their score."""

import math

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import depth_info, normals_info, segmentation_info
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical, MultiHot
from mgm_tf.train import validation

CLASSES = (("wall", "floor"), ((0, 0, 0), (9, 9, 9)))
TASKS = (task_of(segmentation_info(*CLASSES)), task_of(depth_info()))


class FakeSplit:
    """Three examples of 2 x 2 pixels with the interface of a `Split`.

    Red is a hundredth of the depth that `predict` sees, green above 127 the class 1.
    """

    image = np.zeros((3, 2, 2, 3), np.uint8)
    image[..., 0] = [[[150, 200], [77, 200]], [[9, 9], [9, 9]], [[100] * 2, [100] * 2]]
    image[..., 1] = [[[0, 255], [0, 255]], [[255, 0], [0, 0]], [[0, 0], [0, 0]]]
    segmentation = np.array(
        [[[0, 1], [1, 255]], [[0, 0], [255, 255]], [[255, 255], [255, 255]]], np.uint8
    )[..., None]
    depth = np.array(
        [[[1000, 2000], [0, 4000]], [[0, 0], [0, 0]], [[1000, 1000], [1000, 1000]]],
        np.uint16,
    )[..., None]

    scene = np.array([0, -1, 1], np.int32)

    def __len__(self):
        return 3

    def scenes(self):
        return self.scene

    def batch(self, numbers):
        names = ("image", "segmentation", "depth", "scene")
        return {name: tf.gather(getattr(self, name), numbers) for name in names}


def predict(images):
    """Predicts by colours of images in [-1, 1]: depth by red, the class by green."""
    red, green = (images[..., channel, None] for channel in (0, 1))
    return {
        "segmentation": tf.concat([-green, green], axis=-1),
        "depth": (red + 1) * 1.275,
    }


def evaluate(batch_size=2, split=None):
    """Returns the metrics of `predict`."""
    return validation.Evaluator(predict, TASKS, batch_size)(split or FakeSplit())


def test_metrics_of_a_set_by_hand():
    metrics = evaluate()
    # Labelled and predicted: 0 as 0 twice, 0 as 1, 1 as 0, 1 as 1.
    # Class 0: 2 of 4 in the union; class 1: 1 of 3.
    assert metrics["segmentation"]["miou"] == pytest.approx((2 / 4 + 1 / 3) / 2)
    assert metrics["segmentation"]["pixel_accuracy"] == pytest.approx(3 / 5)
    # Errors of 0.5, 0 and 2 metres in the first example, 0 in the four of the third.
    assert metrics["depth"]["absolute_error"] == pytest.approx(2.5 / 7, rel=1e-6)
    assert metrics["depth"]["rmse"] == pytest.approx(math.sqrt(4.25 / 7), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_the_batch_size_changes_nothing(batch_size):
    first, second = (validation.flat(evaluate(size)) for size in (2, batch_size))
    assert first.keys() == second.keys()
    assert first == pytest.approx(second, rel=1e-12, nan_ok=True)


def test_a_task_without_a_label_has_no_metrics():
    split = FakeSplit()
    split.depth = np.zeros_like(split.depth)
    metrics = evaluate(split=split)
    assert all(math.isnan(value) for value in metrics["depth"].values())
    assert metrics["segmentation"] == evaluate()["segmentation"]


def headlines(miou, absolute_error):
    return {
        "segmentation": {"miou": miou, "pixel_accuracy": 0.5},
        "depth": {"absolute_error": absolute_error},
    }


@pytest.mark.parametrize(
    ("miou", "absolute_error", "score"),
    [
        (0.2, 0.5, 0.0),  # the constant predictor
        (1.0, 0.0, 1.0),  # perfect
        (0.6, 0.5, 0.25),  # half of the way in one of two tasks
        (0.6, 0.25, 0.5),
        (0.2, 1.0, -0.5),  # twice the error is as bad as perfect is good
    ],
)
def test_the_score_is_the_way_from_the_constant_to_perfection(
    miou, absolute_error, score
):
    baseline = headlines(0.2, 0.5)
    result = validation.score(headlines(miou, absolute_error), baseline, TASKS)
    assert result == pytest.approx(score)


def test_a_task_with_nothing_to_gain_does_not_count():
    unlabelled = validation.score(
        headlines(0.6, math.nan), headlines(0.2, math.nan), TASKS
    )
    perfect = validation.score(headlines(0.6, 0.1), headlines(0.2, 0.0), TASKS)
    assert unlabelled == perfect == pytest.approx(0.5)
    nothing = headlines(math.nan, math.nan)
    assert math.isnan(validation.score(nothing, nothing, TASKS))


def test_the_score_of_nan_is_nan():
    result = validation.score(headlines(0.5, math.nan), headlines(0.2, 0.5), TASKS)
    assert math.isnan(result)


def test_the_table_has_the_model_and_the_constant_predictor():
    metrics = {"depth": {"absolute_error": 0.123456, "rmse": math.nan}}
    constant = {"depth": {"absolute_error": 12.0, "rmse": 0.5}}
    assert validation.table(
        metrics, constant, {"depth": "absolute_error"}
    ).splitlines() == [
        "task          metric                 model  constant",
        "depth         absolute_error *      0.1235   12.0000",
        "depth         rmse                       -    0.5000",
    ]


def test_every_task_has_its_headline_in_its_metrics():
    metrics = evaluate()
    normals = task_of(normals_info())
    for task in TASKS:
        assert task.headline in metrics[task.name]
    assert normals.headline == "mad"


def test_flat_names_are_task_and_metric():
    flat = validation.flat({"depth": {"rmse": 1.0}, "normals": {"mad": 2.0}})
    assert flat == {"depth/rmse": 1.0, "normals/mad": 2.0}


# --- The image label ----------------------------------------------------------------

SCENE_CLASSES = Categorical(("dim", "bright"))


def refine(predictions, training):
    """Classifies as bright what has a mean depth above a metre."""
    assert not training
    depth = tf.reduce_mean(predictions["depth"], axis=(1, 2))
    return tf.concat([1 - depth, depth - 1], axis=-1)


def evaluate_scenes(scene_classes, split, batch_size=2):
    """Returns the metrics of `predict` and `refine`."""
    predictor = validation.with_scenes(predict, refine)
    return validation.Evaluator(predictor, TASKS, batch_size, scene_classes)(split)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_the_scene_is_evaluated_where_it_is_known(batch_size):
    split = FakeSplit()
    split.image = split.image.copy()
    split.image[1:, ..., 0] = 20  # dim: .2 m
    metrics = evaluate_scenes(SCENE_CLASSES, split, batch_size)
    # Bright, dim and dim; labelled dim, not at all and bright.
    assert metrics["scene"] == {"accuracy": 0}
    split.scene = np.array([1, -1, 1], np.int32)
    assert evaluate_scenes(SCENE_CLASSES, split, batch_size)["scene"] == {
        "accuracy": 0.5
    }


def test_scenes_change_nothing_else():
    metrics = evaluate_scenes(SCENE_CLASSES, FakeSplit())
    assert metrics.pop("scene").keys() == {"accuracy"}
    assert metrics == evaluate()


def test_each_of_several_labels_is_evaluated():
    split = FakeSplit()
    split.scene = np.array([[1, 1], [0, 0], [0, 1]], np.int32)
    # Predicted: bright alone, of all (depths of 1.5675 m, .09 m and 1 m on average).
    split.image = split.image.copy()
    split.image[2, ..., 0] = 200
    metrics = evaluate_scenes(MultiHot(SCENE_CLASSES.names), split)["scene"]
    assert metrics == pytest.approx({"f1": 4 / 5, "f1_macro": 0.5, "accuracy": 3 / 4})


def test_the_constant_predicts_what_is_frequent():
    split = FakeSplit()
    frequencies = np.array([0.6, 0.4], np.float32)
    metrics = validation.constant_scene_metrics(split, SCENE_CLASSES, frequencies)
    assert metrics == {"accuracy": 0.5}  # dim, which the first of two is
    split.scene = np.array([[1, 1], [0, 0], [0, 1]], np.int32)
    metrics = validation.constant_scene_metrics(
        split, MultiHot(SCENE_CLASSES.names), frequencies
    )
    # Dim alone, in both: one hit, two misses, one false alarm.
    assert metrics == pytest.approx({"f1": 2 / 5, "f1_macro": 1 / 3, "accuracy": 1 / 4})


def test_the_score_leaves_scenes_out():
    metrics, baseline = headlines(0.6, 0.5), headlines(0.2, 0.5)
    scene = {"scene": {"accuracy": 0.9}}
    assert validation.score(metrics | scene, baseline, TASKS) == pytest.approx(0.25)


def test_the_table_shows_scenes():
    metrics = {"depth": {"absolute_error": 0.1}, "scene": {"accuracy": 0.5}}
    stars = {"depth": "absolute_error", "scene": "accuracy"}
    last = validation.table(metrics, metrics, stars).splitlines()[-1]
    assert last == "scene         accuracy *            0.5000    0.5000"
