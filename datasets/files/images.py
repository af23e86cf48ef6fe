"""Decodes photographs and label maps strictly: damage is refused, not mended.

Formats are named and told by the contents of a file, whatever it is called: of others,
Pillow would start programs to read them. The size is known, and bounded, before pixels
are decoded.
"""

import io

import numpy as np
from PIL import Image, ImageFile, ImageOps

from datasets.files import jpeg, limits, png, regular
from datasets.files.damage import DamagedFile, Path

# What the photographs of a data set may be. By their content, not by their names.
FORMATS = ("JPEG", "PNG")
SIXTEEN_BITS = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_ORIENTATION = 0x0112  # of EXIF; from 5 on, width and height change places
_STRIP = 2**20  # pixels that are converted at a time


def read_image(path: Path, formats: tuple[str, ...] = FORMATS) -> np.ndarray:
    """Reads a photograph, upright, as uint8 [H, W, 3]; grey and palettes become RGB.

    16 bits are reduced to 8; transparent pixels are put on white. Of several frames the
    first is read.

    Args:
      path: the path of the photograph.
      formats: the formats that it may have, by the names of Pillow.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is truncated, of another format, no regular file, or of more
        pixels than are read.
    """
    return decode_image(path, regular.contents(path), formats)


def decode_image(
    path: Path, data: bytes, formats: tuple[str, ...] = FORMATS
) -> np.ndarray:
    """Decodes the contents of a photograph, as `read_image` does.

    Args:
      path: where they are from, for messages.
      data: the contents.
      formats: the formats that they may have, by the names of Pillow.

    Raises:
      DamagedFile: as `read_image`.
    """
    whole = png.parsed(path, data) if data.startswith(png.SIGNATURE) else None
    image = _decoded(path, whole.needed if whole else data, formats)
    if whole:
        png.check_pixels(path, whole, _is_zero_below(image))
    if image.mode.startswith("F"):
        raise DamagedFile(path, "pixels are floating-point numbers, of unknown range")
    try:
        return _rgb(ImageOps.exif_transpose(image))
    # Records of cameras and modes of colour that cannot be understood.
    except Exception as error:
        raise DamagedFile(path, str(error) or type(error).__name__) from error


def image_size(path: Path, formats: tuple[str, ...] = FORMATS) -> tuple[int, int]:
    """Returns height and width of a photograph, upright, without decoding pixels.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: they cannot be told.
    """
    regular.check(path)
    try:
        with Image.open(path, formats=formats) as image:
            turned = image.getexif().get(_ORIENTATION, 1) >= 5
            width, height = image.size
    # Decoders of damaged files raise almost anything: SyntaxError, struct.error, …
    except Exception as error:
        raise DamagedFile(path, str(error) or type(error).__name__) from error
    limits.check_size(path, height, width)
    return (width, height) if turned else (height, width)


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
    data = regular.contents(path)
    header = png.header_of(path, data)
    _check_form(path, header, np.dtype(dtype), channels, shape)
    whole = png.parsed(path, data)
    if header.bits == 16 and channels > 1:
        values = _decoded_wide(path, whole.needed)
    else:
        values = np.asarray(_decoded(path, whole.needed, ("PNG",)))
    png.check_pixels(path, whole, not values[-1].any())
    values = values.reshape(header.height, header.width, channels)
    return values.astype(dtype, copy=False)


def _check_form(
    path: Path,
    header: png.Header,
    dtype: np.dtype,
    channels: int,
    shape: tuple[int, int] | None,
) -> None:
    actual_shape = (header.height, header.width)
    # Fewer bits of a palette are still indices; of grey they would be other values.
    bits = 8 if header.color == png.PALETTE else header.bits
    properties = {
        "bits a channel": (8 * dtype.itemsize, bits),
        "channels": (channels, header.channels),
        "pixels (height, width)": (shape or actual_shape, actual_shape),
    }
    wrong = [
        f"expected {expected} {what}, found {actual}"
        for what, (expected, actual) in properties.items()
        if expected != actual
    ]
    if wrong:
        raise DamagedFile(path, "; ".join(wrong))


def _decoded(path: Path, data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Decodes all pixels by Pillow."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise RuntimeError("PIL.ImageFile.LOAD_TRUNCATED_IMAGES would hide damage.")
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            limits.check_size(path, image.height, image.width)
            _check_tiles(path, image)
            if data.startswith(jpeg.SIGNATURE):
                jpeg.check(path, data)
            image.load()
            return image
    except Image.UnidentifiedImageError as error:
        raise DamagedFile(
            path, f"no readable {' or '.join(formats)}; it begins {data[:8]!r}"
        ) from error
    except DamagedFile:
        raise
    # Decoders of damaged files raise almost anything: SyntaxError, struct.error, …
    except Exception as error:
        raise DamagedFile(path, str(error) or type(error).__name__) from error


def _check_tiles(path: Path, image: Image.Image) -> None:
    """Refuses a TIFF whose parts are larger than any image that is read."""
    width, height = 322, 323  # of its tiles
    tags = getattr(image, "tag_v2", {})
    if width in tags and height in tags:
        limits.check_size(path, tags[height], tags[width])


def _decoded_wide(path: Path, data: bytes) -> np.ndarray:
    """Decodes 16 bits in several channels, which Pillow has no mode for."""
    # Imported where it is needed: few builders have such files.
    import tensorflow as tf

    try:
        return tf.io.decode_png(data, dtype=tf.uint16).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise DamagedFile(path, f"damaged PNG: {error.message}") from error


def _is_zero_below(image: Image.Image) -> bool:
    """Returns whether the last row is zero."""
    last = image.crop((0, image.height - 1, *image.size))
    return not np.asarray(last).any()


def _rgb(image: Image.Image) -> np.ndarray:
    """Returns an image of any mode as RGB; a few rows at a time, to save memory."""
    rows = max(1, _STRIP // image.width)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image.crop((0, top, image.width, bottom))
        pixels[top:bottom] = np.asarray(_rgb_strip(strip))
    return pixels


def _rgb_strip(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        # Pillow would clip at 255 rather than scale.
        grey = np.round(np.asarray(image, np.float64) / 257)
        if grey.min() < 0 or grey.max() > 255:
            raise ValueError("pixels are integers beyond 0..65535, of unknown range")
        image = Image.fromarray(grey.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
