"""Kitchen, bath and laundry: cupboards, plumbing and machines.

Everything stands on y = 0 of its group, its back at z = 0.
"""

import numpy as np

from datasets.rooms import palette
from datasets.rooms.building import Group
from datasets.rooms.palette import BLACK, DARK_METAL, PORCELAIN, STEEL, WHITE
from datasets.rooms.textures import Material

# Of kitchen cupboards: the pattern and its scale; two of three have doors.
FRONTS = (("doors", 0.45), ("doors", 0.45), ("drawers", 0.26))


def counter(
    group: Group,
    rng: np.random.Generator,
    width: float,
    material: Material,
    top: Material,
) -> None:
    """Adds a run of kitchen cupboards with a worktop, 0.6 m deep, 0.9 m high."""
    group.box("cabinet", DARK_METAL, (0, 0, 0.26), (width, 0.1, 0.52))
    group.box("cabinet", material, (0, 0.1, 0.29), (width, 0.76, 0.58))
    front = palette.front(material, *palette.choose(rng, FRONTS))
    group.panel("cabinet", front, (0, 0.48, 0.582), (width, 0.74))
    group.box("cabinet", top, (0, 0.86, 0.3), (width, 0.04, 0.62))


def wall_cupboard(
    group: Group, rng: np.random.Generator, width: float, material: Material
) -> None:
    """Hangs from 1.45 to 2.1 m, 0.34 m deep."""
    group.box("cabinet", material, (0, 1.45, 0.17), (width, 0.65, 0.34))
    front = palette.front(material, "doors", 0.45)
    group.panel("cabinet", front, (0, 1.775, 0.342), (width, 0.63))


def tap(group: Group, height: float) -> None:
    """Adds a post with a spout towards the front; its foot at the origin."""
    group.pole("sink", STEEL, (0, 0, 0), 0.018, height)
    group.rod("sink", STEEL, (0, height, 0.07), 0.014, 0.17, "z")


def kitchen_sink(group: Group) -> None:
    """Adds a steel bowl and a tap in a worktop, 0.7 m wide; y = 0 is the worktop."""
    group.box("sink", STEEL, (0, 0.0, 0.31), (0.68, 0.008, 0.46))
    group.basin("sink", STEEL, (0, 0.0085, 0.33), (0.54, 0.2, 0.38))
    tap(group.frame(0, 0.008, 0.11), 0.24)


def stove(group: Group, rng: np.random.Generator) -> None:
    """Adds an oven, a cooktop with four plates, 0.6 m wide, and a hood above."""
    body = palette.choose(rng, (STEEL, WHITE, BLACK))
    group.box("stove", body, (0, 0, 0.3), (0.6, 0.9, 0.6))
    front = Material("oven", body.first, gloss=0.3)
    group.panel("stove", front, (0, 0.46, 0.602), (0.58, 0.84))
    group.box("stove", BLACK, (0, 0.9, 0.3), (0.6, 0.012, 0.58))
    red = Material(first=(0.75, 0.16, 0.08), glow=0.4)
    for x in (-0.15, 0.15):
        for z in (0.17, 0.43):
            plate = red if rng.random() < 0.25 else DARK_METAL
            group.pole("stove", plate, (x, 0.912, z), 0.09, 0.01)
    if rng.random() < 0.5:
        pot = Material(first=palette.color(rng), gloss=0.4)
        group.pole("other", pot, (-0.15, 0.922, 0.17), 0.1, 0.14)
    group.pole("stove", STEEL, (0, 1.5, 0.25), 0.34, 0.22, 0.12)
    group.box("stove", STEEL, (0, 1.72, 0.14), (0.22, 0.9, 0.22))


def refrigerator(group: Group, rng: np.random.Generator) -> None:
    """Adds a refrigerator: two doors, one above the other; 0.7 m wide."""
    body = palette.choose(rng, (WHITE, STEEL, WHITE, palette.painted(rng)))
    height = rng.uniform(1.65, 1.95)
    split = rng.uniform(0.55, 0.75)
    group.box("refrigerator", DARK_METAL, (0, 0, 0.3), (0.66, 0.06, 0.56))
    group.box("refrigerator", body, (0, 0.05, 0.3), (0.7, height - 0.05, 0.6))
    lower, upper = split - 0.07, height - split - 0.02
    group.box("refrigerator", body, (0, 0.06, 0.63), (0.7, lower, 0.06))
    group.box("refrigerator", body, (0, split, 0.63), (0.7, upper, 0.06))
    for y, length in ((split + 0.1, 0.5), (split - 0.42, 0.3)):
        group.pole("refrigerator", STEEL, (-0.29, y, 0.69), 0.016, length)


def toilet(group: Group, rng: np.random.Generator) -> None:
    """Adds tank, bowl, seat and lid, 0.4 m wide, 0.7 m deep."""
    lid = rng.random() < 0.5
    group.box("toilet", PORCELAIN, (0, 0.38, 0.1), (0.42, 0.42, 0.19))
    group.box("toilet", PORCELAIN, (0, 0.79, 0.1), (0.44, 0.03, 0.21))
    group.pole("toilet", STEEL, (0, 0.82, 0.1), 0.025, 0.012)
    group.pole("toilet", PORCELAIN, (0, 0, 0.38), 0.13, 0.24, 0.11)
    group.ball("toilet", PORCELAIN, (0, 0.12, 0.44), (0.4, 0.5, 0.54))
    group.ball("toilet", PORCELAIN, (0, 0.36, 0.44), (0.42, 0.06, 0.56))
    if lid:
        group.ball("toilet", PORCELAIN, (0, 0.4, 0.22), (0.4, 0.46, 0.05))
        grey = Material(first=(0.72, 0.76, 0.78), gloss=0.3)
        group.basin("toilet", grey, (0, 0.415, 0.45), (0.24, 0.16, 0.36))


def bathtub(group: Group, rng: np.random.Generator, length: float) -> None:
    """Adds a hollow tub along the wall, 0.75 m deep, with tap and apron."""
    apron = PORCELAIN if rng.random() < 0.5 else palette.tiles(rng, (0.1, 0.15))
    group.box("bathtub", apron, (0, 0, 0.375), (length, 0.52, 0.75))
    group.box("bathtub", PORCELAIN, (0, 0.52, 0.375), (length + 0.02, 0.05, 0.77))
    group.basin("bathtub", PORCELAIN, (0, 0.5705, 0.38), (length - 0.14, 0.42, 0.62))
    side = palette.choose(rng, (-1, 1))
    spout = group.frame(side * (length / 2 - 0.25), 0.57, 0.03)
    spout.pole("bathtub", STEEL, (0, 0.15, 0.05), 0.02, 0.08)
    spout.rod("bathtub", STEEL, (0, 0.17, 0.08), 0.02, 0.17, "z")
    spout.pole("bathtub", STEEL, (0, 0.15, 0.03), 0.01, 0.85)
    spout.pole("bathtub", STEEL, (0, 1.0, 0.1), 0.08, 0.03, 0.03)


def washstand(group: Group, rng: np.random.Generator, width: float) -> None:
    """Adds a basin in a cupboard or on a foot; 0.5 m deep, 0.85 m high."""
    if rng.random() < 0.6:
        material = palette.wood(rng) if rng.random() < 0.5 else palette.painted(rng)
        group.box("cabinet", material, (0, 0.1, 0.24), (width, 0.64, 0.46))
        front = palette.front(material, "doors", 0.4)
        group.panel("cabinet", front, (0, 0.42, 0.472), (width, 0.62))
    else:
        group.pole("sink", PORCELAIN, (0, 0, 0.24), 0.14, 0.74, 0.1)
    group.box("sink", PORCELAIN, (0, 0.74, 0.25), (width, 0.11, 0.5))
    group.basin("sink", PORCELAIN, (0, 0.8505, 0.28), (width - 0.16, 0.12, 0.34))
    tap(group.frame(0, 0.85, 0.06), 0.14)


def washing_machine(group: Group, rng: np.random.Generator) -> None:
    """Adds a white machine with a round door, 0.6 m wide."""
    front = Material("washer", (0.93, 0.93, 0.93), gloss=0.3)
    body = palette.choose(rng, (WHITE, WHITE, Material(first=(0.55, 0.56, 0.58))))
    front = Material("washer", body.first, gloss=0.3)
    glass = Material(first=(0.12, 0.14, 0.18), gloss=0.8)
    group.box("washing_machine", body, (0, 0, 0.3), (0.6, 0.85, 0.6))
    group.panel("washing_machine", front, (0, 0.425, 0.602), (0.6, 0.85))
    group.rod("washing_machine", STEEL, (0, 0.42, 0.61), 0.2, 0.05, "z")
    group.ball("washing_machine", glass, (0, 0.27, 0.625), (0.3, 0.3, 0.1))


def laundry_basket(group: Group, rng: np.random.Generator) -> None:
    """Adds a round basket with clothes; its middle at the origin."""
    wicker = Material("checker", (0.75, 0.6, 0.4), (0.6, 0.45, 0.28), 0.03)
    group.pole("other", wicker, (0, 0, 0), 0.2, 0.4, 0.25)
    for _ in range(3):
        x, z = rng.uniform(-0.1, 0.1, 2)
        group.ball("other", palette.cloth(rng), (x, 0.3, z), (0.3, 0.2, 0.3))
