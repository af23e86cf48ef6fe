"""What is hung up, laid down or stood about: openings, lamps, pictures, plants.

Everything stands on y = 0 of its group, its back at z = 0; what hangs has its origin
where it hangs.
"""

import numpy as np

from datasets.rooms import palette
from datasets.rooms.building import Group
from datasets.rooms.palette import BLACK, DARK_METAL, STEEL, WHITE
from datasets.rooms.textures import Material


def mirror(
    group: Group, rng: np.random.Generator, width: float, height: float, y: float
) -> None:
    """Adds a framed plate of pale grey; it mirrors nothing."""
    frame = palette.choose(rng, (STEEL, palette.wood(rng), WHITE))
    sky = Material("plain", (0.62, 0.7, 0.76), (0.62, 0.7, 0.76), gloss=0.8)
    group.box("mirror", frame, (0, y, 0.012), (width + 0.06, height + 0.06, 0.024))
    group.panel("mirror", sky, (0, y + 0.03 + height / 2, 0.026), (width, height))


def towel(group: Group, rng: np.random.Generator, y: float) -> None:
    """Adds a towel on a rail, 0.6 m wide."""
    cloth = palette.cloth(rng, ("stripes", "carpet", "plain"))
    group.rod("other", STEEL, (0, y, 0.07), 0.012, 0.6, "x")
    group.box("other", cloth, (0.03, y - 0.55, 0.075), (0.42, 0.57, 0.035))


def door(group: Group, rng: np.random.Generator) -> None:
    """Adds a closed door in its frame, 0.9 m wide, 2.05 m high."""
    wood = palette.wood(rng) if rng.random() < 0.5 else palette.painted(rng)
    leaf = palette.front(wood, "panels", 0.5)
    for x in (-0.47, 0.47):
        group.box("door", WHITE, (x, 0, 0.02), (0.07, 2.1, 0.05), casts=False)
    group.box("door", WHITE, (0, 2.05, 0.02), (1.0, 0.07, 0.05), casts=False)
    group.box("door", wood, (0, 0, 0.015), (0.88, 2.05, 0.02), casts=False)
    group.panel("door", leaf, (0, 1.025, 0.027), (0.88, 2.05))
    group.rod("door", STEEL, (0.36, 1.0, 0.06), 0.012, 0.1, "x")


def window(
    group: Group, rng: np.random.Generator, width: float, height: float, sill: float
) -> None:
    """Adds frame, sill and the view outside."""
    sky = palette.color(rng, (0.15, 0.5), (0.75, 1.0), (0.53, 0.6))
    pane = Material("view", sky, seed=palette.seed(rng), glow=rng.uniform(1.0, 1.8))
    group.box("window", WHITE, (0, sill, 0.0), (width, height, 0.04), casts=False)
    group.panel("window", pane, (0, sill + height / 2, 0.022), (width, height))
    board = (width + 0.12, 0.04, 0.16)
    group.box("window", WHITE, (0, sill - 0.04, 0.06), board, casts=False)


def curtains(
    group: Group, rng: np.random.Generator, width: float, height: float, sill: float
) -> None:
    """Adds a curtain at each side of a window of that size, on a rod."""
    first = palette.color(rng, (0.1, 0.7), (0.4, 0.9))
    cloth = Material("folds", first, scale=0.09, seed=palette.seed(rng))
    low = 0.05 if rng.random() < 0.6 else sill - 0.15
    top = sill + height + 0.1
    each = width * rng.uniform(0.18, 0.3)
    for side in (-1, 1):
        x = side * (width / 2 + 0.12 - each / 2)
        group.box("curtain", cloth, (x, low, 0.13), (each, top - low, 0.06))
    group.rod("curtain", DARK_METAL, (0, top, 0.13), 0.016, width + 0.5, "x")


def picture(
    group: Group, rng: np.random.Generator, width: float, height: float, y: float
) -> None:
    """Adds a framed painting whose middle is `y` above the floor."""
    edge = (0, y - height / 2, 0.012)
    group.box("picture", BLACK, edge, (width, height, 0.024), casts=False)
    group.panel("picture", palette.painting(rng), (0, y, 0.026), (width, height))


def rug(
    group: Group,
    rng: np.random.Generator,
    width: float,
    depth: float,
    round_: bool = False,
) -> None:
    """Adds a carpet a centimetre thick; its middle at the origin."""
    pattern = (
        "checker" if round_ else palette.choose(rng, ("rug", "rug", "plaid", "carpet"))
    )
    first, second = palette.color(rng, (0.3, 0.8)), palette.color(rng, (0.1, 0.6))
    weave = Material(pattern, first, second, rng.uniform(0.08, 0.2), palette.seed(rng))
    if round_:
        group.pole("rug", weave, (0, 0, 0), width / 2, 0.012, casts=False)
    else:
        group.box("rug", weave, (0, 0, 0), (width, 0.012, depth), casts=False)


def whiteboard(group: Group, rng: np.random.Generator, width: float) -> None:
    """Adds a board with writing: white, green or black; 1.2 m high."""
    white = ((0.95, 0.95, 0.95), (0.15, 0.2, 0.5))
    green = ((0.13, 0.3, 0.22), (0.85, 0.88, 0.85))
    board, ink = white if rng.random() < 0.55 else green
    face = Material("writing", board, ink, seed=palette.seed(rng), gloss=0.1)
    group.box("whiteboard", STEEL, (0, 0.9, 0.02), (width, 1.2, 0.04), casts=False)
    group.panel("whiteboard", face, (0, 1.5, 0.042), (width, 1.2))
    group.box("whiteboard", STEEL, (0, 0.88, 0.07), (width, 0.03, 0.1))


def pendant(group: Group, rng: np.random.Generator, drop: float) -> None:
    """Adds a lamp that hangs `drop` metres from the ceiling; the origin is there."""
    group.pole("lamp", BLACK, (0, -drop + 0.1, 0), 0.012, drop - 0.1, casts=False)
    if rng.random() < 0.5:
        size = (0.3, 0.3, 0.3)
        group.ball("lamp", palette.shade(rng), (0, -drop, 0), size, casts=False)
    else:
        at = (0, -drop, 0)
        group.pole("lamp", palette.shade(rng), at, 0.24, 0.2, 0.08, casts=False)


def ceiling_lamp(group: Group, rng: np.random.Generator) -> None:
    """Adds a flat bowl at the ceiling; the origin is there."""
    glass = Material(first=(0.98, 0.95, 0.88), glow=1.8)
    group.pole("lamp", STEEL, (0, -0.04, 0), 0.18, 0.04, casts=False)
    group.ball("lamp", glass, (0, -0.14, 0), (0.36, 0.22, 0.36), casts=False)


def light_panel(
    group: Group, rng: np.random.Generator, width: float = 1.2, depth: float = 0.3
) -> None:
    """Adds a flat lamp of an office ceiling; the origin is there."""
    glass = Material(first=(0.98, 0.99, 1.0), glow=1.8)
    group.box("lamp", glass, (0, -0.05, 0), (width, 0.05, depth), casts=False)


def floor_lamp(group: Group, rng: np.random.Generator) -> None:
    """Adds a shade on a thin pole; its middle at the origin."""
    metal = palette.choose(rng, (DARK_METAL, STEEL, palette.BRASS))
    height = rng.uniform(1.35, 1.7)
    group.pole("lamp", metal, (0, 0, 0), 0.15, 0.03)
    group.pole("lamp", metal, (0, 0.03, 0), 0.015, height - 0.3)
    group.pole("lamp", palette.shade(rng), (0, height - 0.3, 0), 0.2, 0.3, 0.13)


def table_lamp(group: Group, rng: np.random.Generator) -> None:
    """Adds a shade on a round foot."""
    foot = Material(first=palette.color(rng), gloss=0.4)
    group.ball("lamp", foot, (0, 0, 0), (0.17, 0.2, 0.17))
    group.pole("lamp", palette.shade(rng), (0, 0.2, 0), 0.15, 0.2, 0.1)


def plant(group: Group, rng: np.random.Generator, size: float) -> None:
    """Adds a pot with a few leafy clumps; its middle at the origin, `size` high."""
    pot = Material(first=palette.color(rng, (0.1, 0.7), (0.35, 0.9)), gloss=0.15)
    group.pole("plant", pot, (0, 0, 0), 0.14 * size, 0.3 * size, 0.19 * size)
    for _ in range(int(rng.integers(4, 7))):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.16) * size
        leaf = palette.choose(rng, palette.LEAVES)
        green = Material("carpet", leaf, leaf, 0.03, palette.seed(rng))
        at = (
            reach * np.cos(angle),
            rng.uniform(0.28, 0.6) * size,
            reach * np.sin(angle),
        )
        clump = np.array([0.32, 0.36, 0.32]) * size * rng.uniform(0.7, 1.2, 3)
        group.ball("plant", green, at, clump)


def clutter(group: Group, rng: np.random.Generator, width: float, depth: float) -> None:
    """Adds a few small things on a top whose middle is the origin."""
    for _ in range(int(rng.integers(1, 4))):
        x, z = rng.uniform(-0.4, 0.4) * width, rng.uniform(-0.35, 0.35) * depth
        stuff = Material(first=palette.color(rng), gloss=0.3)
        spot = group.frame(x, 0, z, rng.uniform(-0.6, 0.6))
        palette.choose(rng, (_cup, _book, _bowl, _vase))(spot, rng, stuff)


def _cup(group: Group, rng: np.random.Generator, stuff: Material) -> None:
    group.pole("other", stuff, (0, 0, 0), 0.035, 0.1, 0.045)


def _book(group: Group, rng: np.random.Generator, stuff: Material) -> None:
    group.box("books", stuff, (0, 0, 0), (0.16, 0.03, 0.22))


def _bowl(group: Group, rng: np.random.Generator, stuff: Material) -> None:
    group.pole("other", stuff, (0, 0, 0), 0.05, 0.08, 0.13)
    group.basin("other", stuff, (0, 0.0805, 0), (0.24, 0.06, 0.24))


def _vase(group: Group, rng: np.random.Generator, stuff: Material) -> None:
    group.ball("other", stuff, (0, 0, 0), (0.12, 0.2, 0.12))
    group.pole("other", stuff, (0, 0.17, 0), 0.025, 0.08, 0.035)
