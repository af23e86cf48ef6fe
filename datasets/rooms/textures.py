"""What surfaces look like: materials and their procedural patterns.

A pattern is a function (material, surface) -> display colour [3, n] in 0..1 from metres
on the surface; `patterns` lists them. Cell noise comes from an integer hash and cloudy
noise from a fixed table, so that a surface looks the same whenever it is painted.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

Color = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Material:
    """The look of a surface.

    Attributes:
      pattern: the pattern, a key of `patterns.PATTERNS`.
      first, second: the display colours, 0..1.
      scale: the period of the pattern in metres; its meaning is the pattern's.
      seed: the number that makes two surfaces of a kind differ.
      gloss: the strength of the highlight.
      glow: the light of its own: 1 is as bright as a white wall in full light.
    """

    pattern: str = "plain"
    first: Color = (0.8, 0.8, 0.8)
    second: Color = (0.5, 0.5, 0.5)
    scale: float = 0.1
    seed: int = 0
    gloss: float = 0.0
    glow: float = 0.0


class Surface(NamedTuple):
    """The points of a solid's surface where n rays end, in the solid's local frame.

    Attributes:
      normal: the normals [3, n], outwards (a basin's: inwards).
      u, v: the places [n] in metres on the surface, from the middle of the face.
      extent: half the size of that face along u and v, a number or [n] each.
    """

    normal: np.ndarray
    u: np.ndarray
    v: np.ndarray
    extent: tuple[float | np.ndarray, float | np.ndarray]


def _cloud_table() -> np.ndarray:
    """Returns [256, 256] in 0..1, periodic: sums of blurred random numbers."""
    rng = np.random.default_rng(20220611)
    total = np.zeros((256, 256))
    for width in (1, 4, 16):
        octave = rng.random((256, 256)) - 0.5
        for axis in (0, 1):
            shifted = [np.roll(octave, k, axis) for k in range(width)]
            octave = sum(shifted) / np.sqrt(width)
        total += octave
    total = (total - total.mean()) / (4 * total.std())
    return np.clip(total + 0.5, 0, 1).astype(np.float32)


CLOUDS = _cloud_table()


def clouds(u: np.ndarray, v: np.ndarray, period: float, seed: int = 0) -> np.ndarray:
    """Returns cloudy noise [n] in 0..1; `period` metres a table entry."""
    shift = (seed * 7919) % 65536
    column = (u / period).astype(np.int32) + shift
    row = (v / period).astype(np.int32) + shift // 256
    return CLOUDS[row & 255, column & 255]


def cells(i: np.ndarray, j: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns a random number [n] in 0..1 for each pair of integers, by a hash."""
    h = np.asarray(i).astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
    h = h ^ (np.asarray(j).astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77))
    h = h + np.uint32((seed * 0xC2B2AE3D) & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    return (h >> np.uint32(16)).astype(np.float32) / 65535


def mix(
    first: Color | np.ndarray, second: Color | np.ndarray, weight: float | np.ndarray
) -> np.ndarray:
    """Returns [3, n]: `first` at weight 0, `second` at 1."""
    first, second = (np.asarray(c, np.float32).reshape(3, -1) for c in (first, second))
    return first + (second - first) * np.asarray(weight, np.float32)


def plain(m: Material, s: Surface) -> np.ndarray:
    """Paints one colour, a little uneven."""
    shade = 0.97 + 0.06 * clouds(s.u, s.v, 0.02, m.seed)
    return mix(m.first, m.first, 0) * shade


def wood(m: Material, s: Surface) -> np.ndarray:
    """Paints grain along the longer side of the face."""
    lengthwise = s.extent[0] > s.extent[1]
    along, across = np.where(lengthwise, s.u, s.v), np.where(lengthwise, s.v, s.u)
    grain = clouds(along, across * 12, 0.05, m.seed)
    return mix(m.first, m.second, grain)


def planks(m: Material, s: Surface) -> np.ndarray:
    """Paints boards along v, `scale` wide and ten times as long."""
    board = np.floor(s.u / m.scale)
    shift = 10 * m.scale * cells(board, 0 * board, m.seed)
    length = np.floor((s.v + shift) / (10 * m.scale))
    shade = cells(board, length, m.seed + 1)
    grain = clouds(s.u * 10, s.v, 0.05, m.seed)
    inside = s.u / m.scale - board
    gap = (inside < 0.04) | ((s.v + shift) / (10 * m.scale) - length < 0.006)
    weight = 0.55 * shade + 0.45 * grain
    return mix(m.first, m.second, weight) * np.where(gap, 0.6, 1.0).astype(np.float32)


def tiles(m: Material, s: Surface) -> np.ndarray:
    """Paints square tiles with joints of the second colour."""
    a, b = s.u / m.scale, s.v / m.scale
    i, j = np.floor(a), np.floor(b)
    joint = np.maximum(np.abs(a - i - 0.5), np.abs(b - j - 0.5)) > 0.47
    shade = 0.92 + 0.12 * cells(i, j, m.seed)
    return np.where(
        joint, mix(m.second, m.second, 0 * a), mix(m.first, m.first, 0) * shade
    )


def checker(m: Material, s: Surface) -> np.ndarray:
    """Paints squares of both colours."""
    odd = (np.floor(s.u / m.scale) + np.floor(s.v / m.scale)) % 2
    return mix(m.first, m.second, odd) * (0.95 + 0.1 * clouds(s.u, s.v, 0.02, m.seed))


def bricks(m: Material, s: Surface) -> np.ndarray:
    """Paints courses of bricks, three times as long as `scale` is high."""
    row = np.floor(s.v / m.scale)
    a = s.u / (3 * m.scale) + 0.5 * (row % 2)
    i = np.floor(a)
    joint = (s.v / m.scale - row < 0.14) | (a - i < 0.05)
    body = mix(m.first, m.first, 0) * (0.75 + 0.4 * cells(i, row, m.seed))
    return np.where(joint, mix(m.second, m.second, 0 * a), body)


def carpet(m: Material, s: Surface) -> np.ndarray:
    """Paints short threads."""
    fine = cells(np.floor(s.u / 0.012), np.floor(s.v / 0.012), m.seed)
    return mix(m.first, m.first, 0) * (
        0.82 + 0.25 * fine + 0.1 * clouds(s.u, s.v, 0.03)
    )


def stripes(m: Material, s: Surface) -> np.ndarray:
    """Paints upright stripes of both colours."""
    odd = np.floor(s.u / m.scale) % 2
    return mix(m.first, m.second, odd) * (0.95 + 0.1 * clouds(s.u, s.v, 0.01, m.seed))


def plaid(m: Material, s: Surface) -> np.ndarray:
    """Paints crossing stripes."""
    weight = 0.5 * (np.floor(s.u / m.scale) % 2) + 0.5 * (np.floor(s.v / m.scale) % 2)
    return mix(m.first, m.second, weight)


def dots(m: Material, s: Surface) -> np.ndarray:
    """Paints dots of the second colour."""
    a, b = s.u / m.scale, s.v / m.scale
    b = b + 0.5 * (np.floor(a) % 2)
    inside = (a % 1 - 0.5) ** 2 + (b % 1 - 0.5) ** 2 < 0.06
    return mix(m.first, m.second, inside)


def folds(m: Material, s: Surface) -> np.ndarray:
    """Paints hanging cloth: smooth upright folds."""
    phase = (s.u / m.scale + 0.3 * clouds(s.u, s.v * 0.1, 0.03, m.seed)) % 1
    return mix(m.first, m.first, 0) * (0.6 + 1.6 * phase * (1 - phase))


def rug(m: Material, s: Surface) -> np.ndarray:
    """Frames inside frames."""
    inner = np.maximum(np.abs(s.u) - s.extent[0], np.abs(s.v) - s.extent[1])
    ring = np.floor(-inner / m.scale) % 2
    weave = 0.9 + 0.2 * cells(np.floor(s.u / 0.015), np.floor(s.v / 0.015), m.seed)
    return mix(m.first, m.second, ring) * weave


def speckle(m: Material, s: Surface) -> np.ndarray:
    """Paints stone: clouds and grains."""
    grain = cells(np.floor(s.u / 0.01), np.floor(s.v / 0.01), m.seed)
    return mix(m.first, m.second, 0.6 * clouds(s.u, s.v, 0.01, m.seed) + 0.4 * grain**3)
