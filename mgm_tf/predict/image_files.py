"""Image files of any kind as RGB arrays, and the names of their results."""

import collections
import dataclasses
import importlib.util
import os
import pathlib
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from datasets.files import images, names, regular, walk
from datasets.files.walk import Unread

PANEL = ".panel.png"
# The formats that are read, told by the content of a file, by the names of Pillow.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000", "AVIF")
# The suffixes of images in a folder. A file that is named itself may have any suffix.
SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm")
    + (".png", ".ppm", ".tif", ".tiff", ".webp")
)
# Those of photographs of iPhones, which an optional package reads.
HEIF_SUFFIXES = frozenset((".heic", ".heif", ".hif"))
_HEIF_PACKAGE = "pillow_heif"
# Other images, which are named as not read and not passed over in silence.
OTHER_SUFFIXES = frozenset(
    (".jxl", ".psd", ".svg", ".tga", ".ico", ".exr", ".hdr", ".eps", ".xcf")
    + (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef")
)
# How images begin whose names say nothing.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


@dataclasses.dataclass(frozen=True)
class Found:
    """The images of a folder.

    Attributes:
      images: the paths of those that are to be read, sorted.
      unread: those that are not, and links that are not followed, with the reason.
      passed_over: a sentence about hidden files and those of the system; may be empty.
    """

    images: tuple[pathlib.Path, ...]
    unread: tuple[Unread, ...] = ()
    passed_over: str = ""


def find(path: str | os.PathLike) -> Found:
    """Finds the image `path`, or the images in the folder `path` and those below.

    Hidden files and folders and those of the system are passed over, and so are the
    panels of predictions. Links are followed within the folder.

    Raises:
      ValueError: there is no such path, or no image in the folder.
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_dir():
        return Found((path,))
    if not path.is_dir():
        raise ValueError(
            f"Expected an image or a folder of images: {names.shown(path)} is neither."
        )
    found = walk.walk(path)
    paths = [file for file in found.files if not file.name.lower().endswith(PANEL)]
    found_images = tuple(file for file in paths if _is_image(file))
    # Not a named pipe, say, of another name.
    unread = [each for each in found.unread if _may_hold_images(each.path)]
    unread += _others(set(paths) - set(found_images))
    if not (found_images or unread):
        raise ValueError(
            f"No image in {names.shown(path)}: looked for {' '.join(sorted(SUFFIXES))}."
        )
    return Found(
        found_images,
        tuple(sorted(unread, key=lambda each: each.path)),
        walk.passed_over(found.hidden, path),
    )


def read(path: str | os.PathLike) -> np.ndarray:
    """Reads an image as RGB, uint8 [H, W, 3], upright.

    Grey, palette, CMYK, 16 bits, … become RGB; transparent pixels are put on white. Of
    several frames the first is read.

    Raises:
      ValueError: the file cannot be read, with the reason.
    """
    try:
        data = regular.contents(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"{names.shown(path)}: {reason}") from error
    return decode(path, data)


def decode(path: str | os.PathLike, data: bytes) -> np.ndarray:
    """Decodes the contents of an image file, as `read` does.

    Args:
      path: where they are from, for messages.
      data: the contents.

    Raises:
      ValueError: they cannot be decoded, with the reason.
    """
    formats = (*FORMATS, "HEIF") if _register_heif() else FORMATS
    with warnings.catch_warnings():
        # Damage of records beside the pixels is none of these.
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*[Tt]runcated")
        return images.decode_image(path, data, formats)


def result_names(paths: Sequence[pathlib.Path]) -> list[str]:
    """Names the results of each path: by its stem, if no other path has the same.

    a.jpg, a.png and b.png give a.jpg, a.png and b; folders stay: c/d.png gives c/d.
    """
    stems = [str(path.with_suffix("")) for path in paths]
    whole = [str(path) for path in paths]
    # Without regard to case or form of Unicode: some file systems have none.
    counts = collections.Counter(map(_folded, stems))
    result = [
        stem if counts[_folded(stem)] == 1 else path
        for stem, path in zip(stems, whole, strict=True)
    ]
    # x.jpg, x.png and x.jpg.png: the last one's stem is the first one's name.
    distinct = len(set(map(_folded, result))) == len(result)
    return result if distinct else whole


def _folded(name: str) -> str:
    return names.composed(name).casefold()


def _is_image(path: pathlib.Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix in HEIF_SUFFIXES:
        return _has_heif()
    return suffix not in OTHER_SUFFIXES and _begins_as_image(path)


def _begins_as_image(path: pathlib.Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError:
        return False


def _may_hold_images(path: pathlib.Path) -> bool:
    """Returns whether what is not followed looks like an image or a folder."""
    suffixes = SUFFIXES | HEIF_SUFFIXES | OTHER_SUFFIXES
    return path.suffix.lower() in suffixes or not path.suffix or path.is_dir()


def _others(paths: set[pathlib.Path]) -> Iterator[Unread]:
    """Yields the images of formats that are not read."""
    for path in paths:
        suffix = path.suffix.lower()
        if suffix in HEIF_SUFFIXES:
            yield Unread(path, "HEIC is read where pillow-heif is installed")
        elif suffix in OTHER_SUFFIXES:
            yield Unread(path, f"images {suffix} are not read; save it as JPEG or PNG")


def _has_heif() -> bool:
    return importlib.util.find_spec(_HEIF_PACKAGE) is not None


def _register_heif() -> bool:
    """Lets Pillow read HEIC, if the package is there; returns whether it is."""
    if not _has_heif():
        return False
    importlib.import_module(_HEIF_PACKAGE).register_heif_opener()
    return True
