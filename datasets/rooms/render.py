"""Photographs of fresh rooms, as PNG files; or the constants of the label coding.

    python -m datasets.rooms.render --output=photos --rooms=8 --size=256 --seed=7

The seed is mixed with a number that no split has, so that none of the rooms is in the
data set. With `--labels`, NAME_labels.png shows picture and label maps side by side.
"""

import pathlib

import numpy as np
from absl import app, flags
from PIL import Image

from datasets.rooms import labels, rooms

FRESH = 1_000_003  # no split has this number
NEAR_AND_FAR = (0.0, 8.0)  # metres, black to white in the panel
DEFAULT_ROOMS = 8


def define_flags() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string(
        "output", None, "The folder into which the pictures are written."
    )
    flags.DEFINE_integer(
        "rooms",
        DEFAULT_ROOMS,
        "The number of rooms of which pictures are rendered.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "size", 256, "The height and width of a picture in pixels.", lower_bound=8
    )
    flags.DEFINE_integer(
        "seed", 7, "The seed from which the rooms are drawn.", lower_bound=0
    )
    flags.DEFINE_bool(
        "labels", False, "Whether to write panels of the label maps as well."
    )
    flags.DEFINE_bool(
        "statistics",
        False,
        "Whether to print the mean and the standard deviation of each map over the "
        "first --rooms training rooms, and to write nothing.",
    )


def fresh_room(seed: int, number: int, size: int) -> rooms.RoomPicture:
    """Returns room `number` of a series that is in no split."""
    rng = np.random.default_rng([seed, FRESH, number])
    return rooms.picture_of(number % len(rooms.TYPES), rng, size)


def panel(picture: rooms.RoomPicture) -> np.ndarray:
    """Returns picture and label maps in a row, [S, 8 * S, 3] uint8."""
    maps = picture.maps
    colors = np.array(list(labels.CLASSES.values()))[maps["segmentation"]]
    near, far = NEAR_AND_FAR
    curved = 0.5 + np.arctan(maps["curvature"]) / np.pi
    grey = [
        (maps["depth"] - near) / (far - near),
        maps["edges"] / 0.1,
        maps["reshading"],
        curved[..., 0],
        curved[..., 1],
    ]
    tiles = [np.repeat(g[..., None], 3, -1) for g in grey]
    tiles.insert(1, (maps["normals"] + 1) / 2)
    coded = [np.round(255 * np.clip(tile, 0, 1)) for tile in tiles]
    return np.concatenate([picture.image, colors, *coded], 1).astype(np.uint8)


def write(folder: pathlib.Path, count: int, size: int, seed: int, panels: bool) -> None:
    """Writes TYPE_NUMBER.png of `count` fresh rooms, and their panels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = fresh_room(seed, number, size)
        name = f"{picture.scene_name}_{number:03d}"
        Image.fromarray(picture.image).save(folder / f"{name}.png")
        if panels:
            Image.fromarray(panel(picture)).save(folder / f"{name}_labels.png")
        print(folder / f"{name}.png", flush=True)


def statistics(count: int, size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns mean and standard deviation per channel over the first training rooms."""
    sums: dict[str, np.ndarray] = {}
    for index in range(count):
        maps = rooms.room_of(0, "train", index, size).maps
        for name in ("depth", "edges", "reshading", "curvature"):
            values = maps[name].reshape(size * size, -1)
            moments = np.stack([values.mean(0), (values**2).mean(0)])
            sums[name] = sums.get(name, 0) + moments / count
    return {n: (mean, np.sqrt(square - mean**2)) for n, (mean, square) in sums.items()}


def main(argv: list[str]) -> None:
    """Reads the flags and does what they say."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown arguments: {' '.join(argv[1:])}")
    if flags.FLAGS.statistics:
        for name, (mean, deviation) in statistics(
            flags.FLAGS.rooms, flags.FLAGS.size
        ).items():
            print(f"{name}: mean {mean}, standard deviation {deviation}")
        return
    if flags.FLAGS.output is None:
        raise app.UsageError("--output=FOLDER is missing: where to write the pictures.")
    folder = pathlib.Path(flags.FLAGS.output)
    write(
        folder,
        flags.FLAGS.rooms,
        flags.FLAGS.size,
        flags.FLAGS.seed,
        flags.FLAGS.labels,
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
