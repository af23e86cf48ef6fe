"""Files are read as they are stored, or refused with what is wrong."""

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageFile

from datasets.files import DamagedFile, read_image, read_map

RANDOM = np.random.default_rng(0)


def random(*shape, dtype="uint8"):
    return RANDOM.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(values: np.ndarray, bits: int, color: int, width: int | None = None) -> bytes:
    """A PNG written by hand, as the standard has it (big-endian rows, no filter)."""
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    size = struct.pack(">II", width or values.shape[1], values.shape[0])
    header = size + bytes([bits, color, 0, 0, 0])
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


# --- Label maps ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "color"), [(1, 0), (2, 4), (3, 2), (4, 6)], ids=["1", "2", "3", "4"]
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_maps_are_read_as_they_are_stored(tmp_path, dtype, channels, color):
    values = random(5, 7, channels, dtype=dtype)
    bits = 8 * values.itemsize
    (tmp_path / "a.png").write_bytes(png(values.astype(f">u{bits // 8}"), bits, color))
    actual = read_map(tmp_path / "a.png", dtype, channels, (5, 7))
    assert actual.dtype == dtype
    np.testing.assert_array_equal(actual, values)


def test_indices_of_a_palette_are_kept(tmp_path):
    ids = random(6, 4) % 3
    image = Image.frombytes("P", (4, 6), ids.tobytes())
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", bits=2)
    np.testing.assert_array_equal(read_map(tmp_path / "a.png")[..., 0], ids)
    # As a photograph its colours count.
    colors = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(colors.argmax(axis=-1), ids)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"dtype": "uint16"}, "expected 16 bits a channel, found 8"),
        ({"channels": 1}, "expected 1 channels, found 3"),
        (
            {"shape": (7, 5)},
            r"expected \(7, 5\) pixels \(height, width\), found \(5, 7",
        ),
        (
            {"dtype": "uint16", "channels": 2},
            "expected 16 bits a channel, found 8; expected 2 channels, found 3",
        ),
    ],
)
def test_another_form_is_refused(tmp_path, form, reason):
    path = tmp_path / "a.png"
    path.write_bytes(png(random(5, 7, 3), 8, 2))
    with pytest.raises(DamagedFile, match=reason) as refusal:
        read_map(path, **{"channels": 3} | form)
    assert refusal.value.path == path and str(refusal.value).startswith(f"{path}: ")


def test_bits_of_grey_are_not_scaled(tmp_path):
    # Pillow would turn the one-bit value 1 into 255.
    Image.new("1", (8, 8), 1).save(tmp_path / "a.png")
    with pytest.raises(DamagedFile, match="expected 8 bits a channel, found 1"):
        read_map(tmp_path / "a.png")


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (16, 1), (16, 3)])
def test_every_truncation_of_a_map_is_found(tmp_path, bits, channels):
    values = random(9, 8, channels, dtype=f"uint{bits}").astype(f">u{bits // 8}")
    whole = png(values, bits, {1: 0, 3: 2}[channels])
    path = tmp_path / "a.png"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match=r"truncated|empty|beginning"):
            read_map(path, f"uint{bits}", channels)
    path.write_bytes(whole + b"\0" * 9)
    read_map(path, f"uint{bits}", channels)


@pytest.mark.parametrize("place", [29, 45, -3])
def test_a_changed_byte_is_found(tmp_path, place):
    data = bytearray(png(random(9, 8, 1), 8, 0))
    data[place] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DamagedFile, match="wrong checksum at byte"):
        read_map(tmp_path / "a.png")


@pytest.mark.parametrize(("bits", "color", "channels"), [(8, 0, 1), (16, 2, 3)])
def test_missing_rows_are_found(tmp_path, bits, color, channels):
    # A whole file whose pixels end after 5 of 9 rows.
    values = random(5, 8, channels, dtype=f"uint{bits}")
    data = png(values, bits, color)
    header = struct.pack(">II", 8, 9) + bytes([bits, color, 0, 0, 0])
    data = data[:8] + chunk(b"IHDR", header) + data[33:]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DamagedFile):
        read_map(tmp_path / "a.png", f"uint{bits}", channels)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"no picture at all", "expected a PNG, found a file beginning b'no pictu'"),
        (png(random(2, 2, 1), 8, 5), "unknown colour type 5"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, data, reason):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DamagedFile, match=reason):
        read_map(tmp_path / "a.png")


@pytest.mark.parametrize("read", [read_map, read_image])
def test_a_missing_file_is_another_error(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="a.png"):
        read(tmp_path / "a.png")


def test_the_error_can_be_sent_to_another_process(tmp_path):
    error = pickle.loads(pickle.dumps(DamagedFile(tmp_path / "a.png", "torn")))
    assert str(error) == f"{tmp_path / 'a.png'}: torn" and error.reason == "torn"


# --- Photographs --------------------------------------------------------------------


def saved(folder, image: Image.Image, name: str, **options):
    image.save(folder / name, **options)
    return folder / name


def test_images_become_rgb(tmp_path):
    pixels = random(5, 7, 3)
    path = saved(tmp_path, Image.fromarray(pixels), "a.png")
    np.testing.assert_array_equal(read_image(path), pixels)
    path = saved(tmp_path, Image.fromarray(pixels[..., 0]), "grey.png")
    np.testing.assert_array_equal(
        read_image(path), pixels[..., :1] + np.zeros_like(pixels)
    )
    path = saved(tmp_path, Image.new("RGBA", (4, 3), (9, 9, 9, 0)), "clear.png")
    np.testing.assert_array_equal(read_image(path), np.full((3, 4, 3), 255))
    path = saved(tmp_path, Image.new("I;16", (4, 3), 257 * 40), "deep.png")
    np.testing.assert_array_equal(read_image(path), np.full((3, 4, 3), 40))


def test_photographs_are_read_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise by a quarter when shown
    image = Image.new("RGB", (32, 16), "red")
    image.paste("blue", (0, 0, 16, 16))
    path = saved(tmp_path, image, "a.jpg", exif=exif, quality=95)
    pixels = read_image(path)
    assert pixels.shape == (32, 16, 3) and pixels.dtype == np.uint8
    # The left half is now above.
    assert pixels[4, 8].argmax() == 2 and pixels[28, 8].argmax() == 0


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_images_are_found(tmp_path, suffix):
    path = saved(tmp_path, Image.fromarray(random(64, 64, 3)), f"a.{suffix}")
    whole = path.read_bytes()
    for length in (1, 20, 100, len(whole) // 2, len(whole) - 200):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match=f"a.{suffix}: "):
            read_image(path)


def test_only_jpeg_and_png_are_images(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4, 4)), "a.gif")
    with pytest.raises(DamagedFile, match="no readable JPEG or PNG; it begins b'GIF"):
        read_image(path)


def test_damage_cannot_be_hidden_by_a_switch(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (4, 4)), "a.png")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(RuntimeError, match="would hide damage"):
        read_image(path)


def test_real_maps_are_read_as_tensorflow_reads_them(real_data):
    files = {
        "nyuv2/complete_frames/depth/0062.png": ("uint16", 1, (480, 640)),
        "nyuv2/complete_frames/labels40/0062.png": ("uint8", 1, (480, 640)),
        "nyuv2/complete_frames/normals/0062.png": ("uint8", 3, (480, 640)),
    }
    for name, (dtype, channels, shape) in files.items():
        data = (real_data / name).read_bytes()
        expected = tf.io.decode_png(data, dtype=dtype).numpy()
        actual = read_map(real_data / name, dtype, channels, shape)
        np.testing.assert_array_equal(actual, expected)
        image = Image.open(io.BytesIO(data))
        assert (image.height, image.width) == actual.shape[:2]
