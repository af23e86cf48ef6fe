"""Reads sizes and number formats from the heads of files, without decoding pixels."""

import dataclasses
import pathlib
import struct

import numpy as np
from PIL import Image

from datasets.files import DamagedFile
from datasets.folder import exr

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# By colour type of PNG: grey, RGB, palette (its indices), grey + alpha, RGB + alpha.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE = 3
_ORIENTATION = 0x0112  # of EXIF; from 5 on, width and height change places


@dataclasses.dataclass(frozen=True)
class Form:
    """How a map is stored.

    Attributes:
      height, width, channels: the shape of the map.
      kind: the kind of numbers: `uint8`, `uint16`, `int` (other integers), `float`, or
        the name of another type.
    """

    height: int
    width: int
    channels: int
    kind: str


def image_size(path: pathlib.Path) -> tuple[int, int]:
    """Returns height and width of a photograph, upright.

    Raises:
      DamagedFile: it cannot be told.
    """
    try:
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            turned = image.getexif().get(_ORIENTATION, 1) >= 5
            width, height = image.size
    # Decoders of damaged files raise almost anything: SyntaxError, struct.error, …
    except Exception as error:
        raise DamagedFile(path, str(error) or type(error).__name__) from error
    return (width, height) if turned else (height, width)


def form_of(path: pathlib.Path) -> Form:
    """Returns the form of a label map.

    Raises:
      DamagedFile: it cannot be told.
      ValueError: it is EXR, and there is no reader.
    """
    return _READ[path.suffix.lower()](path)


def _form_of_png(path: pathlib.Path) -> Form:
    with path.open("rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[:8] != _SIGNATURE or head[12:16] != b"IHDR":
        raise DamagedFile(path, f"no PNG: it begins {head[:8]!r}")
    width, height, bits, color = struct.unpack(">IIBB", head[16:26])
    if color not in _CHANNELS:
        raise DamagedFile(path, f"PNG of the unknown colour type {color}")
    # Fewer bits of a palette are still indices; of grey they would be other values.
    bits = 8 if color == _PALETTE else bits
    kind = f"uint{bits}" if bits in (8, 16) else f"{bits}-bit"
    return Form(height, width, _CHANNELS[color], kind)


def _form_of_npy(path: pathlib.Path) -> Form:
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read(file)
    except (ValueError, KeyError) as error:
        raise DamagedFile(path, f"no array of NumPy: {error}") from error
    if len(shape) not in (2, 3):
        raise DamagedFile(
            path, f"expected an array [H, W] or [H, W, channels], found {list(shape)}"
        )
    return Form(shape[0], shape[1], shape[2] if len(shape) == 3 else 1, _kind(dtype))


def _form_of_exr(path: pathlib.Path) -> Form:
    height, width = exr.size(path)
    return Form(height, width, 1, "float")


def _kind(dtype: np.dtype) -> str:
    exact = {("u", 1): "uint8", ("u", 2): "uint16"}
    family = {"u": "int", "i": "int", "f": "float"}.get(dtype.kind, str(dtype))
    return exact.get((dtype.kind, dtype.itemsize), family)


_READ = {".png": _form_of_png, ".npy": _form_of_npy, ".exr": _form_of_exr}
