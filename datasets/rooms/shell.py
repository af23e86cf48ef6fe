"""What all rooms have: walls, floor, ceiling, openings, lamps and the photographer."""

from collections.abc import Callable, Sequence

import numpy as np

from datasets.rooms import decor, palette
from datasets.rooms.building import Group, Room, Vector
from datasets.rooms.camera import look_at, tilt
from datasets.rooms.textures import Color, Material

Bounds = tuple[float, float]  # least, most

OVERLAP = 0.05  # metres that a wall runs on behind its neighbour: no gaps


def wooden_floor(rng: np.random.Generator) -> Material:
    """Draws a floor of boards."""
    return palette.wood(rng, "planks", rng.uniform(0.08, 0.16), 0.12)


def tiled_floor(rng: np.random.Generator) -> Material:
    """Draws a floor of square tiles or a chequerboard."""
    return palette.tiles(rng, (0.2, 0.45), ("tiles", "tiles", "checker"))


def carpet_floor(rng: np.random.Generator) -> Material:
    """Draws a wall-to-wall carpet."""
    first = palette.color(rng, (0.05, 0.5), (0.3, 0.75))
    return Material("carpet", first, seed=palette.seed(rng))


def linoleum_floor(rng: np.random.Generator) -> Material:
    """Draws a speckled floor, as in schools and offices."""
    first = palette.color(rng, (0.05, 0.35), (0.4, 0.75))
    second = palette.darker(first, 0.8)
    return Material("speckle", first, second, seed=palette.seed(rng), gloss=0.12)


def painted_walls(rng: np.random.Generator) -> list[Material]:
    """Draws four walls in one pale colour; sometimes the north wall is special."""
    first = palette.pale(rng)
    plain = Material("plain", first, seed=palette.seed(rng))
    walls = [plain] * 4
    if rng.random() < 0.3:
        walls[0] = palette.choose(rng, (_wallpaper, _brick, _accent))(rng, first)
    return walls


def _wallpaper(rng: np.random.Generator, first: Color) -> Material:
    second = palette.darker(first, rng.uniform(0.8, 0.95))
    pattern = palette.choose(rng, ("stripes", "dots", "plaid"))
    return Material(pattern, first, second, rng.uniform(0.12, 0.3), palette.seed(rng))


def _brick(rng: np.random.Generator, first: Color) -> Material:
    red = palette.color(rng, (0.35, 0.65), (0.45, 0.7), (0.0, 0.07))
    return Material("bricks", red, (0.75, 0.72, 0.68), 0.075, palette.seed(rng))


def _accent(rng: np.random.Generator, first: Color) -> Material:
    strong = palette.color(rng, (0.3, 0.7), (0.35, 0.75))
    return Material("plain", strong, seed=palette.seed(rng))


def tiled_walls(rng: np.random.Generator) -> list[Material]:
    """Draws four walls of the same tiles."""
    return [palette.tiles(rng, (0.1, 0.25))] * 4


def empty_room(
    rng: np.random.Generator,
    width: Bounds,
    depth: Bounds,
    height: Bounds,
    walls: Callable[[np.random.Generator], list[Material]],
    floor: Callable[[np.random.Generator], Material],
) -> Room:
    """Builds a room of a size drawn between bounds, in metres, with its surfaces.

    Args:
      rng: where all choices come from.
      width, depth, height: (least, most).
      walls: gives four materials: north, west, south, east.
      floor: gives the material.
    """
    room = Room(rng, *(rng.uniform(*bounds) for bounds in (width, depth, height)))
    sides = zip(("north", "west", "south", "east"), walls(rng), strict=True)
    for wall, material in sides:
        size = (room.length(wall) + OVERLAP, room.height + OVERLAP)
        room.wall(wall).panel("wall", material, (0, room.height / 2, 0), size)
    flat = (room.width + OVERLAP, room.depth + OVERLAP)
    _level(room, 0.0, -np.pi / 2).panel("floor", floor(rng), (0, 0, 0), flat)
    white = Material("plain", palette.color(rng, (0, 0.06), (0.88, 0.97)))
    _level(room, room.height, np.pi / 2).panel("ceiling", white, (0, 0, 0), flat)
    return room


def _level(room: Room, y: float, angle: float) -> Group:
    """Returns a frame whose z points up (angle -π/2) or down (π/2)."""
    frame = room.group.frame(0, y, 0)
    return type(frame)(frame.solids, frame.origin, tilt(angle))


def photographer(
    room: Room,
    target: Vector,
    side: float | None = None,
    back: Bounds = (0.15, 0.5),
    wide: Bounds = (56, 74),
) -> None:
    """Stands at the south wall, and looks at `target` (x, y, z), roughly.

    Args:
      room: keeps the floor before the camera free.
      target: where to look, metres; off by up to a hand's width or two.
      side: x of the camera as a share of half the width, default random.
      back: least and most distance to the south wall, metres.
      wide: field of view, degrees: least and most.
    """
    rng = room.rng
    side = rng.uniform(-0.7, 0.7) if side is None else side
    x = side * (room.width / 2 - 0.25)
    place = np.array([x, rng.uniform(1.25, 1.8), room.depth / 2 - rng.uniform(*back)])
    aim = np.asarray(target, float) + rng.uniform(-0.3, 0.3, 3) * (1, 0.5, 1)
    angle, view = rng.normal(0, np.radians(1)), np.radians(rng.uniform(*wide))
    room.camera = look_at(place, aim, angle, view)
    room.reserve(x - 0.7, place[2] - 1.3, x + 0.7, room.depth / 2)


def daylight(
    room: Room,
    wall: str,
    width: float,
    height: float,
    sill: float,
    curtained: bool = True,
) -> bool:
    """Adds a window with light behind it, if the wall has space; perhaps curtains."""
    group = room.place(wall, width + 0.4, 0, "high")
    if group is None:
        return False
    rng = room.rng
    decor.window(group, rng, width, height, sill)
    if curtained and rng.random() < 0.75:
        decor.curtains(group, rng, width, height, sill)
    inwards = group.rotation @ np.array([0, 0, 1.0])
    place = group.origin + 0.25 * inwards + np.array([0, sill + height / 2, 0])
    tint = (1.0, rng.uniform(0.9, 1.0), rng.uniform(0.85, 1.05))
    room.light(place, rng.uniform(1.2, 3.0) * width * height / 1.5, tint, inwards)
    return True


def lamp_light(room: Room, place: Vector, brightness: Bounds = (2.0, 3.5)) -> None:
    """Adds warm light from a lamp at `place` (x, y, z)."""
    tint = (1.0, room.rng.uniform(0.86, 0.98), room.rng.uniform(0.7, 0.92))
    room.light(place, room.rng.uniform(*brightness), tint)


def ceiling_light(room: Room, x: float = 0.0, z: float = 0.0) -> None:
    """Adds a bowl at the ceiling, with its light."""
    decor.ceiling_lamp(room.group.frame(x, room.height, z), room.rng)
    lamp_light(room, (x, room.height - 0.25, z))


def pendant_light(room: Room, x: float, z: float) -> None:
    """Adds a lamp hanging from the ceiling, with its light."""
    drop = room.rng.uniform(0.5, 0.9)
    decor.pendant(room.group.frame(x, room.height, z), room.rng, drop)
    lamp_light(room, (x, room.height - drop - 0.05, z))


def panel_lights(room: Room, rows: int, columns: int) -> None:
    """Adds a grid of flat lamps; their light comes from two of them at most."""
    zs = (np.arange(rows) + 0.5) / rows * room.depth - room.depth / 2
    xs = (np.arange(columns) + 0.5) / columns * room.width - room.width / 2
    for x in xs:
        for z in zs:
            decor.light_panel(room.group.frame(x, room.height, z), room.rng)
    for z in {zs[0], zs[-1]}:
        tint = (1.0, 1.0, room.rng.uniform(0.92, 1.0))
        room.light((0, room.height - 0.1, z), room.rng.uniform(2.0, 3.0), tint)


def hang_pictures(
    room: Room, most: int, walls: Sequence[str] = ("north", "west", "east")
) -> None:
    """Adds up to `most` paintings where walls are free."""
    rng = room.rng
    for _ in range(int(rng.integers(0, most + 1))):
        width, height = rng.uniform(0.4, 1.1), rng.uniform(0.4, 0.8)
        group = room.place(palette.choose(rng, walls), width + 0.1, 0, "high")
        if group is not None:
            decor.picture(group, rng, width, height, rng.uniform(1.55, 1.75))


def entrance(
    room: Room, walls: Sequence[str] = ("west", "east", "north"), chance: float = 0.6
) -> None:
    """Adds a door somewhere, perhaps."""
    if room.rng.random() < chance:
        group = room.place(palette.choose(room.rng, walls), 1.05, 0.1)
        if group is not None:
            decor.door(group, room.rng)


def potted_plant(room: Room, chance: float = 0.5) -> None:
    """Adds a plant in a corner or at a wall, perhaps."""
    rng = room.rng
    if rng.random() < chance:
        wall = palette.choose(rng, ("north", "west", "east"))
        size = rng.uniform(0.7, 1.4)
        group = room.place(wall, 0.55, 0.55, "low")
        if group is not None:
            decor.plant(group.frame(0, 0, 0.28), rng, size)


def standing_lamp(room: Room, chance: float = 0.5) -> None:
    """Adds a floor lamp at a wall, perhaps, and its light."""
    rng = room.rng
    if rng.random() < chance:
        group = room.place(palette.choose(rng, ("north", "west", "east")), 0.45, 0.45)
        if group is not None:
            decor.floor_lamp(group.frame(0, 0, 0.22), rng)
