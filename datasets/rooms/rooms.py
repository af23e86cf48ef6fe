"""One room from one seed: picture, labels, name and type."""

import dataclasses

import numpy as np

from datasets.rooms import halls, homes, labels, raycast, shading, wet_rooms

TYPES = {
    "bathroom": wet_rooms.bathroom,
    "bedroom": homes.bedroom,
    "classroom": halls.classroom,
    "corridor": halls.corridor,
    "dining_room": homes.dining_room,
    "kitchen": wet_rooms.kitchen,
    "laundry_room": wet_rooms.laundry_room,
    "library": halls.library,
    "living_room": homes.living_room,
    "office": halls.office,
}
TYPE_NAMES = tuple(TYPES)
SPLITS = ("train", "validation", "test")
PIXELS = np.s_[1::2]  # of the grid of rays: pixels' middles


@dataclasses.dataclass(frozen=True)
class RoomPicture:
    """A photograph of a room and what is known about it.

    Attributes:
      scene: the number of the room's type in `TYPE_NAMES`.
      image: the photograph [S, S, 3] uint8.
      maps: the physical label maps by task name: `segmentation` [S, S] class numbers,
        `depth` [S, S] m, `normals` [S, S, 3], `edges` and `reshading` [S, S] in 0..1,
        `curvature` [S, S, 2] in 1/m.
    """

    scene: int
    image: np.ndarray
    maps: dict[str, np.ndarray]

    @property
    def scene_name(self) -> str:
        """Its type in words."""
        return TYPE_NAMES[self.scene]


def room_of(seed: int, split: str, index: int, size: int) -> RoomPicture:
    """Returns room number `index` of a split, the same bytes every time.

    Types take turns. The size changes how many pixels see the room, not the room.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    return picture_of(index % len(TYPES), rng, size)


def picture_of(scene: int, rng: np.random.Generator, size: int) -> RoomPicture:
    """Returns a fresh room of type number `scene`, [size, size] pixels."""
    room = TYPES[TYPE_NAMES[scene]](rng)
    exposure = float(rng.uniform(0.85, 1.35))
    solids, camera = room.group.solids, room.camera
    hits = raycast.cast(solids, camera, size)
    image = shading.photograph(
        hits, solids, room.lights, room.half, camera.position, exposure
    )
    depth = hits.depth[PIXELS, PIXELS].astype(np.float64)
    normals = hits.normal[:, PIXELS, PIXELS].astype(np.float64)
    normals = np.moveaxis(normals, 0, -1) @ camera.rotation
    normals /= np.sqrt((normals**2).sum(-1, keepdims=True))
    across, down = (axis[PIXELS] for axis in camera.grid(size))
    classes = np.array([solid.label for solid in solids])
    maps = {
        "segmentation": classes[hits.owner[PIXELS, PIXELS]],
        "depth": depth,
        "normals": normals,
        "edges": labels.edges(image),
        "reshading": labels.reshading(depth, normals, across, down),
        "curvature": raycast.curvature(solids, hits, PIXELS),
    }
    return RoomPicture(scene, image, maps)
