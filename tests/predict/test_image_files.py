"""Image files of every kind, sound and damaged."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from mgm_tf.predict import image_files

GREY = np.array([[0, 100, 255]], np.uint8)


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def test_grey_becomes_rgb(tmp_path):
    pixels = image_files.read(save(tmp_path / "a.png", GREY))
    np.testing.assert_array_equal(pixels, GREY[..., None].repeat(3, -1))
    assert pixels.dtype == np.uint8


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    path = save(tmp_path / "a.png", GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(image_files.read(path)[..., 0], GREY)


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LA", "RGBA"])
def test_other_modes(tmp_path, mode):
    path = save(tmp_path / "a.tif", np.zeros((4, 6, 3), np.uint8), mode)
    np.testing.assert_array_equal(image_files.read(path), np.zeros((4, 6, 3)))


def test_transparent_pixels_are_white(tmp_path):
    path = save(tmp_path / "a.png", np.uint8([[[9, 8, 7, 0], [9, 8, 7, 255]]]))
    np.testing.assert_array_equal(image_files.read(path), [[[255] * 3, [9, 8, 7]]])


def test_photos_are_put_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    path = save(tmp_path / "a.png", GREY, exif=exif)
    np.testing.assert_array_equal(image_files.read(path)[..., 0], GREY.T)


def test_damaged_files_are_named(tmp_path):
    sound = save(tmp_path / "a.jpg", np.zeros((64, 64, 3), np.uint8))
    truncated = tmp_path / "truncated.jpg"
    truncated.write_bytes(sound.read_bytes()[:-60])
    text = tmp_path / "text.png"
    text.write_text("no image")
    floats = save(tmp_path / "floats.tif", np.zeros((2, 2), np.float32))
    for path, reason in (
        (truncated, "truncated"),
        (text, "no readable JPEG or PNG"),
        (floats, "floating-point"),
        (tmp_path / "absent.png", "No such file"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            image_files.read(path)
        assert path.name in str(error.value)


def test_images_are_found_in_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", "a.panel.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    for folder in ("folder.png", ".hidden"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "c.jpg").touch()
    found = image_files.find(tmp_path)
    names = [str(path.relative_to(tmp_path)) for path in found.images]
    assert names == ["a.png", "b.JPG", "folder.png/c.jpg"]
    assert found.passed_over.startswith("Passed over as hidden or of the system (2): ")
    named = image_files.find(tmp_path / "notes.txt")
    assert named == image_files.Found((tmp_path / "notes.txt",))


def test_nothing_found_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="No image in"):
        image_files.find(tmp_path)
    with pytest.raises(ValueError, match="is neither"):
        image_files.find(tmp_path / "absent")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["a.jpg", "a.png", "b.png"], ["a.jpg", "a.png", "b"]),
        (["a.jpg", "A.png"], ["a.jpg", "A.png"]),
        (["a.jpg", "x/a.png", "x/b.jpg"], ["a", "x/a", "x/b"]),
        (["x/a.jpg", "x/a.png", "a.png"], ["x/a.jpg", "x/a.png", "a"]),
        (["a.jpg", "a.jpg.png", "a.png"], ["a.jpg", "a.jpg.png", "a.png"]),
    ],
)
def test_no_two_results_share_a_name(paths, names):
    assert image_files.result_names([pathlib.Path(path) for path in paths]) == names
