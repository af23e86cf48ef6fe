"""Reads depth from OpenEXR files, such as Blender writes."""

import pathlib
import types

import numpy as np

from datasets.files import DamagedFile, limits, names, regular

# The exact names of channels of depth, in lower case, behind the names of layers and
# views. One of a vector, Normal.Z, is no depth.
_DEPTH = ("z", "depth")
_OF_DEPTH = ("z", "v", "depth")  # Depth.Z, Depth.V of Blender
_OF_A_VECTOR = ("x", "y")
_VECTORS = ("normal", "normals", "n", "position", "p", "location", "vector", "uv")
# What a channel may be called that is the only one: grey, red, a value.
_ALONE = ("y", "r", "v")
_MOST_NUMBERS = 2**27  # of all channels of a file, which are read together


def size(path: pathlib.Path) -> tuple[int, int]:
    """Reads height and width from the file's head.

    Raises:
      ValueError: the reader is not installed.
      DamagedFile: no readable EXR of one part and one channel of depth.
    """
    # The library does not tell a missing file from damage, and waits for a pipe.
    regular.check(path)
    library = _library(path)
    try:
        with library.File(str(path), header_only=True) as file:
            parts, header = len(file.parts), file.header()
            # The library empties the header when the file is closed.
            channels = [channel.name for channel in header["channels"]]
            first, last = header["dataWindow"]
            width, height = (last - first + 1).tolist()
    except (RuntimeError, ValueError, OSError) as error:
        raise DamagedFile(path, f"no readable EXR: {error}") from error
    if parts != 1:
        raise DamagedFile(path, f"expected an EXR of one part, found {parts}")
    _channel(path, channels)
    limits.check_size(path, height, width)
    if height * width * len(channels) > _MOST_NUMBERS:
        raise DamagedFile(
            path,
            f"{len(channels)} channels of {height}x{width} pixels are more than the "
            f"{_MOST_NUMBERS / 1e6:.0f} million numbers read; save depth alone",
        )
    return height, width


def read_depth(path: pathlib.Path) -> np.ndarray:
    """Reads the channel of depth, [H, W, 1] float32.

    It is the one called Z or depth, of whatever layer (`ViewLayer.Depth.Z`, …), or the
    only one, if it is a plain one.

    Raises:
      ValueError, DamagedFile: as `size`; or it is truncated.
    """
    height, width = size(path)
    library = _library(path)
    try:
        with library.File(str(path), separate_channels=True) as file:
            # A truncated file is read as one of no parts.
            channels = dict(file.channels()) if file.parts else {}
    except (RuntimeError, ValueError, OSError) as error:
        raise DamagedFile(path, f"no readable EXR: {error}") from error
    if not channels:
        raise DamagedFile(path, "truncated or damaged EXR")
    pixels = channels[_channel(path, list(channels))].pixels
    if pixels.shape != (height, width):
        raise DamagedFile(
            path, f"expected {height}x{width} pixels, found {pixels.shape}"
        )
    return pixels.astype(np.float32)[..., None]


def _library(path: pathlib.Path) -> types.ModuleType:
    # Imported where it is needed: few folders have such files.
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path}: to read EXR takes the package OpenEXR: pip install OpenEXR"
        ) from error
    return OpenEXR


def _channel(path: pathlib.Path, channels: list[str]) -> str:
    """Returns the name of the channel of depth."""
    depths = [name for name in channels if _is_depth(name, channels)]
    if len(channels) == 1 and not depths:
        depths = [name for name in channels if name.lower() in _ALONE]
    if len(depths) != 1:
        raise DamagedFile(
            path,
            "expected one channel of depth, called Z or depth (LAYER.Depth.Z), or a "
            f"single plain one; found {', '.join(map(names.shown, channels))}",
        )
    return depths[0]


def _is_depth(name: str, channels: list[str]) -> bool:
    """Returns whether a channel is one of depth, by its name and those beside it."""
    layer, _, last = name.lower().rpartition(".")
    passed = layer.rpartition(".")[2]
    if passed in _DEPTH:
        return last in _OF_DEPTH
    beside = {
        last
        for each in channels
        for other, _, last in (each.lower().rpartition("."),)
        if other == layer
    }
    is_of_vector = passed in _VECTORS or not beside.isdisjoint(_OF_A_VECTOR)
    return last in _DEPTH and not is_of_vector
