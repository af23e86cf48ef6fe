"""Which classes are in an image, read off made-up label maps."""

import types

import numpy as np
import tensorflow as tf

from datasets.metadata import segmentation_info
from mgm_tf.data import objects

INFO = segmentation_info(("wall", "floor", "bed", "lamp"), ((0, 0, 0),) * 4)
NONE = INFO.missing
MAPS = np.array(
    [
        [[0, 0], [1, 0]],  # wall and floor
        [[3, NONE], [NONE, NONE]],  # a lamp, and what is not labelled
        [[NONE, NONE], [NONE, NONE]],
        [[0, 1], [2, 3]],
    ],
    INFO.dtype,
)[..., None]
EXPECTED = [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]


class Maps:
    """A split of label maps alone."""

    info = types.SimpleNamespace(tasks={INFO.name: INFO})

    def __init__(self, maps):
        self.maps = maps

    def __len__(self):
        return len(self.maps)

    def batch(self, numbers):
        return {INFO.name: tf.gather(tf.constant(self.maps), numbers)}


def test_presence_by_hand():
    found = objects.presence(Maps(MAPS), INFO.name)
    np.testing.assert_array_equal(found, EXPECTED)
    assert found.dtype == np.int32


def test_a_set_of_several_batches_is_read_in_order(monkeypatch):
    monkeypatch.setattr(objects, "BATCH", 3)
    found = objects.presence(Maps(np.tile(MAPS, (2, 1, 1, 1))), INFO.name)
    np.testing.assert_array_equal(found, EXPECTED * 2)


def test_a_class_that_is_nowhere_has_a_column():
    found = objects.presence(Maps(MAPS[:1]), INFO.name)
    assert found.shape == (1, 4)
