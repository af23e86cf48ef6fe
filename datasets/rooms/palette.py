"""Materials by what they are made of, with random colours."""

import colorsys
import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from datasets.rooms.textures import Color, Material

Option = TypeVar("Option")

WOODS = (  # light and dark of the grain
    ((0.80, 0.64, 0.44), (0.66, 0.48, 0.29)),
    ((0.62, 0.43, 0.26), (0.46, 0.29, 0.16)),
    ((0.40, 0.26, 0.17), (0.28, 0.17, 0.11)),
    ((0.90, 0.82, 0.68), (0.80, 0.69, 0.52)),
    ((0.55, 0.34, 0.22), (0.40, 0.21, 0.13)),
)
WALL_HUES = ((0.05, 0.16), (0.05, 0.16), (0.2, 0.42), (0.5, 0.62), (0.0, 1.0))
STEEL = Material(first=(0.66, 0.67, 0.69), gloss=0.5)
DARK_METAL = Material(first=(0.16, 0.16, 0.17), gloss=0.3)
BRASS = Material(first=(0.78, 0.62, 0.32), gloss=0.5)
PORCELAIN = Material(first=(0.95, 0.95, 0.94), gloss=0.5)
BLACK = Material(first=(0.07, 0.07, 0.08), gloss=0.3)
WHITE = Material("plain", (0.93, 0.93, 0.91), (0.93, 0.93, 0.91), gloss=0.1)
PAPER = Material(first=(0.94, 0.93, 0.88))
LEAVES = ((0.20, 0.42, 0.16), (0.32, 0.52, 0.22), (0.14, 0.34, 0.20))


def seed(rng: np.random.Generator) -> int:
    """Draws a number for `Material.seed`."""
    return int(rng.integers(1 << 15))


def choose(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """Draws one of a sequence."""
    return options[int(rng.integers(len(options)))]


def color(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.2, 0.7),
    value: tuple[float, float] = (0.3, 0.85),
    hue: tuple[float, float] = (0.0, 1.0),
) -> Color:
    """Draws a random display colour between the bounds."""
    h, s, v = (rng.uniform(*bounds) for bounds in (hue, saturation, value))
    return colorsys.hsv_to_rgb(h % 1, s, v)


def darker(color: Color, share: float) -> Color:
    """Returns the colour times `share`."""
    red, green, blue = color
    return red * share, green * share, blue * share


def pale(rng: np.random.Generator) -> Color:
    """Draws a wall colour: light, mostly warm or neutral, seldom strong."""
    most = choose(rng, (0.06, 0.18, 0.3))
    return color(rng, (0.01, most), (0.76, 0.96), choose(rng, WALL_HUES))


def wood(
    rng: np.random.Generator,
    pattern: str = "wood",
    scale: float = 0.1,
    gloss: float = 0.08,
) -> Material:
    """Draws wood of a random kind."""
    first, second = choose(rng, WOODS)
    return Material(pattern, first, second, scale, seed(rng), gloss)


def painted(rng: np.random.Generator) -> Material:
    """Draws lacquered wood or metal: white or a colour."""
    first = WHITE.first if rng.random() < 0.4 else color(rng, (0.05, 0.6), (0.35, 0.9))
    return Material("plain", first, first, 0.1, seed(rng), 0.12)


def front(material: Material, pattern: str, scale: float) -> Material:
    """Returns the same stuff as "doors", "drawers" or "panels" of both colours."""
    return dataclasses.replace(material, pattern=pattern, scale=scale)


def cloth(
    rng: np.random.Generator,
    patterns: Sequence[str] = ("plain", "carpet", "stripes", "plaid", "dots"),
) -> Material:
    """Draws fabric in one or two colours."""
    first = color(rng, (0.1, 0.75), (0.25, 0.9))
    second = color(rng, (0.05, 0.6), (0.45, 0.95))
    scale = rng.uniform(0.05, 0.14)
    return Material(choose(rng, patterns), first, second, scale, seed(rng))


def tiles(
    rng: np.random.Generator,
    scale: tuple[float, float] = (0.1, 0.35),
    patterns: Sequence[str] = ("tiles",),
) -> Material:
    """Draws glazed tiles, mostly pale."""
    first = color(rng, (0.0, 0.4), (0.6, 0.95))
    grey = rng.uniform(0.45, 0.9)
    second = (grey, grey, grey)
    return Material(
        choose(rng, patterns), first, second, rng.uniform(*scale), seed(rng), 0.25
    )


def stone(rng: np.random.Generator) -> Material:
    """Draws a worktop."""
    grey = rng.uniform(0.15, 0.9)
    tint = rng.uniform(0.85, 1.0)
    first, second = (grey, grey * tint, grey * tint**2), (0.6, 0.58, 0.55)
    return Material("speckle", first, second, 0.1, seed(rng), 0.3)


def shade(rng: np.random.Generator) -> Material:
    """Draws a lamp's shade, lit from inside."""
    return Material(first=(0.98, 0.9, rng.uniform(0.65, 0.88)), glow=1.6)


def books(rng: np.random.Generator) -> Material:
    """Draws a row of spines."""
    return Material("books", scale=rng.uniform(0.035, 0.06), seed=seed(rng))


def painting(rng: np.random.Generator) -> Material:
    """Draws a framed picture to hang on a wall."""
    return Material(
        choose(rng, ("landscape", "abstract")),
        color(rng, (0.3, 0.8), (0.5, 0.95)),
        color(rng, (0.3, 0.9), (0.25, 0.8)),
        seed=seed(rng),
    )


def screen(rng: np.random.Generator) -> Material:
    """Draws a television or monitor: on in two cases of three."""
    if rng.random() < 1 / 3:
        return Material("screen", (0.05, 0.05, 0.06), (0.08, 0.08, 0.1), gloss=0.5)
    first, second = color(rng, (0.4, 0.9), (0.3, 0.9)), color(rng, (0.2, 0.9))
    return Material("screen", first, second, seed=seed(rng), glow=0.5)
