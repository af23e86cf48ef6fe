"""Reads sizes and number formats from the heads of files, without decoding pixels."""

import dataclasses
import pathlib

import numpy as np

from datasets.files import DamagedFile, arrays, limits, png, regular
from datasets.folder import exr


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


def form_of(path: pathlib.Path) -> Form:
    """Returns the form of a label map.

    Raises:
      DamagedFile: it cannot be told.
      ValueError: it is EXR, and there is no reader.
    """
    regular.check(path)
    form = _READ[path.suffix.lower()](path)
    limits.check_map(path, form.height, form.width, form.channels)
    return form


def _form_of_png(path: pathlib.Path) -> Form:
    with path.open("rb") as file:
        head = file.read(png.HEAD)
    if not head.startswith(png.SIGNATURE):
        raise DamagedFile(path, f"no PNG: it begins {head[:8]!r}")
    header = png.header_of(path, head)
    # Fewer bits of a palette are still indices; of grey they would be other values.
    bits = 8 if header.color == png.PALETTE else header.bits
    kind = f"uint{bits}" if bits in (8, 16) else f"{bits}-bit"
    return Form(header.height, header.width, header.channels, kind)


def _form_of_npy(path: pathlib.Path) -> Form:
    with path.open("rb") as file:
        shape, dtype, _ = arrays.form_of(path, file.read(arrays.MOST_HEADER))
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
