"""Colours and errors that a pencil can check."""

import numpy as np
import pytest

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.plotting import colors

BLACK = [0, 0, 0]
CLASSES = segmentation_info(("wall", "bed"), ((10, 20, 30), (200, 100, 50)))


def test_a_class_has_its_color_and_no_label_is_black():
    ids = np.array([[0, 1], [1, 255]])
    valid = np.array([[True, True], [False, True]])
    expected = [[[10, 20, 30], [200, 100, 50]], [BLACK, BLACK]]
    np.testing.assert_array_equal(colors.colorize(CLASSES, ids, valid), expected)


def test_normals_are_coded_by_axis():
    towards_camera, left = [0, 0, 1], [-1, 0, 0]
    picture = colors.colorize(normals_info(), np.array([[towards_camera, left]]))
    # (n + 1) * 127.5, and 127.5 rounds to the even 128.
    np.testing.assert_array_equal(picture, [[[128, 128, 255], [0, 128, 128]]])


def test_depth_scales_share_their_ends():
    info = depth_info()
    near_far = colors.colorize(info, np.array([[1.0, 3.0]]), low=1, high=3)
    clipped = colors.colorize(info, np.array([[0.5, 9.0]]), low=1, high=3)
    np.testing.assert_array_equal(near_far, clipped)
    assert near_far[0, 0, 2] > near_far[0, 0, 0]  # turbo: near is blue,
    assert near_far[0, 1, 0] > near_far[0, 1, 2]  # far is red.


def test_grey_goes_from_the_least_to_the_largest_value():
    info = TaskInfo(name="reshading")
    picture = colors.colorize(info, np.array([[0.2, 0.7]]))
    np.testing.assert_array_equal(picture, [[[0] * 3, [255] * 3]])


def test_curvature_is_the_mean_of_both_and_balanced_about_flat():
    info = TaskInfo(name="curvature", channels=2)
    maps = np.array([[[3.0, 1.0], [1.0, -1.0], [-3.0, -1.0]]])  # means 2, 0, -2
    assert colors.value_range(info, maps) == (-2.0, 2.0)
    convex, flat, concave = colors.colorize(info, maps)[0].astype(int)
    assert convex[0] > convex[2] and concave[2] > concave[0]
    assert np.ptp(flat) <= 2


def test_not_a_number_is_black_and_does_not_break_the_scale():
    info = depth_info()
    maps = np.array([[1.0, np.nan, 3.0]])
    assert colors.value_range(info, maps) == (1.0, 3.0)
    np.testing.assert_array_equal(colors.colorize(info, maps)[0, 1], BLACK)


def test_a_constant_map_and_one_without_values_have_colors():
    constant = np.full((2, 2), 2.5)
    assert colors.colorize(depth_info(), constant).shape == (2, 2, 3)
    empty = colors.colorize(depth_info(), constant, np.zeros((2, 2), bool))
    assert not empty.any()


def test_wrong_classes_are_red():
    prediction, target = np.array([[0, 1, 1]]), np.array([[0, 0, 255]])
    valid = np.array([[True, True, False]])
    picture, words = colors.error_map(CLASSES, prediction, target, valid)
    np.testing.assert_array_equal(picture[0], [colors.RIGHT, colors.WRONG, BLACK])
    assert words == "50.0% wrong"


def test_the_largest_error_is_given_in_words():
    prediction, target = np.array([[1.0, 2.0, 9.0]]), np.array([[1.5, 2.0, 0.0]])
    valid = np.array([[True, True, False]])
    picture, words = colors.error_map(depth_info(), prediction, target, valid)
    assert words == "max 0.5, mean 0.25 m"
    np.testing.assert_array_equal(picture[0, 2], BLACK)
    assert picture[0, 1].any()  # No error is not "no label".


def test_errors_are_compared_on_one_scale():
    worse, better, target = np.array([[3.0, 1.0]]), np.array([[1.5, 1.0]]), [[1.0, 1.0]]
    end = colors.largest_error(depth_info(), worse, target)
    assert end == 2
    whole, _ = colors.error_map(depth_info(), worse, target)
    part, words = colors.error_map(depth_info(), better, target, end=end)
    quarter, _ = colors.error_map(depth_info(), [[3.0, 1.5]], target)
    np.testing.assert_array_equal(part[0, 0], quarter[0, 1])
    np.testing.assert_array_equal(part[0, 1], whole[0, 1])
    assert words == "max 0.5, mean 0.25 m"


def test_the_largest_error_is_one_with_a_label():
    target, valid = np.array([[1.0, 1.0, 1.0]]), np.array([[True, True, False]])
    prediction = np.array([[1.25, np.nan, 9.0]])
    assert colors.largest_error(depth_info(), prediction, target, valid) == 0.25
    classes = np.array([[0, 1, 1]])
    assert colors.largest_error(CLASSES, classes, [[0, 1, 0]], valid) == 0
    assert colors.largest_error(CLASSES, classes, [[0, 0, 1]], valid) == 1


def test_errors_of_normals_are_angles():
    prediction, target = np.array([[[1.0, 0, 0]]]), np.array([[[0, 1.0, 0]]])
    assert colors.error_map(normals_info(), prediction, target)[1] == (
        "max 90, mean 90 degrees"
    )


def test_errors_that_are_not_numbers_are_counted():
    prediction, target = np.array([[np.nan, 2.0]]), np.array([[1.0, 1.0]])
    words = colors.error_map(depth_info(), prediction, target)[1]
    assert words == "1 NaN, max 1, mean 1 m"


def test_refuses_what_it_cannot_show():
    with pytest.raises(ValueError, match="No colours for the task 'keypoints'"):
        colors.colorize(TaskInfo(name="keypoints"), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"normals: expected a map \[H, W, 3\]"):
        colors.colorize(normals_info(), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"valid of shape \(2, 2\), got \(2, 3\)"):
        colors.colorize(depth_info(), np.zeros((2, 2)), np.ones((2, 3), bool))
