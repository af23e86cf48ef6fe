"""Generates rooms in the form of NYU Depth V2's file, for tests and for trials.

    python -m datasets.nyuv2.generate --output=DIR --frames=160

Writes `nyu_depth_v2_labeled.mat`, of small frames. Pictures, depth and classes are
those of `datasets.rooms`, seen by NYU's camera: the builder fits normals to depth by
its focal lengths.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import h5py
import numpy as np

from datasets import arguments
from datasets.nyuv2 import classes, labeled_mat
from datasets.rooms import labels, raycast, rooms, shading

HEIGHT, WIDTH = 120, 160
# The builder splits no fewer.
FEWEST_FRAMES = 6
# The colour camera of NYU Depth V2 as `normals_from_depth` has it, in parts of the
# frame's width (focal length) and height (row of the optical axis).
_FOCAL = 518.858 / 640
_AXIS = 254.236 / 480

SCENES = {  # type of room: scene type of NYU
    **{name: name for name in rooms.TYPE_NAMES},
    "corridor": "foyer",
    "library": "bookstore",
}
# To NYU's 40 classes, a stove is other structure, a washing machine other furniture;
# plant and `other` are other props.
NAMES = {  # class of Rooms: name of NYU
    **{name: name for name in labels.CLASS_NAMES},
    "refrigerator": "refridgerator",  # NYU's spelling
    "washing_machine": "washing machine",
    "shelf": "shelves",
    "rug": "floor mat",
}
# Label ids count from 1 in this order; the builder wants all 37 names that are a class.
ALL_NAMES = tuple(dict.fromkeys((*NAMES.values(), *classes.CLASS_NAMES[:37])))
_ID_OF = np.array([1 + ALL_NAMES.index(NAMES[name]) for name in labels.CLASS_NAMES])


def frame(index: int, seed: int = 0) -> labeled_mat.Frame:
    """Returns frame `index` of a seed, [120, 160]; types of rooms take turns.

    Where two things meet, a line one pixel wide has no label, as in NYU's frames.
    """
    rng = np.random.default_rng([seed, index])
    room_type = rooms.TYPE_NAMES[index % len(rooms.TYPE_NAMES)]
    room = rooms.TYPES[room_type](rng)
    exposure = float(rng.uniform(0.85, 1.35))
    solids = room.group.solids
    field_of_view = 2 * np.arctan(0.5 / _FOCAL)
    camera = dataclasses.replace(room.camera, field_of_view=field_of_view)
    hits = raycast.cast(solids, camera, WIDTH)
    image = shading.photograph(
        hits, solids, room.lights, room.half, camera.position, exposure
    )
    # Of the square picture, the rows that NYU's frames have.
    top = round(WIDTH / 2 - _AXIS * HEIGHT)
    rows = slice(top, top + HEIGHT)
    owner = hits.owner[rooms.PIXELS, rooms.PIXELS][rows]
    ids = _ID_OF[np.array([solid.label for solid in solids])[owner]]
    return labeled_mat.Frame(
        image=image[rows],
        depth=hits.depth[rooms.PIXELS, rooms.PIXELS][rows].astype(np.float32),
        labels=np.where(_borders(ids), 0, ids).astype(np.uint16),
        scene_type=SCENES[room_type],
    )


def write(folder: pathlib.Path, frames: int, seed: int = 0) -> None:
    """Writes the file with `frames` frames into a folder, which is made.

    Raises:
      ValueError: fewer frames than can be split in three.
    """
    if frames < FEWEST_FRAMES:
        raise ValueError(f"Expected at least {FEWEST_FRAMES} frames, not {frames}.")
    folder.mkdir(parents=True, exist_ok=True)
    shape = (frames, WIDTH, HEIGHT)
    with h5py.File(folder / labeled_mat.FILE_NAME, "w") as file:
        images = file.create_dataset("images", (frames, 3, *shape[1:]), np.uint8)
        depths = file.create_dataset("depths", shape, np.float32)
        ids = file.create_dataset("labels", shape, np.uint16)
        scenes = []
        for index in range(frames):
            sample = frame(index, seed)
            # MATLAB's arrays appear with their axes reversed.
            images[index], depths[index] = sample.image.T, sample.depth.T
            ids[index] = sample.labels.T
            scenes.append(sample.scene_type)
        file["names"] = _references(file, "names", ALL_NAMES)
        # Every frame is a room of its own.
        recordings = [f"{scene}_{index:04d}" for index, scene in enumerate(scenes)]
        file["scenes"] = _references(file, "scenes", recordings)
        file["sceneTypes"] = _references(file, "sceneTypes", scenes)


def _borders(ids: np.ndarray) -> np.ndarray:
    """Returns where the class changes to the right or below: [H, W] bool."""
    borders = np.zeros(ids.shape, bool)
    borders[:-1] |= ids[:-1] != ids[1:]
    borders[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    return borders


def _references(file: h5py.File, name: str, texts: Sequence[str]) -> np.ndarray:
    """Returns (1, N) references to each text's character codes, as MATLAB does."""
    cells = []
    for number, text in enumerate(texts):
        codes = np.array([[ord(character)] for character in text], np.uint16)
        cells.append(file.create_dataset(f"#refs#/{name}{number}", data=codes).ref)
    return np.array([cells], dtype=h5py.ref_dtype)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = arguments.parser(__doc__)
    parser.add_argument("--frames", type=int, default=160, help="the number of frames")
    options = parser.parse_args(argv)
    if options.frames < FEWEST_FRAMES:
        parser.error(f"--frames is at least {FEWEST_FRAMES}.")
    write(options.output, options.frames, options.seed)


if __name__ == "__main__":
    main()
