"""Image files of any kind as RGB arrays, and the names of their results."""

import collections
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

PANEL = ".panel.png"
# The suffixes of images in a folder. A file that is named itself may have any suffix.
SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm")
    + (".png", ".ppm", ".tif", ".tiff", ".webp")
)
SIXTEEN_BITS = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


def find(path: str | os.PathLike) -> list[pathlib.Path]:
    """Finds the image `path`, or the images in the folder `path` and those below.

    Hidden files and folders are left out, and so are the panels of predictions.

    Returns:
      The paths, sorted.

    Raises:
      ValueError: there is no such path, or no image in the folder.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"Expected an image or a folder of images: {path} is neither.")
    images = sorted(file for file in path.rglob("*") if _is_image(file, path))
    if not images:
        raise ValueError(
            f"No image in {path}: looked for {' '.join(sorted(SUFFIXES))}."
        )
    return images


def read(path: str | os.PathLike) -> np.ndarray:
    """Reads an image as RGB, uint8 [H, W, 3], upright.

    Grey, palette, CMYK, 16 bits, … become RGB; transparent pixels are put on white. Of
    several frames the first is read.

    Raises:
      ValueError: the file cannot be read, with the reason.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    # Decoders of damaged files raise almost anything: SyntaxError, struct.error, …
    except Exception as error:
        raise ValueError(f"{path}: {error or type(error).__name__}") from error


def result_names(paths: Sequence[pathlib.Path]) -> list[str]:
    """Names the results of each path: by its stem, if no other path has the same.

    a.jpg, a.png and b.png give a.jpg, a.png and b; folders stay: c/d.png gives c/d.
    """
    stems = [str(path.with_suffix("")) for path in paths]
    whole = [str(path) for path in paths]
    # Without regard to case: some file systems have none.
    counts = collections.Counter(stem.casefold() for stem in stems)
    names = [
        stem if counts[stem.casefold()] == 1 else path
        for stem, path in zip(stems, whole, strict=True)
    ]
    # x.jpg, x.png and x.jpg.png: the last one's stem is the first one's name.
    distinct = len({name.casefold() for name in names}) == len(names)
    return names if distinct else whole


def _is_image(path: pathlib.Path, root: pathlib.Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    is_panel = path.name.lower().endswith(PANEL)
    return path.suffix.lower() in SUFFIXES and not (
        is_hidden or is_panel or path.is_dir()
    )


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        # Pillow would clip at 255 rather than scale.
        grey = np.clip(np.round(np.asarray(image, np.float64) / 257), 0, 255)
        image = Image.fromarray(grey.astype(np.uint8))
    if image.mode.startswith("F"):
        raise ValueError("pixels are floating-point numbers, of a range not known")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
