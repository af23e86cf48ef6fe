"""Reads image files and label maps strictly: what is damaged is refused, not mended."""

import io
import os
import struct
import zlib
from typing import NamedTuple

import numpy as np
from etils import epath
from PIL import Image, ImageFile, ImageOps

Path = str | os.PathLike

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
# Channels of each colour type of PNG; a palette's indices are one.
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_SIXTEEN_BITS = {"I", "I;16", "I;16B", "I;16L", "I;16N"}


class DamagedFile(ValueError):
    """A file that is truncated, unreadable or not of the expected form.

    Attributes:
      path: the path of the file.
      reason: what is wrong with the file.
    """

    def __init__(self, path: Path, reason: str):
        """Notes the file and the reason; `str(error)` is `PATH: REASON`."""
        # Both arguments are kept, so that the error can be pickled by Beam's workers.
        super().__init__(path, reason)
        self.path = epath.Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read_image(path: Path) -> np.ndarray:
    """Reads a photograph, upright, as uint8 [H, W, 3]; grey and palettes become RGB.

    16 bits are reduced to 8; transparent pixels are put on white.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is truncated, or no JPEG or PNG.
    """
    data = _contents(path)
    is_png = data.startswith(_SIGNATURE)
    rows = _compressed_rows(path, data) if is_png else []
    image = _decoded(path, data)
    if is_png:
        _check_rows(path, _header(path, data), rows, np.asarray(image))
    if image.mode.startswith("F"):
        raise DamagedFile(path, "pixels are floating-point numbers, of unknown range")
    return np.asarray(_rgb(ImageOps.exif_transpose(image)))


def read_map(
    path: Path,
    dtype: str = "uint8",
    channels: int = 1,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Reads the PNG of a label map, [H, W, channels], exactly as it is stored.

    A palette's indices are one channel of `uint8`.

    Args:
      path: the path of the PNG.
      dtype: the type that the file must have, `uint8` or `uint16`.
      channels: the number of channels that the file must have, 1 to 4.
      shape: the size (H, W) that the file must have; None: any.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is truncated, or not as expected; the message says both.
    """
    data = _contents(path)
    header = _header(path, data)
    _check_form(path, header, np.dtype(dtype), channels, shape)
    rows = _compressed_rows(path, data)
    is_wide = header.bits == 16 and channels > 1
    values = _decoded_wide(path, data) if is_wide else np.asarray(_decoded(path, data))
    _check_rows(path, header, rows, values)
    values = values.reshape(header.height, header.width, channels)
    return values.astype(dtype, copy=False)


class _Header(NamedTuple):
    """What a PNG says of itself in its first 33 bytes."""

    width: int
    height: int
    bits: int
    color: int
    interlace: int

    @property
    def bytes(self) -> int:
        """Bytes of all rows before compression, each with its filter's number."""
        row_bits = self.width * self.bits * _CHANNELS[self.color]
        return self.height * (1 + (row_bits + 7) // 8)


def _contents(path: Path) -> bytes:
    data = epath.Path(path).read_bytes()
    if not data:
        raise DamagedFile(path, "the file is empty")
    return data


def _header(path: Path, data: bytes) -> _Header:
    if not data.startswith(_SIGNATURE):
        raise DamagedFile(path, f"expected a PNG, found a file beginning {data[:8]!r}")
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise DamagedFile(path, f"truncated PNG of {len(data)} bytes")
    header = _Header(*struct.unpack(">IIBBxxB", data[16:29]))
    if header.color not in _CHANNELS:
        raise DamagedFile(path, f"PNG of the unknown colour type {header.color}")
    return header


def _check_form(
    path: Path,
    header: _Header,
    dtype: np.dtype,
    channels: int,
    shape: tuple[int, int] | None,
) -> None:
    actual_shape = (header.height, header.width)
    # Fewer bits of a palette are still indices; of grey they would be other values.
    bits = 8 if header.color == _PALETTE else header.bits
    properties = {
        "bits a channel": (8 * dtype.itemsize, bits),
        "channels": (channels, _CHANNELS[header.color]),
        "pixels (height, width)": (shape or actual_shape, actual_shape),
    }
    wrong = [
        f"expected {expected} {what}, found {actual}"
        for what, (expected, actual) in properties.items()
        if expected != actual
    ]
    if wrong:
        raise DamagedFile(path, "; ".join(wrong))


def _compressed_rows(path: Path, data: bytes) -> list[memoryview]:
    """Returns the compressed pixels of a PNG, having checked the file to its end.

    Raises:
      DamagedFile: the file ends before its last chunk, or a checksum is wrong.
    """
    place, kind, rows = len(_SIGNATURE), b"", []
    while kind != b"IEND":
        end = place + 12
        if end <= len(data):
            length, kind = struct.unpack(">I4s", data[place : place + 8])
            end += length
        if end > len(data):
            raise DamagedFile(path, f"truncated PNG of {len(data)} bytes")
        (checksum,) = struct.unpack(">I", data[end - 4 : end])
        contents = memoryview(data)[place + 4 : end - 4]
        if zlib.crc32(contents) != checksum:
            raise DamagedFile(path, f"damaged PNG: wrong checksum at byte {place}")
        rows += [contents[4:]] * (contents[:4] == b"IDAT")
        place = end
    return rows


def _check_rows(
    path: Path, header: _Header, rows: list[memoryview], values: np.ndarray
) -> None:
    """Refuses a whole PNG with fewer rows of pixels in it than it says.

    Pillow leaves zeros there. To inflate once more costs half of decoding, so it is
    done only where the last row is zero.
    """
    if values[-1].any() or header.interlace:
        return
    size = len(zlib.decompress(b"".join(rows)))
    if size < header.bytes:
        raise DamagedFile(
            path, f"damaged PNG: {header.bytes} bytes of pixels expected, found {size}"
        )


def _decoded(path: Path, data: bytes) -> Image.Image:
    """Decodes all pixels by Pillow."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise RuntimeError("PIL.ImageFile.LOAD_TRUNCATED_IMAGES would hide damage.")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            image.load()
            return image
    except Image.UnidentifiedImageError as error:
        raise DamagedFile(
            path, f"no readable JPEG or PNG; it begins {data[:8]!r}"
        ) from error
    # Decoders of damaged files raise almost anything: SyntaxError, struct.error, …
    except Exception as error:
        raise DamagedFile(path, str(error) or type(error).__name__) from error


def _decoded_wide(path: Path, data: bytes) -> np.ndarray:
    """Decodes 16 bits in several channels, which Pillow has no mode for."""
    # Imported where it is needed: few builders have such files.
    import tensorflow as tf

    try:
        return tf.io.decode_png(data, dtype=tf.uint16).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise DamagedFile(path, f"damaged PNG: {error.message}") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:
        # Pillow would clip at 255 rather than scale.
        grey = np.round(np.asarray(image, np.float64) / 257)
        image = Image.fromarray(grey.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
