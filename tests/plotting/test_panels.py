"""Panels of every task at sizes from tiny to large."""

import numpy as np
import pytest

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.plotting import colors, panels, tiles

GREEN, BLUE = (0, 200, 0), (0, 0, 200)
INFOS = {
    info.name: info
    for info in (
        segmentation_info(("wall", "bed"), (GREEN, BLUE)),
        depth_info(),
        normals_info(),
        TaskInfo(name="edges"),
        TaskInfo(name="reshading"),
        TaskInfo(name="curvature", channels=2, unit="1/m"),
    )
}


def maps(height, width):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    physical = {
        name: random.normal(size=(height, width, info.channels))
        for name, info in INFOS.items()
    }
    physical["segmentation"] = random.integers(0, 2, (height, width))
    return image, physical


def count(picture, color):
    return int((picture == color).all(axis=-1).sum())


@pytest.mark.parametrize("size", [(64, 64), (1000, 750), (20, 200)])
def test_panels_of_all_tasks(size):
    image, physical = maps(*size)
    valids = {name: np.ones(size, bool) for name in INFOS}
    picture = panels.task_panel(INFOS, image, physical, physical, valids)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    tile = tiles.fit(image).shape
    assert picture.shape[0] > len(INFOS) * tile[0]
    assert picture.shape[1] > 4 * tile[1]
    shown = panels.prediction_panel(INFOS, image, physical, "bedroom (87%)")
    assert shown.shape[0] > 2 * tile[0]  # 7 pictures, 4 in a row


def test_every_task_that_has_colors_is_among_them():
    assert set(INFOS) == set(colors.COLORS)


def test_prediction_and_target_share_the_range_of_the_target():
    image = np.full((160, 160, 3), 7, np.uint8)
    target = np.linspace(1, 3, 160)[None].repeat(160, axis=0)
    # The prediction goes beyond the target's range: it takes the colour of its ends.
    predicted = np.where(np.arange(160) < 80, 0.0, 9.0)[None].repeat(160, axis=0)
    infos = {"depth": INFOS["depth"]}
    valid = {"depth": np.ones((160, 160), bool)}
    shown = panels.task_panel(
        infos, image, {"depth": predicted}, {"depth": target}, valid
    )
    (near, far) = colors.colorize(INFOS["depth"], np.array([[1.0, 3.0]]))[0]
    for end in (near, far):
        assert count(shown, end) >= 80 * 160


def test_a_task_without_target_or_labels_has_no_error():
    image, physical = maps(160, 160)
    infos = {"depth": INFOS["depth"]}
    nowhere = {"depth": np.zeros((160, 160), bool)}
    absent = panels.task_panel(infos, image, physical, {}, {})
    empty = panels.task_panel(infos, image, physical, physical, nowhere)
    np.testing.assert_array_equal(absent, empty)
    assert count(absent, (0, 0, 0)) >= 2 * 160 * 160  # target and error


def test_the_legend_lists_the_classes_that_occur():
    image = np.full((160, 160, 3), 7, np.uint8)
    infos = {"segmentation": INFOS["segmentation"]}
    walls = {"segmentation": np.zeros((160, 160, 1), np.int32)}
    only_walls = panels.prediction_panel(infos, image, walls)
    assert count(only_walls, GREEN) > 160 * 160 and count(only_walls, BLUE) == 0
    targets = {"segmentation": np.ones((160, 160, 1), np.int32)}
    targets["segmentation"][:80] = 255
    valids = {"segmentation": np.repeat([False, True], 80)[:, None].repeat(160, 1)}
    both = panels.task_panel(infos, image, walls, targets, valids)
    assert count(both, BLUE) > 80 * 160


def test_rows_of_images():
    images = [np.full((64, 64, 3), 9, np.uint8)] * 3
    picture = panels.image_grid([images, images[:2]], ["bedroom", "kitchen"])
    assert count(picture, (9, 9, 9)) == 5 * 128 * 128


def test_network_images_become_bytes():
    images = np.array([-1.0, 0.0, 1.0, 1.7], np.float32)
    np.testing.assert_array_equal(panels.as_bytes(images), [0, 128, 255, 255])


def test_refuses_images_that_are_not_bytes():
    with pytest.raises(ValueError, match="Expected an image uint8"):
        panels.image_grid([[np.zeros((64, 64, 3), np.float32)]], ["a"])
