"""Rooms to work, learn and pass through. Each function furnishes one."""

import numpy as np

from datasets.rooms import decor, furniture, palette, shell
from datasets.rooms.building import OPPOSITE, Group, Room
from datasets.rooms.textures import Material


def office(rng: np.random.Generator) -> Room:
    """Furnishes a room with a desk, a computer, an office chair and shelves."""
    room = shell.empty_room(
        rng,
        (2.8, 3.9),
        (3.0, 3.9),
        (2.4, 2.8),
        shell.painted_walls,
        palette.choose(rng, (shell.carpet_floor, shell.linoleum_floor)),
    )
    along = rng.uniform(-0.2, 0.2) * room.width
    shell.photographer(room, (along, 0.8, -room.depth / 2 + 0.6))
    width = rng.uniform(1.3, 1.8)
    group = room.insist("north", width, 1.5, "low", along)
    wood = palette.wood(rng)
    work_place(group, rng, width, wood)
    for wall in ("west", "east"):
        shelf = room.place(wall, 1.0, 0.32)
        if shelf is not None and rng.random() < 0.75:
            furniture.bookshelf(shelf, rng, 0.95, rng.uniform(1.5, 2.1), wood, 0.8)
    filing = room.place(
        palette.choose(rng, ("north", "west", "east")), 0.55, 0.5, "low"
    )
    if filing is not None:
        furniture.cabinet(filing, rng, 0.45, 1.1, 0.5, "drawers", 0.28)
    shell.daylight(room, palette.choose(rng, ("west", "east", "north")), 1.4, 1.2, 0.95)
    if rng.random() < 0.6:
        board = room.place("north", 1.3, 0, "high")
        if board is not None:
            decor.picture(board, rng, 1.1, 0.7, 1.65)
    shell.panel_lights(room, 2, 1)
    shell.entrance(room)
    shell.hang_pictures(room, 2)
    shell.potted_plant(room, 0.6)
    return room


def work_place(
    group: Group, rng: np.random.Generator, width: float, wood: Material
) -> None:
    """Adds a desk with a computer, a lamp, papers and a chair before it."""
    furniture.desk(group, rng, width, wood)
    shift = rng.uniform(-0.2, 0.2)
    furniture.computer(group.frame(shift, 0.74, 0), rng)
    side = palette.choose(rng, (-1, 1))
    decor.table_lamp(group.frame(side * (width / 2 - 0.18), 0.74, 0.2), rng)
    paper = group.frame(-side * (width / 2 - 0.3), 0.74, 0.4, rng.uniform(-0.4, 0.4))
    paper.box("other", palette.PAPER, (0, 0, 0), (0.21, 0.02, 0.3))
    seat = palette.cloth(rng, ("plain", "carpet"))
    angle = np.pi + rng.uniform(-0.7, 0.7)
    chair = group.frame(
        shift + rng.uniform(-0.2, 0.2), 0, rng.uniform(0.95, 1.15), angle
    )
    furniture.office_chair(chair, rng, seat)


def classroom(rng: np.random.Generator) -> Room:
    """Rows of desks with chairs that face a board."""
    room = shell.empty_room(
        rng,
        (5.6, 7.4),
        (6.0, 7.5),
        (2.8, 3.3),
        shell.painted_walls,
        palette.choose(rng, (shell.linoleum_floor, shell.wooden_floor)),
    )
    shell.photographer(room, (0, 1.0, -room.depth / 2 + 1), wide=(58, 74))
    width = rng.uniform(2.4, 3.6)
    board = room.insist("north", width, 0, "high", rng.uniform(-0.4, 0.4))
    decor.whiteboard(board, rng, width)
    _pupils(room)
    wood = palette.wood(rng)
    lectern = room.group.frame(rng.uniform(-1.6, 1.6), 0, -room.depth / 2 + 0.9)
    furniture.table(lectern, rng, "desk", 1.4, 0.65, 0.75, wood)
    decor.clutter(lectern.frame(0, 0.75, 0), rng, 1.0, 0.4)
    side = palette.choose(rng, ("west", "east"))
    for _ in range(3):
        shell.daylight(room, side, 1.5, 1.5, 0.95, False)
    room.lights = room.lights[:2]
    other = OPPOSITE[side]
    shelf = room.place(other, 1.3, 0.32)
    if shelf is not None:
        furniture.bookshelf(shelf, rng, 1.2, rng.uniform(1.0, 1.8), wood, 0.8)
    shell.entrance(room, (other,), 0.9)
    shell.panel_lights(room, 3, 2)
    shell.hang_pictures(room, 4, ("north", other))
    return room


def _pupils(room: Room) -> None:
    """Desks and chairs in rows and columns."""
    rng = room.rng
    wood, seat = palette.wood(rng), palette.painted(rng)
    columns = 3 if room.width < 6.4 else 4
    step = (room.width - 1.0) / columns
    for row in range(3):
        z = -room.depth / 2 + 2.2 + 1.25 * row
        for column in range(columns):
            x = (column - (columns - 1) / 2) * step
            if not room.free(x - 0.5, z - 0.4, x + 0.5, z + 0.75):
                continue
            jitter = rng.uniform(-0.05, 0.05, 2)
            place = room.group.frame(x + jitter[0], 0, z + jitter[1])
            _school_desk(place, wood)
            angle = np.pi + rng.uniform(-0.15, 0.15)
            _school_chair(place.frame(0, 0, 0.45, angle), seat)


def _school_desk(group: Group, wood: Material) -> None:
    group.box("desk", wood, (0, 0.7, 0), (0.75, 0.04, 0.5))
    for x in (-0.33, 0.33):
        group.box("desk", palette.STEEL, (x, 0, 0), (0.04, 0.7, 0.36))


def _school_chair(group: Group, seat: Material) -> None:
    group.box("chair", seat, (0, 0.43, 0), (0.4, 0.04, 0.4))
    group.box("chair", seat, (0, 0.62, -0.2), (0.4, 0.24, 0.03))
    for x in (-0.18, 0.18):
        group.box("chair", palette.STEEL, (x, 0, -0.19), (0.03, 0.66, 0.03))
        group.box("chair", palette.STEEL, (x, 0, 0.17), (0.03, 0.43, 0.03))


def corridor(rng: np.random.Generator) -> Room:
    """Builds a long and narrow room with doors on both sides."""
    room = shell.empty_room(
        rng,
        (1.7, 2.5),
        (7.5, 12.0),
        (2.4, 2.9),
        shell.painted_walls,
        palette.choose(
            rng, (shell.linoleum_floor, shell.tiled_floor, shell.carpet_floor)
        ),
    )
    far = (rng.uniform(-0.2, 0.2), 1.15, -room.depth / 2)
    shell.photographer(room, far, rng.uniform(-0.4, 0.4), wide=(58, 76))
    for wall in ("west", "east"):
        for place in np.arange(-room.depth / 2 + 0.9, room.depth / 2 - 0.6, 2.2):
            along = place + rng.uniform(-0.15, 0.15)
            group = room.place(wall, 1.05, 0.0, along=along)
            if group is not None and rng.random() < 0.85:
                decor.door(group, rng)
    if rng.random() < 0.5:
        shell.daylight(room, "north", 1.0, 1.2, 0.9, False)
    else:
        shell.entrance(room, ("north",), 1.0)
    if rng.random() < 0.5:
        runner = room.group.frame(0, 0, 0)
        decor.rug(runner, rng, 0.45 * room.width, 0.9 * room.depth)
    lamps = np.linspace(-room.depth / 2 + 1.2, room.depth / 2 - 1.8, 3)
    for number, z in enumerate(lamps):
        decor.light_panel(room.group.frame(0, room.height, z), rng, 0.3, 1.1)
        if number != 1:
            room.light((0, room.height - 0.1, z), rng.uniform(1.6, 2.6))
    shell.hang_pictures(room, 5, ("west", "east"))
    shell.potted_plant(room, 0.3)
    return room


def library(rng: np.random.Generator) -> Room:
    """Walls of books, and a table to read at."""
    room = shell.empty_room(
        rng,
        (4.0, 5.6),
        (4.2, 5.6),
        (2.6, 3.2),
        shell.painted_walls,
        palette.choose(rng, (shell.wooden_floor, shell.carpet_floor)),
    )
    shell.photographer(room, (0, 1.0, -room.depth / 2 + 1), wide=(58, 76))
    wood = palette.wood(rng)
    height = rng.uniform(2.0, 2.4)
    for wall in ("north", "west", "east"):
        reach = room.length(wall) / 2
        for along in np.arange(-reach + 0.62, reach - 0.5, 1.22):
            group = room.place(wall, 1.2, 0.32, along=along)
            if group is not None and rng.random() < 0.93:
                furniture.bookshelf(group, rng, 1.2, height, wood)
    z = rng.uniform(-0.5, 0.0)
    spot = room.group.frame(rng.uniform(-0.3, 0.3), 0, z, rng.uniform(-0.2, 0.2))
    furniture.table(spot, rng, "table", 1.5, 0.8, 0.75, wood)
    seat = palette.cloth(rng)
    for x in (-0.35, 0.35):
        furniture.chair(spot.frame(x, 0, -0.5), rng, wood, seat)
        furniture.chair(spot.frame(x, 0, 0.55, np.pi), rng, wood, seat)
    decor.table_lamp(spot.frame(0, 0.75, 0), rng)
    decor.clutter(spot.frame(0, 0.75, 0), rng, 1.2, 0.6)
    shell.pendant_light(room, *spot.origin[[0, 2]])
    shell.daylight(room, "north", 1.0, 1.2, 1.0, False)
    shell.ceiling_light(room, 0, room.depth / 4)
    return room
