"""Small sets of generated files, to try a data set and all that is done with it.

    python -m datasets.generated --dataset=nyuv2 --output=DIR

DIR is then what `--manual_dir` wants. Rooms needs no files. A set is large enough for
the protocols in which the paper's experiments use it, down to a tenth of its labels
with an example of every scene, and small enough to be written in seconds.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence

from datasets import arguments
from datasets.cityscapes_zurich import generate as cityscapes_zurich
from datasets.folder import example
from datasets.nyuv2 import generate as nyuv2
from datasets.tiny_taskonomy import generate as tiny_taskonomy

NYUV2_FRAMES = 160
CITYSCAPES_FRAMES = 40
# The first five have all splits of `official` and the buildings of `three_buildings`,
# of whose 135 frames 108 train: a tenth of them has room for the ten scenes.
TASKONOMY_BUILDINGS = tiny_taskonomy.BUILDINGS[:5]
TASKONOMY_FRAMES = 45  # of each building
TASKONOMY_SIZE = 96  # pixels
FOLDER_IMAGES, FOLDER_SIZE = 48, 96


def _write_nyuv2(folder: pathlib.Path, seed: int) -> None:
    nyuv2.write(folder, NYUV2_FRAMES, seed)


def _write_cityscapes_zurich(folder: pathlib.Path, seed: int) -> None:
    cityscapes_zurich.write(folder, CITYSCAPES_FRAMES, seed)


def _write_tiny_taskonomy(folder: pathlib.Path, seed: int) -> None:
    tiny_taskonomy.write(
        folder, TASKONOMY_BUILDINGS, TASKONOMY_FRAMES, TASKONOMY_SIZE, seed=seed
    )


def _write_folder(folder: pathlib.Path, _seed: int) -> None:
    # Its images are numbered: there are no others for another seed.
    example.write(folder, FOLDER_IMAGES, FOLDER_SIZE)


# data set: (folder, seed) -> None; writes the files that its builder reads
GENERATORS: Mapping[str, Callable[[pathlib.Path, int], None]] = {
    "nyuv2": _write_nyuv2,
    "cityscapes_zurich": _write_cityscapes_zurich,
    "tiny_taskonomy": _write_tiny_taskonomy,
    "folder": _write_folder,
}


def write(dataset: str, folder: pathlib.Path, seed: int = 0) -> None:
    """Writes a small set of generated files of a data set, in its official layout.

    Args:
      dataset: a key of `GENERATORS`.
      folder: the folder to write, which must be empty if it is there.
      seed: the seed of what is drawn; the data set `folder` has one set only.

    Raises:
      ValueError: no files can be made up for a data set of that name.
      FileExistsError: the folder holds something already: two sets must not mix.
    """
    if dataset not in GENERATORS:
        raise ValueError(
            f"Files can be made up for {', '.join(GENERATORS)}; received {dataset!r}. "
            "The data set 'rooms' needs none."
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something already.")
    GENERATORS[dataset](folder, seed)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = arguments.parser(__doc__)
    parser.add_argument(
        "--dataset", choices=tuple(GENERATORS), required=True, help="the data set"
    )
    options = parser.parse_args(argv)
    try:
        write(options.dataset, options.output, options.seed)
    except FileExistsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
