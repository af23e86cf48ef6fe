"""Movable furniture. Everything stands on y = 0 of its group, its back at z = 0.

Every function takes (group, rng) and what may vary, and adds solids to the group.
"""

import numpy as np

from datasets.rooms import decor, palette
from datasets.rooms.building import Group
from datasets.rooms.palette import BLACK, DARK_METAL, STEEL, WHITE
from datasets.rooms.textures import Material


def legs(
    group: Group,
    label: str,
    material: Material,
    width: float,
    depth: float,
    height: float,
    thick: float = 0.05,
    z: float = 0.0,
) -> None:
    """Adds four legs under a top whose back edge is at `z`."""
    x = width / 2 - thick / 2
    for side in (-x, x):
        for place in (z + thick / 2, z + depth - thick / 2):
            group.box(label, material, (side, 0, place), (thick, height, thick))


def bed(group: Group, rng: np.random.Generator, width: float) -> None:
    """Adds frame, mattress, blanket, pillows and a headboard; 2.1 m long."""
    wood, blanket = palette.wood(rng), palette.cloth(rng)
    sheet = Material(first=palette.color(rng, (0.0, 0.15), (0.85, 0.98)))
    group.box("bed", wood, (0, 0, 0.04), (width + 0.08, rng.uniform(0.85, 1.2), 0.08))
    group.box("bed", wood, (0, 0.08, 1.08), (width + 0.06, 0.22, 2.04))
    group.box("bed", sheet, (0, 0.3, 1.06), (width, 0.22, 1.96))
    cover = rng.uniform(1.25, 1.5)
    foot = 2.1 - cover / 2
    group.box("bed", blanket, (0, 0.32, foot), (width + 0.1, 0.24, cover))
    pillow = Material(first=palette.color(rng, (0.0, 0.5), (0.6, 0.98)))
    count = 1 if width < 1.2 else 2
    for number in range(count):
        x = (number - (count - 1) / 2) * width / count
        group.ball("bed", pillow, (x, 0.48, 0.36), (width / count - 0.1, 0.2, 0.44))


def nightstand(group: Group, rng: np.random.Generator, wood: Material) -> None:
    """Adds a small chest, 0.45 m wide."""
    group.box("cabinet", wood, (0, 0, 0.2), (0.45, 0.5, 0.4))
    drawers = palette.front(wood, "drawers", 0.24)
    group.panel("cabinet", drawers, (0, 0.27, 0.402), (0.45, 0.46))


def cabinet(
    group: Group,
    rng: np.random.Generator,
    width: float,
    height: float,
    depth: float,
    kind: str = "doors",
    scale: float = 0.5,
) -> None:
    """Adds a wardrobe, sideboard or chest: `kind` of front, each `scale` metres."""
    material = palette.wood(rng) if rng.random() < 0.6 else palette.painted(rng)
    group.box("cabinet", material, (0, 0, depth / 2), (width, height, depth))
    front = palette.front(material, kind, scale)
    size = (width - 0.02, height - 0.06)
    group.panel("cabinet", front, (0, height / 2 + 0.02, depth + 0.002), size)


def sofa(group: Group, rng: np.random.Generator, width: float) -> None:
    """Adds base, back, arms and cushions; an armchair when narrow. 0.9 m deep."""
    fabric = palette.cloth(rng, ("plain", "carpet", "carpet", "stripes"))
    arm = 0.18
    group.box("sofa", DARK_METAL, (0, 0, 0.45), (width - 0.1, 0.1, 0.8))
    group.box("sofa", fabric, (0, 0.1, 0.45), (width, 0.18, 0.88))
    group.box("sofa", fabric, (0, 0.28, 0.11), (width, 0.52, 0.22))
    for side in (-1, 1):
        x = side * (width - arm) / 2
        group.box("sofa", fabric, (x, 0.28, 0.45), (arm, 0.3, 0.88))
        group.rod("sofa", fabric, (x, 0.58, 0.45), arm / 2, 0.88, "z")
    count = max(round((width - 2 * arm) / 0.7), 1)
    step = (width - 2 * arm) / count
    for number in range(count):
        x = (number - (count - 1) / 2) * step
        group.box("sofa", fabric, (x, 0.28, 0.53), (step - 0.02, 0.16, 0.68))
    if width > 1.2:
        pillow = palette.cloth(rng)
        for side in (-1, 1):
            x = side * (width / 2 - 0.42)
            group.ball("sofa", pillow, (x, 0.42, 0.34), (0.44, 0.42, 0.18))


def chair(
    group: Group, rng: np.random.Generator, frame: Material, seat: Material
) -> None:
    """Adds a plain chair; its middle at the origin, its front to z."""
    group.box("chair", seat, (0, 0.43, 0), (0.44, 0.05, 0.44))
    group.box("chair", frame, (0, 0.62, -0.21), (0.42, 0.3, 0.03))
    for x in (-0.2, 0.2):
        group.box("chair", frame, (x, 0, -0.21), (0.04, 0.92, 0.04))
        group.box("chair", frame, (x, 0, 0.2), (0.04, 0.43, 0.04))


def office_chair(group: Group, rng: np.random.Generator, seat: Material) -> None:
    """Adds seat and back on a pole with a star foot; its front to z."""
    group.pole("chair", DARK_METAL, (0, 0, 0), 0.28, 0.07, 0.06)
    group.pole("chair", STEEL, (0, 0.07, 0), 0.03, 0.38)
    group.pole("chair", seat, (0, 0.44, 0), 0.26, 0.09)
    group.box("chair", seat, (0, 0.62, -0.24), (0.44, 0.5, 0.07))
    group.box("chair", DARK_METAL, (0, 0.45, -0.25), (0.06, 0.25, 0.03))
    for x in (-0.27, 0.27):
        group.box("chair", DARK_METAL, (x, 0.66, -0.02), (0.05, 0.04, 0.28))


def table(
    group: Group,
    rng: np.random.Generator,
    label: str,
    width: float,
    depth: float,
    height: float,
    wood: Material,
) -> None:
    """Adds a top on four legs; its middle at the origin."""
    group.box(label, wood, (0, height - 0.04, 0), (width, 0.04, depth))
    legs(
        group,
        label,
        wood,
        width - 0.1,
        depth - 0.1,
        height - 0.04,
        0.06,
        0.05 - depth / 2,
    )


def round_table(
    group: Group, rng: np.random.Generator, radius: float, height: float, wood: Material
) -> None:
    """Adds a disc on a column; its middle at the origin."""
    group.pole("table", wood, (0, height - 0.04, 0), radius, 0.04)
    group.pole("table", wood, (0, 0.04, 0), 0.09, height - 0.08, 0.06)
    group.pole("table", wood, (0, 0, 0), 0.45 * radius, 0.04, 0.4 * radius)


def desk(group: Group, rng: np.random.Generator, width: float, wood: Material) -> None:
    """Adds a writing desk with drawers on one side, 0.7 m deep, 0.74 m high."""
    side = palette.choose(rng, (-1, 1))
    group.box("desk", wood, (0, 0.7, 0.35), (width, 0.04, 0.7))
    group.box("desk", wood, (side * (width / 2 - 0.2), 0, 0.34), (0.4, 0.7, 0.64))
    drawers = palette.front(wood, "drawers", 0.22)
    x = side * (width / 2 - 0.2)
    group.panel("desk", drawers, (x, 0.36, 0.662), (0.38, 0.66))
    group.box("desk", wood, (-side * (width / 2 - 0.02), 0, 0.34), (0.04, 0.7, 0.62))
    group.box("desk", wood, (0, 0.35, 0.05), (width - 0.1, 0.35, 0.02))


def computer(group: Group, rng: np.random.Generator) -> None:
    """Adds monitor, keyboard and mouse (origin: the back edge of a desk's top)."""
    width = rng.uniform(0.5, 0.75)
    group.pole("television", BLACK, (0, 0, 0.16), 0.11, 0.02)
    group.box("television", BLACK, (0, 0.02, 0.15), (0.05, 0.16, 0.03))
    group.box("television", BLACK, (0, 0.13, 0.18), (width, 0.36, 0.03))
    group.panel("television", palette.screen(rng), (0, 0.31, 0.197), (width, 0.36))
    keys = Material("keys", (0.1, 0.1, 0.1), (0.3, 0.3, 0.32))
    group.box("other", keys, (-0.03, 0, 0.46), (0.44, 0.02, 0.15))
    group.ball("other", DARK_METAL, (0.28, 0, 0.46), (0.06, 0.035, 0.1))


def bookshelf(
    group: Group,
    rng: np.random.Generator,
    width: float,
    height: float,
    wood: Material,
    filled: float = 0.9,
) -> None:
    """Adds boards between two sides, most of them full of books; 0.3 m deep."""
    depth, board = 0.3, 0.03
    count = max(round(height / 0.36), 2)
    step = (height - board) / count
    group.box("shelf", wood, (0, 0, 0.01), (width, height, 0.02))
    for side in (-1, 1):
        x = side * (width - board) / 2
        group.box("shelf", wood, (x, 0, depth / 2), (board, height, depth))
    for number in range(count + 1):
        y = number * step
        size = (width - 0.02, board, depth)
        group.box("shelf", wood, (0, y, depth / 2), size, casts=number == count)
    for number in range(count):
        if rng.random() < filled:
            _row_of_books(group, rng, width - 2 * board, number * step + board, step)


def _row_of_books(
    group: Group, rng: np.random.Generator, width: float, y: float, step: float
) -> None:
    """Adds one to three blocks of books of unlike height, or with a gap between."""
    x, end = -width / 2, width / 2
    while x < end - 0.12:
        block = min(rng.uniform(0.25, 0.7) * max(width, 0.5), end - x)
        height = rng.uniform(0.62, 0.9) * (step - 0.03)
        depth = rng.uniform(0.17, 0.22)
        at = (x + block / 2, y, 0.02 + depth / 2)
        size = (block, height, depth)
        group.box("books", palette.books(rng), at, size, casts=False)
        x += block + (rng.uniform(0.05, 0.25) if rng.random() < 0.4 else 0.002)


def television(group: Group, rng: np.random.Generator, width: float) -> None:
    """Adds a television on a low board, 0.45 m deep."""
    board = width * rng.uniform(1.1, 1.4)
    cabinet(group, rng, board, 0.45, 0.42, "drawers", 0.4)
    height = 0.56 * width
    group.box("television", BLACK, (0, 0.45, 0.2), (0.4 * width, 0.02, 0.2))
    group.box("television", BLACK, (0, 0.47, 0.2), (0.1, 0.06, 0.05))
    group.box("television", BLACK, (0, 0.53, 0.2), (width, height, 0.05))
    screen = palette.screen(rng)
    middle = (0, 0.53 + height / 2, 0.227)
    group.panel("television", screen, middle, (width, height))


def shelf_box(group: Group, rng: np.random.Generator) -> None:
    """Adds a white chest of drawers with things on it, 0.8 m wide."""
    group.box("cabinet", WHITE, (0, 0, 0.22), (0.8, 0.8, 0.44))
    front = palette.front(WHITE, "drawers", 0.26)
    group.panel("cabinet", front, (0, 0.42, 0.442), (0.78, 0.74))
    decor.clutter(group.frame(0, 0.8, 0.22), rng, 0.8, 0.4)
