"""Rooms to live in. Each function furnishes one from a random generator."""

import numpy as np

from datasets.rooms import decor, furniture, palette, shell
from datasets.rooms.building import INWARDS, Group, Room


def bedroom(rng: np.random.Generator) -> Room:
    """Furnishes a room with a bed at the north wall, nightstands, a wardrobe."""
    room = shell.empty_room(
        rng,
        (3.0, 4.2),
        (3.3, 4.3),
        (2.4, 2.8),
        shell.painted_walls,
        palette.choose(rng, (shell.wooden_floor, shell.carpet_floor)),
    )
    along = rng.uniform(-0.25, 0.25) * room.width
    shell.photographer(room, (along, 0.6, -room.depth / 2 + 1.2))
    width = rng.uniform(1.0, 1.8)
    head = room.insist("north", width + 0.2, 2.2, "low", along)
    furniture.bed(head, rng, width)
    wood = palette.wood(rng)
    middle = float(head.origin[0])
    for side in (-1, 1):
        place = middle + side * (width / 2 + 0.4)
        if abs(place) + 0.3 < room.width / 2:
            group = room.place("north", 0.47, 0.45, "low", place)
            if group is not None:
                furniture.nightstand(group, rng, wood)
                if rng.random() < 0.75:
                    decor.table_lamp(group.frame(0, 0.5, 0.2), rng)
    shell.daylight(room, palette.choose(rng, ("west", "east", "north")), 1.3, 1.2, 0.9)
    closet = room.place(palette.choose(rng, ("west", "east")), 1.5, 0.6)
    if closet is not None:
        furniture.cabinet(closet, rng, rng.uniform(1.1, 1.5), 2.05, 0.58)
    chest = room.place(palette.choose(rng, ("west", "east")), 0.85, 0.45, "low")
    if chest is not None:
        furniture.shelf_box(chest, rng)
    if rng.random() < 0.5:
        foot = room.group.frame(middle, 0, -room.depth / 2 + 1.9)
        decor.rug(foot, rng, width + 1.1, 1.6)
    shell.ceiling_light(room)
    _finish(room, 2)
    return room


def living_room(rng: np.random.Generator) -> Room:
    """Furnishes a room with a sofa, a low table on a rug, a television."""
    room = shell.empty_room(
        rng,
        (3.7, 4.9),
        (3.7, 4.7),
        (2.5, 3.0),
        shell.painted_walls,
        palette.choose(
            rng, (shell.wooden_floor, shell.wooden_floor, shell.carpet_floor)
        ),
    )
    north, other = ("sofa", "tv") if rng.random() < 0.6 else ("tv", "sofa")
    side = palette.choose(rng, ("west", "east"))
    lean = 0.6 * INWARDS[side]
    target = (-0.2 * lean * room.width, 0.75, -room.depth / 2 + 1.0)
    shell.photographer(room, target, lean * rng.uniform(0.3, 1.1), wide=(60, 76))
    pieces = {"sofa": _sofa_place, "tv": _tv_place}
    pieces[north](room, "north", 0.0)
    pieces[other](room, side, 0.3 * INWARDS[side])
    middle = room.group.frame(0, 0, -room.depth / 2 + rng.uniform(1.7, 2.0))
    decor.rug(middle, rng, rng.uniform(1.8, 2.4), rng.uniform(1.3, 1.7))
    wood, height = palette.wood(rng), rng.uniform(0.38, 0.46)
    if rng.random() < 0.6:
        furniture.table(middle, rng, "table", rng.uniform(0.9, 1.2), 0.55, height, wood)
    else:
        furniture.round_table(middle, rng, rng.uniform(0.38, 0.5), height, wood)
    decor.clutter(middle.frame(0, height, 0), rng, 0.8, 0.4)
    shell.daylight(room, palette.choose(rng, ("west", "east")), 1.6, 1.3, 0.8)
    shelf = room.place(palette.choose(rng, ("north", "west", "east")), 0.9, 0.35)
    if shelf is not None and rng.random() < 0.6:
        furniture.bookshelf(shelf, rng, 0.85, rng.uniform(1.2, 2.0), wood, 0.7)
    seat = room.place(palette.choose(rng, ("north", "west", "east")), 1.0, 0.95, "low")
    if seat is not None and rng.random() < 0.7:
        furniture.sofa(seat, rng, rng.uniform(0.85, 0.95))
    shell.standing_lamp(room, 0.7)
    shell.ceiling_light(room)
    _finish(room, 3)
    return room


def _sofa_place(room: Room, wall: str, along: float) -> None:
    width = room.rng.uniform(1.7, 2.3)
    group = room.insist(wall, width + 0.1, 0.95, "low", along)
    furniture.sofa(group, room.rng, width)


def _tv_place(room: Room, wall: str, along: float) -> None:
    width = room.rng.uniform(1.0, 1.4)
    group = room.insist(wall, 1.4 * width, 0.45, along=along)
    furniture.television(group, room.rng, width)


def dining_room(rng: np.random.Generator) -> Room:
    """Furnishes a room with a set table and chairs, a lamp above, a sideboard."""
    room = shell.empty_room(
        rng,
        (3.3, 4.5),
        (3.8, 4.7),
        (2.5, 2.9),
        shell.painted_walls,
        palette.choose(
            rng, (shell.wooden_floor, shell.wooden_floor, shell.tiled_floor)
        ),
    )
    z = -room.depth * rng.uniform(0.06, 0.14)
    shell.photographer(room, (0, 0.65, z), wide=(58, 74))
    spot = room.group.frame(0, 0, z, rng.uniform(-0.15, 0.15))
    room.reserve(-1.4, z - 1.0, 1.4, z + 0.9)
    if rng.random() < 0.5:
        decor.rug(spot, rng, 2.8, 2.0)
    _dining_set(spot, rng, rng.random() < 0.35)
    shell.pendant_light(room, 0, z)
    board = room.place("north", 1.7, 0.5, "low")
    if board is not None:
        furniture.cabinet(board, rng, rng.uniform(1.2, 1.6), 0.85, 0.45, scale=0.45)
        decor.clutter(board.frame(0, 0.85, 0.22), rng, 1.2, 0.4)
    shell.daylight(room, palette.choose(rng, ("west", "east", "north")), 1.4, 1.3, 0.85)
    _finish(room, 3)
    return room


def _dining_set(spot: Group, rng: np.random.Generator, round_: bool) -> None:
    """Adds a table with four to six chairs and plates."""
    wood, seat = palette.wood(rng), palette.cloth(rng)
    seat = wood if rng.random() < 0.5 else seat
    length = rng.uniform(1.4, 1.9)
    if round_:
        furniture.round_table(spot, rng, 0.65, 0.75, wood)
        angles = np.arange(4) * np.pi / 2 + rng.uniform(0, np.pi / 2)
        places = [(0.68 * np.sin(a), 0.68 * np.cos(a)) for a in angles]
    else:
        furniture.table(spot, rng, "table", length, 0.9, 0.75, wood)
        xs = (-length / 4, length / 4)
        places = [(x, z) for x in xs for z in (-0.55, 0.55)]
        if rng.random() < 0.6:
            places += [(-length / 2 - 0.15, 0.0), (length / 2 + 0.15, 0.0)]
    plates = rng.random() < 0.6
    for x, z in places:
        angle = np.arctan2(-x if round_ or z == 0 else 0.0, -z)
        furniture.chair(spot.frame(x, 0, z, angle), rng, wood, seat)
        if plates:
            spot.pole(
                "other", palette.WHITE, (0.62 * x, 0.75, 0.55 * z), 0.08, 0.02, 0.12
            )
    decor.clutter(spot.frame(0, 0.75, 0), rng, 0.5, 0.2)


def _finish(room: Room, pictures: int) -> None:
    """Adds door, pictures and a plant where there is space left."""
    shell.entrance(room)
    shell.hang_pictures(room, pictures)
    shell.potted_plant(room)
