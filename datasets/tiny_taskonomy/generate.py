"""Generates rooms in the form of Taskonomy's files, for tests and for trials.

    python -m datasets.tiny_taskonomy.generate --output=DIR --buildings=4 --frames=50

Pictures and labels are those of `datasets.rooms`, written by Taskonomy's conventions.
`--distinct=N` makes N frames only and gives each many names: a data set of any size in
no time and little room.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from datasets import arguments
from datasets.rooms import labels, rooms
from datasets.tiny_taskonomy import layout, places, splits, tasks

# The first few have all three splits and the three buildings of the paper.
BUILDINGS = tuple(
    dict.fromkeys(
        ("allensville", "wiconisco", "ihlen", *splits.THREE_BUILDINGS, *splits.TINY)
    )
)
_SCENES = {  # type of room: category of Places, where the names differ
    "library": "library/indoor",
    "laundry_room": "laundromat",
}
_OBJECTS = {  # class of Rooms: object of Taskonomy
    "bed": "bed",
    "chair": "chair",
    "table": "dining table",
    "sofa": "couch",
    "sink": "sink",
    "toilet": "toilet",
    "stove": "oven",
    "refrigerator": "refrigerator",
    "books": "book",
    "plant": "potted plant",
    "television": "tv",
}
UNCERTAIN, BACKGROUND = 0, 1
# A sixteenth of the picture, upper left, is a hole in the mesh, and lower right,
# uncertain.
_HOLE = 16
# Names of the last part of a file's name where it is not the domain's.
_LAST_PART = {"segment_semantic": "segmentsemantic"}


def scene_of(room_type: str) -> int:
    """Returns the number of a type of room among the 365 categories."""
    return places.NAMES.index(_SCENES.get(room_type, room_type))


def frame(index: int, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns the files of one frame by domain, as arrays.

    [size, size] or [size, size, 3] uint8 or uint16; `class_scene` [365] float32.
    """
    picture = rooms.room_of(seed, "train", index, size)
    maps = picture.maps
    hole = np.zeros((size, size), bool)
    hole[: size // _HOLE, : size // _HOLE] = True
    rim = slice(size - size // _HOLE, size)
    segmentation = _object_table()[maps["segmentation"]]
    segmentation[rim, rim] = UNCERTAIN
    zbuffer = np.round(np.clip(maps["depth"] * 512, 1, 64000))
    grey = np.round(255 * maps["reshading"])
    codes = np.round(tasks.FLAT * (1 + _ordered(maps["curvature"]) * 0.03))
    curvature = np.concatenate(
        [np.clip(codes, 0, 254), np.zeros((size, size, 1))], axis=-1
    )
    return {
        "rgb": picture.image,
        "segment_semantic": segmentation,
        "depth_zbuffer": _with_hole(zbuffer, hole, 65535).astype(np.uint16),
        "normal": _with_hole(
            np.round((maps["normals"] * (1, -1, -1) + 1) * 127.5), hole, 128
        ).astype(np.uint8),
        "edge_texture": np.round(65535 * maps["edges"]).astype(np.uint16),
        "reshading": np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8),
        "principal_curvature": _with_hole(curvature, hole, 0).astype(np.uint8),
        "mask_valid": np.where(hole, 0, 255).astype(np.uint8),
        layout.SCENE: _probabilities(scene_of(picture.scene_name), index),
    }


def write_frame(
    root: pathlib.Path, building: str, name: str, files: Mapping[str, np.ndarray]
) -> None:
    """Writes the files of the frame `point_P_view_V`, each as DOMAIN/BUILDING/FILE."""
    for domain, values in files.items():
        path = path_of(root, building, name, domain)
        path.parent.mkdir(parents=True, exist_ok=True)
        if domain == layout.SCENE:
            np.save(path, values)
        else:
            # The fastest: these files are read once.
            Image.fromarray(values).save(path, compress_level=1)


def path_of(root: pathlib.Path, building: str, name: str, domain: str) -> pathlib.Path:
    """Returns the file of a frame's domain."""
    suffix = "npy" if domain == layout.SCENE else "png"
    last = _LAST_PART.get(domain, domain)
    return root / domain / building / f"{name}_domain_{last}.{suffix}"


def write(
    root: pathlib.Path,
    buildings: Sequence[str],
    frames: int,
    size: int,
    distinct: int = 0,
    seed: int = 0,
) -> None:
    """Writes `frames` frames of each building.

    Args:
      root: the folder for the domains' folders.
      buildings: the names of the buildings.
      frames: the number of frames of each building.
      size: height and width in pixels.
      distinct: how many different frames are made; the others are further names (hard
        links) of these. 0: all differ.
      seed: the seed of the rooms.
    """
    originals: list[tuple[str, str]] = []
    domains: list[str] = []
    for building in buildings:
        for number in range(frames):
            name = f"point_{number}_view_0"
            if not distinct or len(originals) < distinct:
                files = frame(len(originals), size, seed)
                write_frame(root, building, name, files)
                originals.append((building, name))
                domains = list(files)
                continue
            # Types of rooms take turns among the frames that are made.
            original = originals[number % distinct]
            for domain in domains:
                path = path_of(root, building, name, domain)
                path.parent.mkdir(parents=True, exist_ok=True)
                os.link(path_of(root, *original, domain), path)


def _object_table() -> np.ndarray:
    table = np.full(len(labels.CLASS_NAMES), BACKGROUND, np.uint8)
    for name, thing in _OBJECTS.items():
        # 0 is uncertain, so the numbers of the files are one higher.
        table[labels.NUMBER[name]] = list(tasks.CLASSES).index(thing) + 1
    return table


def _ordered(curvature: np.ndarray) -> np.ndarray:
    """Puts the curvature of larger magnitude first."""
    order = np.argsort(-np.abs(curvature), axis=-1, kind="stable")
    return np.take_along_axis(curvature, order, axis=-1)


def _with_hole(values: np.ndarray, hole: np.ndarray, missing: int) -> np.ndarray:
    return np.where(hole[..., None] if values.ndim == 3 else hole, missing, values)


def _probabilities(scene: int, index: int) -> np.ndarray:
    """Returns [365] float32 that sum to 1, the largest that of the scene."""
    logits = np.random.default_rng(index).normal(size=len(places.NAMES))
    logits[scene] = 8
    shares = np.exp(logits)
    return (shares / shares.sum()).astype(np.float32)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = arguments.parser(__doc__)
    parser.add_argument(
        "--buildings", type=int, default=4, help="the number of buildings"
    )
    parser.add_argument(
        "--frames", type=int, default=50, help="the number of frames of each building"
    )
    parser.add_argument(
        "--size", type=int, default=256, help="height and width in pixels"
    )
    parser.add_argument(
        "--distinct",
        type=int,
        default=0,
        help="the number of different frames; 0: all differ",
    )
    options = parser.parse_args(argv)
    if not 1 <= options.buildings <= len(BUILDINGS):
        parser.error(f"--buildings is from 1 to {len(BUILDINGS)}.")
    if options.frames < 1 or options.size < 16:
        parser.error("--frames is at least 1 and --size at least 16.")
    names = BUILDINGS[: options.buildings]
    write(
        options.output,
        names,
        options.frames,
        options.size,
        options.distinct,
        options.seed,
    )


if __name__ == "__main__":
    main()
