"""Rooms with water: kitchen, bathroom, laundry. Each function furnishes one."""

import numpy as np

from datasets.rooms import decor, fixtures, furniture, palette, shell
from datasets.rooms.building import INWARDS, OPPOSITE, Room
from datasets.rooms.textures import Material


def kitchen(rng: np.random.Generator) -> Room:
    """Furnishes a kitchen: cupboards, stove, sink, refrigerator, wall cupboards."""
    room = shell.empty_room(
        rng, (3.0, 4.2), (3.0, 4.4), (2.45, 2.8), shell.painted_walls, shell.tiled_floor
    )
    shell.photographer(room, (0, 0.95, -room.depth / 2 + 0.3), wide=(60, 76))
    material = palette.wood(rng) if rng.random() < 0.5 else palette.painted(rng)
    top = palette.stone(rng)
    _kitchen_row(room, material, top)
    splash = palette.tiles(rng, (0.08, 0.15))
    wall = room.wall("north", 0, 0.004)
    wall.panel("wall", splash, (0, 1.175, 0), (room.width, 0.55))
    side = palette.choose(rng, ("west", "east"))
    along = INWARDS[side] * (room.depth / 2 - 1.55)
    run = room.place(side, 1.5, 0.6, "low", along)
    if run is not None:
        fixtures.counter(run, rng, 1.5, material, top)
        decor.clutter(run.frame(0, 0.9, 0.3), rng, 1.3, 0.4)
        cupboard = room.place(side, 1.5, 0, "high", along)
        if cupboard is not None and rng.random() < 0.4:
            fixtures.wall_cupboard(cupboard, rng, 1.5, material)
    shell.daylight(room, OPPOSITE[side], 1.1, 1.1, 1.05)
    if room.width > 3.5 and rng.random() < 0.5:
        spot = room.group.frame(rng.uniform(-0.2, 0.2), 0, 0.1)
        furniture.round_table(spot, rng, 0.42, 0.75, palette.wood(rng))
    shell.ceiling_light(room)
    shell.hang_pictures(room, 1, ("west", "east"))
    return room


def _kitchen_row(room: Room, material: Material, top: Material) -> None:
    """Adds refrigerator, cupboards, stove and sink along the whole north wall."""
    rng = room.rng
    mirrored = palette.choose(rng, (-1, 1))
    edge = -room.width / 2
    fridge = room.wall("north", mirrored * (edge + 0.37))
    fixtures.refrigerator(fridge, rng)
    stove_x = rng.uniform(edge + 1.2, edge + 1.5)
    fixtures.stove(room.wall("north", mirrored * stove_x), rng)
    spans = ((edge + 0.76, stove_x - 0.3), (stove_x + 0.3, room.width / 2))
    for start, end in spans:
        width, middle = end - start, mirrored * (start + end) / 2
        group = room.wall("north", middle)
        fixtures.counter(group, rng, width, material, top)
        if width > 0.8:
            fixtures.kitchen_sink(group.frame(0, 0.9, 0))
        if rng.random() < 0.85:
            fixtures.wall_cupboard(group, rng, width - 0.1, material)
    room.reserve(-room.width / 2, edge, room.width / 2, -room.depth / 2 + 0.7)


def bathroom(rng: np.random.Generator) -> Room:
    """Furnishes a bathroom: a tub, a toilet, a washstand below a mirror."""
    walls = shell.tiled_walls if rng.random() < 0.7 else shell.painted_walls
    room = shell.empty_room(
        rng, (2.4, 3.4), (2.6, 3.6), (2.3, 2.7), walls, shell.tiled_floor
    )
    side = palette.choose(rng, ("west", "east"))
    across, inwards = OPPOSITE[side], INWARDS[side]
    long_ = min(room.depth - 1.1, 1.75)
    corner = inwards * ((room.depth - long_) / 2 - 0.02)  # the far one
    tub = room.insist(side, long_, 0.78, "low", corner)
    fixtures.bathtub(tub, rng, long_)
    # The camera stands across from the tub.
    aim = (0, 0.6, -room.depth / 2 + 0.4)
    shell.photographer(room, aim, inwards * rng.uniform(0.0, 0.8), wide=(58, 76))
    beside = inwards * (rng.uniform(-0.1, 0.1) + 0.2)
    basin = room.insist("north", 0.75, 0.55, along=beside)
    fixtures.washstand(basin, rng, rng.uniform(0.55, 0.72))
    decor.mirror(basin, rng, 0.6, rng.uniform(0.6, 0.8), 1.15)
    seat = INWARDS[across] * (room.depth / 2 - 1.05)
    fixtures.toilet(room.insist(across, 0.55, 0.75, "low", seat), rng)
    rail = room.place(palette.choose(rng, ("north", across)), 0.7, 0, "high")
    if rail is not None:
        decor.towel(rail, rng, rng.uniform(1.2, 1.5))
    if rng.random() < 0.5:
        shell.daylight(
            room, palette.choose(rng, ("north", across)), 0.7, 0.7, 1.4, False
        )
    if rng.random() < 0.7:
        mat = room.group.frame(inwards * 0.2, 0, 0.1)
        decor.rug(mat, rng, 0.9, 0.6, rng.random() < 0.3)
    shell.ceiling_light(room)
    return room


def laundry_room(rng: np.random.Generator) -> Room:
    """Furnishes a room with washing machines in a row, a sink, shelves, a basket."""
    room = shell.empty_room(
        rng, (2.6, 3.6), (2.8, 3.8), (2.3, 2.7), shell.painted_walls, shell.tiled_floor
    )
    shell.photographer(room, (0, 0.7, -room.depth / 2 + 0.3), wide=(58, 76))
    count = int(rng.integers(2, 4))
    start = rng.uniform(-1, 1) * (room.width / 2 - 0.32 * count - 0.02)
    for number in range(count):
        along = start + (number - (count - 1) / 2) * 0.63
        group = room.insist("north", 0.62, 0.68, "low", along)
        fixtures.washing_machine(group, rng)
    shelf = room.wall("north", start)
    wood = palette.wood(rng)
    for y in (1.45, 1.85):
        shelf.box("shelf", wood, (0, y, 0.15), (0.63 * count, 0.03, 0.3))
        decor.clutter(shelf.frame(0, y + 0.03, 0.15), rng, 0.5 * count, 0.2)
    room.place("north", 0.63 * count, 0, "high", start)
    sink = room.place("north", 0.75, 0.55, "low")
    sink = sink or room.place(palette.choose(rng, ("west", "east")), 0.75, 0.55, "low")
    if sink is not None:
        fixtures.washstand(sink, rng, 0.65)
    for wall in ("west", "east"):
        spot = room.place(wall, 0.6, 0.6, "low")
        if spot is not None:
            fixtures.laundry_basket(spot.frame(0, 0, 0.3), rng)
    shell.daylight(room, palette.choose(rng, ("west", "east")), 0.8, 0.7, 1.3, False)
    shell.ceiling_light(room)
    shell.entrance(room, ("west", "east"))
    return room
