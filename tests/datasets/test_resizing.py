import numpy as np
import pytest

from datasets import resizing


def test_image_is_the_mean_by_area():
    # Three columns onto two: each cell is one and a half columns wide.
    image = np.array([[0, 90, 180]] * 2, np.uint8)[..., None]
    assert resizing.resize_image(image, 2)[..., 0].tolist() == [[30, 150]] * 2


def test_image_keeps_rows_columns_and_channels_apart():
    image = np.zeros((480, 640, 3), np.uint8)
    image[:240, :320] = (200, 100, 50)
    small = resizing.resize_image(image, 64)
    assert small.dtype == np.uint8
    assert (small[:32, :32] == (200, 100, 50)).all()
    assert (small[32:] == 0).all() and (small[:, 32:] == 0).all()


def test_image_of_one_colour_stays_it():
    image = np.full((375, 501, 3), 255, np.uint8)
    assert (resizing.resize_image(image, 128) == 255).all()


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1)])
def test_nearest_takes_the_pixel_at_the_centre(shape):
    ids = np.arange(54).reshape(shape)
    # Cells two rows high and three columns wide; a centre between two rows is the
    # lower one's.
    small = resizing.resize_nearest(ids, 3)
    expected = [[9 * row + column for column in (1, 4, 7)] for row in (1, 3, 5)]
    assert small.reshape(3, 3).tolist() == expected


def test_mean_counts_labelled_pixels_only():
    values = np.array([[8.0, 4.0, 7.0, 9.0]] * 2)[..., None]
    valid = np.array([[True, False, False, False], [True, True, False, True]])
    mean, labelled = resizing.resize_mean(values, valid, 1)
    assert labelled.tolist() == [[True]]  # exactly half of the area
    assert mean.ravel() == pytest.approx([(8 + 8 + 4 + 9) / 4])


def test_mean_of_less_than_half_a_cell_is_no_label():
    valid = np.zeros((4, 4), bool)
    valid[0, :2] = valid[1, 0] = True  # three of the four pixels of cell (0, 0)
    valid[0, 2] = True  # one of the four of cell (0, 1)
    mean, labelled = resizing.resize_mean(np.full((4, 4, 1), 5.0), valid, 2)
    assert labelled.tolist() == [[True, False], [False, False]]
    assert mean[..., 0].tolist() == [[5, 0], [0, 0]]


def test_normals_stay_unit_vectors():
    normals = np.zeros((2, 4, 3))
    normals[:, 0], normals[:, 1] = (1, 0, 0), (0, 1, 0)
    normals[:, 2], normals[:, 3] = (0, 0, 1), (0, 0, -1)
    small, valid = resizing.resize_normals(normals, np.ones((2, 4), bool), 2)
    # Right and up give the diagonal; forward and back cancel.
    assert valid.tolist() == [[True, False]] * 2
    np.testing.assert_allclose(small[:, 0], [[0.5**0.5, 0.5**0.5, 0]] * 2, atol=1e-6)
    assert (small[:, 1] == 0).all()
