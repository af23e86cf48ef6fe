"""Files decoded inside a graph are what Pillow reads, upright and on white."""

import io
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from mgm_tf.export import encoded_images
from mgm_tf.predict import image_files

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (3, 5, 3), np.uint8).repeat(16, 0).repeat(16, 1)


@pytest.fixture(scope="module")
def decode():
    spec = tf.TensorSpec([], tf.string)
    return tf.function(encoded_images.decode, [spec], autograph=False)


def file(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_photos_are_put_upright(decode, kind):
    for order, orientation in itertools.product("<>", range(10)):
        exif = Image.Exif()
        exif.endian = order
        exif[0x010F] = "a maker \x12\x01"  # the tag's bytes where no tag is
        exif[0x0112] = orientation  # 0 and 9 are none
        content = file(Image.fromarray(PIXELS), kind, exif=exif.tobytes())
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        np.testing.assert_array_equal(decode(content), np.asarray(upright))


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *itertools.product(("1", "L", "LA", "P", "RGBA", "I;16"), ("PNG",)),
        *itertools.product(("L", "RGB", "CMYK"), ("JPEG",)),
        ("P", "GIF"),
    ],
)
def test_other_modes(decode, tmp_path, mode, kind):
    if mode == "I;16":
        image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(PIXELS).convert(mode)
    if mode.endswith("A"):
        image.putalpha(Image.fromarray(RANDOM.integers(0, 256, (48, 80), np.uint8)))
    (tmp_path / "image").write_bytes(content := file(image, kind))
    expected = image_files.read(tmp_path / "image")
    np.testing.assert_array_equal(decode(content), expected)


@pytest.mark.parametrize("content", [b"", b"text", b"BM", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_an_error(decode, content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(content)
