"""The constant predictor by hand: medians, commonest classes, missing labels."""

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import depth_info, segmentation_info
from mgm_tf.tasks.dense import task_of
from mgm_tf.train import validation
from mgm_tf.train.constant_predictor import class_frequencies, estimate, median

CLASSES = (("wall", "floor", "bed"), ((0, 0, 0),) * 3)
DEPTH, SEGMENTATION = task_of(depth_info()), task_of(segmentation_info(*CLASSES))


class FakeSplit:
    """Examples of one row of pixels with the interface of a `Split`.

    Args:
      depth: depths [N, W] in millimetres, 0 without a label.
      segmentation: class numbers [N, W], 255 without a label.
    """

    def __init__(self, depth, segmentation=None):
        self.depth = np.array(depth, np.uint16)[:, None, :, None]
        classes = np.zeros_like(depth) if segmentation is None else segmentation
        self.segmentation = np.array(classes, np.uint8)[:, None, :, None]
        self.numbers_read: list[int] = []

    def __len__(self):
        return len(self.depth)

    def batch(self, numbers):
        maps = {"depth": self.depth, "segmentation": self.segmentation}
        maps["image"] = np.zeros((*self.depth.shape[:3], 3), np.uint8)
        if tf.executing_eagerly():
            self.numbers_read += numbers.numpy().tolist()
        return {name: tf.gather(values, numbers) for name, values in maps.items()}


def test_a_number_is_the_lower_median_of_the_labels_at_its_pixel():
    # Of 1 3 2 the median is 2; of 1 and 3 the lower one is 1; one label is itself; a
    # pixel without any has the median of all labels, 1 1 2 3 3 7.
    split = FakeSplit([[1000, 1000, 7000, 0], [3000, 3000, 0, 0], [2000, 0, 0, 0]])
    maps = estimate(split, (DEPTH,)).maps
    np.testing.assert_allclose(maps["depth"], [[[2], [1], [7], [2.5]]], rtol=1e-6)


def test_every_channel_has_its_own_median():
    targets = np.array([[0.0, 9.0], [1.0, 8.0], [5.0, 1.0]])[:, None, None]
    result = median(targets, np.ones((3, 1, 1), bool), channels=2)
    np.testing.assert_array_equal(result, [[[1.0, 8.0]]])


def test_without_any_label_a_number_is_zero():
    result = median(np.full((2, 1, 3, 2), np.nan), np.zeros((2, 1, 3), bool), 2)
    np.testing.assert_array_equal(result, np.zeros((1, 3, 2)))


def test_a_class_is_the_commonest_at_its_pixel():
    # The second pixel is a tie of 0 and 2, of which 2 is commoner in the set; the third
    # has no label and takes what is commonest in the set, 1 and 2 alike.
    classes = [[1, 0, 255], [1, 2, 255], [2, 255, 255], [2, 255, 255], [1, 255, 255]]
    split = FakeSplit(np.ones((5, 3)), [*classes, [2, 255, 255], [1, 255, 255]])
    maps = estimate(split, (SEGMENTATION,)).maps["segmentation"]
    # Labels: class 1 four times, class 2 three and one, class 0 once.
    np.testing.assert_array_equal(maps[:, :2].argmax(axis=-1), [[1, 2]])
    assert maps[0, 2, 1] == maps[0, 2, 2] > maps[0, 2, 0]


def test_class_frequencies_are_logarithms_of_shares():
    targets = np.array([0, 0, 1, 0])[:, None, None, None]
    valid = np.ones((4, 1, 1), bool)
    result = class_frequencies(targets, valid, channels=3)[0, 0]
    # Counts 3 1 0 and one more example of 4/7, 2/7, 1/7.
    np.testing.assert_allclose(np.exp(result), np.array([25, 9, 1]) / 35)


def test_its_loss_is_least_among_constants():
    split = FakeSplit([[1000], [2000], [9000]])
    metrics = {}
    for metres in (None, 1.5, 2.5, 4.0):

        def constant(images, metres=metres):
            return {"depth": tf.fill((tf.shape(images)[0], 1, 1, 1), metres)}

        predictor = estimate(split, (DEPTH,)) if metres is None else constant
        result = validation.Evaluator(predictor, (DEPTH,), 2)(split)
        metrics[metres] = result["depth"]["loss"]
    assert metrics.pop(None) == pytest.approx(8 / 3) and min(metrics.values()) > 8 / 3


def test_the_prediction_is_the_same_for_any_image():
    predict = estimate(FakeSplit([[1000, 2000]]), (DEPTH, SEGMENTATION))
    result = predict(tf.random.stateless_uniform((3, 1, 2, 3), (0, 0)))
    assert result["depth"].shape == (3, 1, 2, 1)
    assert result["segmentation"].shape == (3, 1, 2, 3)
    np.testing.assert_allclose(result["depth"][2, 0, :, 0], [1, 2], rtol=1e-6)
    np.testing.assert_array_equal(result["depth"][0], result["depth"][2])


def test_of_many_examples_some_are_read_evenly_spread():
    split = FakeSplit(np.ones((100, 1)))
    estimate(split, (DEPTH,), most=40)
    assert split.numbers_read == list(range(0, 100, 3))
    split.numbers_read.clear()
    estimate(split, (DEPTH,), most=100)
    assert split.numbers_read == list(range(100))


def test_it_is_kept_in_a_file(tmp_path):
    path = tmp_path / "constant.npz"
    first = estimate(FakeSplit([[1000]]), (DEPTH, SEGMENTATION), path=path)
    second = estimate(FakeSplit([[5000]]), (DEPTH, SEGMENTATION), path=path)
    assert list(tmp_path.iterdir()) == [path]
    for name in ("depth", "segmentation"):
        np.testing.assert_array_equal(first.maps[name], second.maps[name])
