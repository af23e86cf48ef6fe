"""Reads depth from OpenEXR files, such as Blender writes."""

import pathlib
import types

import numpy as np

from datasets.files import DamagedFile

_DEPTH_NAMES = ("z", "depth")


def size(path: pathlib.Path) -> tuple[int, int]:
    """Reads height and width from the file's head.

    Raises:
      ValueError: the reader is not installed.
      DamagedFile: no readable EXR of one part and one channel of depth.
    """
    _check_exists(path)
    library = _library(path)
    try:
        with library.File(str(path), header_only=True) as file:
            parts, header = len(file.parts), file.header()
            # The library empties the header when the file is closed.
            names = [channel.name for channel in header["channels"]]
            first, last = header["dataWindow"]
            width, height = (last - first + 1).tolist()
    except (RuntimeError, ValueError, OSError) as error:
        raise DamagedFile(path, f"no readable EXR: {error}") from error
    if parts != 1:
        raise DamagedFile(path, f"expected an EXR of one part, found {parts}")
    _channel(path, names)
    return height, width


def read_depth(path: pathlib.Path) -> np.ndarray:
    """Reads the channel of depth, [H, W, 1] float32.

    It is the only channel, or the one called Z or depth (`ViewLayer.Depth.Z`, …).

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


def _check_exists(path: pathlib.Path) -> None:
    """Raises FileNotFoundError, which the library does not tell from damage."""
    path.stat()


def _library(path: pathlib.Path) -> types.ModuleType:
    # Imported where it is needed: few folders have such files.
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path}: to read EXR takes the package OpenEXR: pip install OpenEXR"
        ) from error
    return OpenEXR


def _channel(path: pathlib.Path, names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    depths = [name for name in names if name.rpartition(".")[2].lower() in _DEPTH_NAMES]
    if len(depths) != 1:
        raise DamagedFile(
            path,
            "expected one channel, or one that is called Z or depth; found "
            f"{', '.join(names)}",
        )
    return depths[0]
