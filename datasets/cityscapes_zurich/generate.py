"""Generates street frames in the form of Cityscapes' Zurich, to try things out.

    python -m datasets.cityscapes_zurich.generate --output=DIR --frames=40

Frames are those of `streets`, four times enlarged.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from datasets import arguments
from datasets.cityscapes_zurich import frames, streets

# The builder splits no fewer and takes no more.
FEWEST_FRAMES, MOST_FRAMES = 3, frames.OFFICIAL_FRAMES


def paths_of(folder: pathlib.Path, index: int) -> tuple[pathlib.Path, pathlib.Path]:
    """Returns the files of a frame: its image and its map of label ids."""
    name = f"zurich_{index:06d}_000019"
    return (
        folder / "leftImg8bit/train/zurich" / f"{name}_leftImg8bit.png",
        folder / "gtFine/train/zurich" / f"{name}_gtFine_labelIds.png",
    )


def write(folder: pathlib.Path, number: int, seed: int = 0) -> None:
    """Writes `number` frames in the official folders.

    Raises:
      ValueError: fewer than 3 frames, or more than Zurich's 122.
    """
    if not FEWEST_FRAMES <= number <= MOST_FRAMES:
        raise ValueError(
            f"Expected {FEWEST_FRAMES} to {MOST_FRAMES} frames, not {number}."
        )
    for index in range(number):
        image_and_labels = streets.draw(index, seed)
        paths = paths_of(folder, index)
        for path, values in zip(paths, image_and_labels, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            # The fastest: these files are read once.
            Image.fromarray(enlarged(values)).save(path, compress_level=1)


def enlarged(values: np.ndarray) -> np.ndarray:
    """Enlarges [256, 512, …] to [1024, 2048, …]: each pixel becomes 4 x 4."""
    rows = frames.HEIGHT // streets.HEIGHT
    columns = frames.WIDTH // streets.WIDTH
    return values.repeat(rows, axis=0).repeat(columns, axis=1)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = arguments.parser(__doc__)
    parser.add_argument("--frames", type=int, default=40, help="the number of frames")
    options = parser.parse_args(argv)
    if not FEWEST_FRAMES <= options.frames <= MOST_FRAMES:
        parser.error(f"--frames is from {FEWEST_FRAMES} to {MOST_FRAMES}.")
    write(options.output, options.frames, options.seed)


if __name__ == "__main__":
    main()
