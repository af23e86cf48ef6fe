"""Grids: nothing is cut off, small pictures grow by whole factors."""

import numpy as np
import pytest

from mgm_tf.plotting import tiles
from mgm_tf.plotting.tiles import GAP, Tile

RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((64, 64), (192, 192)),  # the first multiple that reaches 160
        ((40, 80), (80, 160)),
        ((160, 100), (160, 100)),
        ((300, 200), (300, 200)),
        ((500, 1000), (192, 384)),
        ((1, 1000), (1, 384)),
    ],
)
def test_fit(shape, expected):
    assert tiles.fit(np.zeros((*shape, 3), np.uint8)).shape == (*expected, 3)


def test_growing_keeps_pixels_square():
    picture = np.array([[[1, 1, 1], [9, 9, 9]]], np.uint8)
    grown = tiles.fit(picture, smallest=4)
    np.testing.assert_array_equal(grown[..., 0], [[1, 1, 9, 9], [1, 1, 9, 9]])


def test_a_grid_is_as_large_as_what_is_in_it():
    picture = tiles.grid([[Tile(RED), Tile(RED)]])
    assert picture.shape == (GAP + 4 + 2 + GAP, GAP + 2 * (6 + GAP), 3)
    assert (picture == (255, 0, 0)).all(axis=-1).sum() == 2 * 4 * 6


def test_columns_are_as_wide_as_their_text():
    text = "a title that is wider than the picture"
    width = tiles.text_width(text)
    for tile in (Tile(RED, text), Tile(RED, caption=text)):
        assert tiles.grid([[tile]]).shape[1] == GAP + width + GAP
    plain = tiles.grid([[Tile(RED)]]).shape[1]
    titled = tiles.grid([[Tile(RED)]], row_titles=[text]).shape[1]
    assert titled == plain + width + GAP


def test_text_is_written_and_not_over_pictures():
    tile = Tile(RED, "title", "caption", np.zeros((8, 3), np.uint8), ("0 m", "9 m"))
    picture = tiles.grid([[tile, tile], [tile]], ["first", "second"])
    assert (picture == (255, 0, 0)).all(axis=-1).sum() == 3 * 4 * 6
    ink = (picture == tiles.INK).all(axis=-1)
    assert ink.any()
    edge = GAP // 2
    assert not ink[:edge].any() and not ink[-edge:].any()
    assert not ink[:, :edge].any() and not ink[:, -edge:].any()


def test_legends_break_into_lines():
    legend = [(f"class {i}", (0, 200, 0)) for i in range(5)]
    narrow = tiles.grid([[Tile(RED)]], legend=legend)
    wide = tiles.grid([[Tile(RED.repeat(200, axis=1))]], legend=legend)
    assert narrow.shape[0] > wide.shape[0]
    swatch = (tiles.grid([[Tile(RED)]], legend=legend[:1]) == (0, 200, 0)).all(-1)
    for picture in (narrow, wide):
        assert (picture == (0, 200, 0)).all(-1).sum() == 5 * swatch.sum() > 0


def test_refuses_an_empty_grid_and_missing_titles():
    with pytest.raises(ValueError, match="at least one tile"):
        tiles.grid([[]])
    with pytest.raises(ValueError, match="Expected 1 row titles, got 2"):
        tiles.grid([[Tile(RED)]], ["a", "b"])
