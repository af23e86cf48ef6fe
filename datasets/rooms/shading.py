"""Light: from hits to a photograph.

Light falls from everywhere (more from above, less into the corners of the room) and
from a few lamps, each with sharp shadows that the picture's filter softens.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.rooms.geometry import KINDS, Solid
from datasets.rooms.raycast import Hits

SKY = np.array([0.34, 0.35, 0.37], np.float32)  # ambient light from above
GROUND = np.array([0.3, 0.28, 0.26], np.float32)  # and from below
CORNER = 0.7  # metres; how far the dark of a corner reaches
SHININESS = 5  # the highlight is cos^(2^5)


@dataclasses.dataclass(frozen=True)
class Light:
    """A lamp.

    Attributes:
      position: the place [3] in the room's frame, metres.
      power: the brightness (red, green, blue) of a white wall one metre away.
      facing: the direction of light, a unit vector; zero: all directions alike.
    """

    position: np.ndarray
    power: np.ndarray
    facing: np.ndarray


def photograph(
    hits: Hits,
    solids: Sequence[Solid],
    lights: Sequence[Light],
    room: np.ndarray,
    eye: np.ndarray,
    exposure: float,
) -> np.ndarray:
    """Returns the picture [size, size, 3] uint8 of what the rays hit."""
    light = _ambient(hits, room)
    shine = np.zeros_like(light)
    view = _unit(eye.astype(np.float32)[:, None, None] - hits.point)
    for lamp in lights:
        diffuse, gleam = _lit(hits, lamp, view)
        shadow = _spread(_shadow(hits, solids, lamp, diffuse[1::2, 1::2] > 0))
        light += lamp.power.astype(np.float32)[:, None, None] * (diffuse * shadow)
        shine += lamp.power.astype(np.float32)[:, None, None] * (gleam * shadow)
    radiance = hits.color * (light + hits.glow) + shine
    return _develop(_filter(radiance), exposure)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors * vectors).sum(0))


def _ambient(hits: Hits, room: np.ndarray) -> np.ndarray:
    """Returns [3, G, G]; `room` half extents: corners see less of the light."""
    up = 0.5 + 0.5 * hits.normal[1]
    light = GROUND[:, None, None] + (SKY - GROUND)[:, None, None] * up
    open_ = np.ones_like(up)
    for axis in range(3):
        middle = room[1] if axis == 1 else 0.0
        gap = room[axis] - np.abs(hits.point[axis] - np.float32(middle))
        facing = np.abs(hits.normal[axis]) > 0.7
        dark = np.clip(1 - gap / np.float32(CORNER), 0, 1)
        open_ *= 1 - np.where(facing, np.float32(0), np.float32(0.4) * dark * dark)
    return light * open_


def _lit(hits: Hits, lamp: Light, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns diffuse and mirrored light [G, G] of a lamp of power one, unshadowed."""
    to_lamp = lamp.position.astype(np.float32)[:, None, None] - hits.point
    squared = (to_lamp * to_lamp).sum(0)
    to_lamp /= np.sqrt(squared)
    # Lamps have a size: close to them light grows no further.
    strength = 1 / (squared + np.float32(0.3))
    if lamp.facing.any():
        ahead = np.tensordot(-lamp.facing.astype(np.float32), to_lamp, 1)
        strength = strength * np.maximum(ahead, 0)
    cosine = np.maximum((to_lamp * hits.normal).sum(0), 0)
    half = _unit(to_lamp + view)
    mirror = np.maximum((half * hits.normal).sum(0), 0)
    for _ in range(SHININESS):
        mirror *= mirror
    gleam = hits.gloss * mirror * (cosine > 0)
    return cosine * strength, gleam * strength


def _shadow(
    hits: Hits, solids: Sequence[Solid], lamp: Light, faces: np.ndarray
) -> np.ndarray:
    """Returns [size, size]: 1 where a pixel's middle sees the lamp, else 0.

    Only pixels whose surface `faces` [size, size] the lamp are looked at: others are
    dark anyway.
    """
    pixels = np.flatnonzero(faces)
    point = hits.point[:, 1::2, 1::2].reshape(3, -1)[:, pixels]
    rays = point - lamp.position.astype(np.float32)[:, None]
    distance = np.sqrt((rays * rays).sum(0))
    rays /= distance
    # Short of the surface itself: neither rounding nor thin things shade their ground.
    limit = distance * np.float32(0.998) - np.float32(0.004)
    bright = np.ones(faces.size, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for solid in solids:
            some = _near(solid, lamp, rays, distance) if solid.casts else ()
            if len(some):
                back = solid.rotation.T
                origin = (back @ (lamp.position - solid.center)).astype(np.float32)
                direction = tuple(back.astype(np.float32) @ rays[:, some])
                t, _ = KINDS[solid.kind].hit(solid, origin, direction)
                bright[pixels[some[t < limit[some]]]] = 0
    return bright.reshape(faces.shape)


def _near(
    solid: Solid, lamp: Light, rays: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """Returns which rays [3, n] may meet a solid: those in the cone of its ball."""
    away = solid.center - lamp.position
    far, radius = np.sqrt((away**2).sum()), np.sqrt((solid.half**2).sum())
    if far <= radius:
        return np.arange(distance.size)
    # Not a matrix product: its threads would cost more than they bring.
    x, y, z = (away / far).astype(np.float32)
    towards = x * rays[0]
    towards += y * rays[1]
    towards += z * rays[2]
    inside = towards > np.float32(np.sqrt(1 - (radius / far) ** 2))
    inside &= distance > np.float32(far - radius)
    return np.flatnonzero(inside)


def _spread(pixels: np.ndarray) -> np.ndarray:
    """Spreads [size, size] to the grid [G, G]: between two pixels, their mean."""
    for axis in (0, 1):
        pixels = np.moveaxis(pixels, axis, 0)
        padded = np.concatenate([pixels[:1], pixels, pixels[-1:]])
        grid = np.empty((2 * len(pixels) + 1, *pixels.shape[1:]), np.float32)
        grid[1::2] = pixels
        grid[::2] = (padded[:-1] + padded[1:]) / 2
        pixels = np.moveaxis(grid, 0, axis)
    return pixels


def _filter(radiance: np.ndarray) -> np.ndarray:
    """Filters [3, G, G] to [3, size, size]: weights 1 2 1 both ways around a pixel."""
    rows = radiance[:, :-2:2] + 2 * radiance[:, 1:-1:2] + radiance[:, 2::2]
    return (rows[..., :-2:2] + 2 * rows[..., 1:-1:2] + rows[..., 2::2]) / 16


def _develop(radiance: np.ndarray, exposure: float) -> np.ndarray:
    """Applies film curve and display gamma 2: [3, H, W] to [H, W, 3] uint8."""
    film = 1 - np.exp(np.float32(-exposure) * radiance)
    return np.round(255 * np.sqrt(film)).astype(np.uint8).transpose(1, 2, 0)
