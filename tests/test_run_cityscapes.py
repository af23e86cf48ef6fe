"""Cityscapes-Zurich, made up, by its flag file: G, D and R see label vectors."""

import numpy as np

from tests import data_set_run
from tests.datasets import test_cityscapes_zurich as cityscapes


def write(folder):
    """Frames with a horizon each."""
    for number in range(12):
        horizon = 250 + 40 * number
        image, ids = cityscapes.image(number), cityscapes.ids(number)
        image[:horizon, :, 2], image[horizon:, :, 2] = 200, 80
        ids[:horizon, 32:], ids[horizon:, 32:] = cityscapes.SKY, cityscapes.ROAD
        cityscapes.save(image, folder / cityscapes.image_of(number))
        cityscapes.save(ids, folder / cityscapes.labels_of(number))


def test_cityscapes_trains(tmp_path):
    write(tmp_path / "manual")
    done = data_set_run.trained(
        "cityscapes_zurich", tmp_path, "--augmentation=flip_crop"
    )
    assert done.data.scene_classes.kind == "multi_hot"
    assert {"generator", "discriminator", "refiner"} <= done.trained(step=6)
    # Road and sky are in every frame.
    present = [done.data.scene_classes.names.index(name) for name in ("road", "sky")]
    np.testing.assert_array_equal(done.data.frequencies[present], 1)
