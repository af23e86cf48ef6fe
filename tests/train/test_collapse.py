"""The signs of a collapse, by numbers that one can see."""

import numpy as np
import pytest

from mgm_tf.train import collapse


def told(rows):
    look = collapse.Adversaries()
    names = ("discriminate/real", "discriminate/synthesized")
    return [look(dict(zip(names, row, strict=True))) for row in rows]


def test_a_discriminator_that_says_the_same_of_all_is_told_the_third_time():
    assert [bool(words) for words in told([(1.0, 1.0)] * 5)] == [0, 0, 1, 0, 0]
    assert "D says the same" in told([(1.0, 0.9995)] * 3)[2]


def test_a_discriminator_that_is_sure_of_all_is_told():
    assert "D is sure of every image" in told([(0.0, 0.0005)] * 3)[2]


@pytest.mark.parametrize(
    "rows",
    [
        [(0.5, 0.6)] * 4,
        # One of the two alone is a game that goes on.
        [(0.0, 1.5)] * 4,
        [(1.0, 0.4)] * 4,
        # Not in a row.
        [(1.0, 1.0), (1.0, 1.0), (0.8, 0.7)] * 2,
        # One after the other, of different kinds.
        [(1.0, 1.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)],
    ],
)
def test_a_game_that_goes_on_is_no_collapse(rows):
    assert not any(told(rows))


def test_without_a_discriminator_there_is_nothing_to_tell():
    look = collapse.Adversaries()
    assert not any(look({"multi_task/depth": 1.0}) for _ in range(4))


def test_a_generator_of_one_image_is_told():
    row = np.full((1, 4, 2, 2, 3), 100, np.uint8)
    # Deviations of 0 and of 0.5; of 2 in the last.
    assert "deviation of 0.00 of 255" in collapse.of_generator(row)
    row[:, ::2] += 1
    assert "deviation of 0.50 of 255" in collapse.of_generator(row)
    row[:, ::2] += 3
    assert collapse.of_generator(row) == ""
    assert collapse.of_generator(row[:, :1]) == ""


def test_scene_classes_that_differ_are_no_variety():
    rows = np.stack([np.full((3, 2, 2, 3), value, np.uint8) for value in (0, 200)])
    assert collapse.of_generator(rows)
