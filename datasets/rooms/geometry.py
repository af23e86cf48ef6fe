"""Analytic solids: where a ray meets them, and their exact normal and curvature there.

Every solid has a local frame (origin at its centre, y up before it is rotated) and half
extents. A kind of solid is one row of `KINDS`: how rays meet it and what its surface is
like at a point. Rays are given in the local frame, `origin + t * direction`, as one
origin and three arrays of direction components of any common shape.

Curvature is signed: positive where the surface bulges towards the viewer (a ball of
radius r: 1/r, 1/r), negative where it is hollow (a basin), k1 >= k2, in 1/m.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from datasets.rooms.textures import Material, Surface

Array = np.ndarray
MISS = np.float32(np.inf)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Solid:
    """One primitive of a room.

    Attributes:
      kind: a key of `KINDS`.
      label: the class number.
      center: the centre [3] in the room's frame, metres.
      rotation: the rotation [3, 3]; columns are the local axes in the room's frame.
      half: the half extents (hx, hy, hz); an ellipsoid's and a basin's semi-axes.
      radii: the radii of a frustum at the bottom and at the top.
      material: the material of the surface.
      casts: whether the solid throws shadows.
    """

    kind: str
    label: int
    center: Array
    rotation: Array
    half: Array
    material: Material
    radii: tuple[float, float] = (0.0, 0.0)
    casts: bool = True


def _hit_box(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Intersects slabs. The rays share their origin, so its side of each is known."""
    enter: np.float32 | Array = -MISS
    leave: np.float32 | Array = MISS
    for o, d, half in zip(origin, direction, solid.half, strict=True):
        inverse = 1 / d
        low, high = np.float32(-half - o), np.float32(half - o)
        if low < 0 < high:  # between the faces: the rays only leave
            leave = np.minimum(leave, np.maximum(low * inverse, high * inverse))
            continue
        near, far = (high, low) if high <= 0 else (low, high)
        enter = np.maximum(enter, near * inverse)
        leave = np.minimum(leave, far * inverse)
    t = np.where((enter <= leave) & (enter > 0), enter, MISS)
    return t, t


def _hit_panel(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Intersects a rectangle, seen from the side that its local z points to."""
    dx, dy, dz = direction
    t = -origin[2] / dz
    across, up = np.abs(origin[0] + t * dx), np.abs(origin[1] + t * dy)
    seen = (dz < 0) & (t > 0) & (across <= solid.half[0]) & (up <= solid.half[1])
    t = np.where(seen, t, MISS)
    return t, t


def _ellipsoid_roots(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Returns near and far parameter; NaN where the ray misses."""
    o = origin / solid.half
    dx, dy, dz = (d / h for d, h in zip(direction, solid.half, strict=True))
    squared = dx * dx + dy * dy + dz * dz
    # About the closest point, so that no large numbers cancel in single precision.
    middle = -(o[0] * dx + o[1] * dy + o[2] * dz) / squared
    x, y, z = o[0] + middle * dx, o[1] + middle * dy, o[2] + middle * dz
    half_chord = np.sqrt((1 - (x * x + y * y + z * z)) / squared)
    return middle - half_chord, middle + half_chord


def _hit_ellipsoid(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    near, _ = _ellipsoid_roots(solid, origin, direction)
    t = np.where(near > 0, near, MISS)
    return t, t


def _hit_basin(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Intersects a hollow, open at the top: seen through the ellipse at its rim."""
    dx, dy, dz = direction
    rim = -origin[1] / dy
    x = (origin[0] + rim * dx) / solid.half[0]
    z = (origin[2] + rim * dz) / solid.half[2]
    _, far = _ellipsoid_roots(solid, origin, direction)
    seen = (dy < 0) & (rim > 0) & (x * x + z * z < 1) & (far > rim)
    return np.where(seen, rim, MISS), np.where(seen, far, MISS)


def _hit_frustum(
    solid: Solid, origin: Array, direction: tuple[Array, ...]
) -> tuple[Array, Array]:
    dx, dy, dz = direction
    height = solid.half[1]
    mean, slope = _cone(solid)
    squared = dx * dx + dy * dy + dz * dz
    start = -(origin[0] * dx + origin[1] * dy + origin[2] * dz) / squared
    x, y, z = (o + start * d for o, d in zip(origin, direction, strict=True))
    radius = mean + slope * y
    a = dx * dx + dz * dz - (slope * dy) ** 2
    b = x * dx + z * dz - slope * dy * radius
    root = np.sqrt(b * b - a * (x * x + z * z - radius * radius))
    best = np.full(np.shape(squared), MISS)
    for side in ((-b - root) / a, (-b + root) / a):
        inside = (np.abs(y + side * dy) <= height) & (side + start > 0)
        best = np.where(inside & (side < best), side, best)
    for level, limit in zip((-height, height), solid.radii, strict=True):
        cap = (level - y) / dy
        across = (x + cap * dx) ** 2 + (z + cap * dz) ** 2
        inside = (across <= limit * limit) & (cap + start > 0)
        best = np.where(inside & (cap < best), cap, best)
    t = best + start
    return t, t


def _cone(solid: Solid) -> tuple[float, float]:
    """Returns the radius at the middle, and its growth per metre of height."""
    bottom, top = solid.radii
    return (bottom + top) / 2, (top - bottom) / (2 * solid.half[1])


def _box_surface(solid: Solid, point: Array) -> Surface:
    scaled = np.abs(point) / solid.half[:, None]
    axis = np.argmax(scaled, axis=0)
    columns = np.arange(point.shape[1])
    side = np.where(point[axis, columns] > 0, 1.0, -1.0).astype(np.float32)
    normal = np.zeros_like(point)
    normal[axis, columns] = side
    along, up = np.array([2, 0, 0])[axis], np.array([1, 2, 1])[axis]
    extent = (solid.half[along], solid.half[up])
    return Surface(normal, point[along, columns], point[up, columns], extent)


def _panel_surface(solid: Solid, point: Array) -> Surface:
    normal = np.zeros_like(point)
    normal[2] = 1
    return Surface(normal, point[0], point[1], (solid.half[0], solid.half[1]))


def _ellipsoid_surface(solid: Solid, point: Array, sign: float = 1.0) -> Surface:
    normal = point / (solid.half**2)[:, None]
    normal *= sign / np.sqrt((normal**2).sum(0))
    extent = (solid.half[0], solid.half[1])
    return Surface(normal, point[0], point[1], extent)


def _basin_surface(solid: Solid, point: Array) -> Surface:
    return _ellipsoid_surface(solid, point, -1.0)


def _on_cap(solid: Solid, point: Array) -> Array:
    mean, slope = _cone(solid)
    outside = np.hypot(point[0], point[2]) - (mean + slope * point[1])
    return np.abs(point[1]) - solid.half[1] > outside - 1e-6


def _frustum_surface(solid: Solid, point: Array) -> Surface:
    _, slope = _cone(solid)
    cap = _on_cap(solid, point)
    across = np.maximum(np.hypot(point[0], point[2]), 1e-9)
    scale = 1 / np.sqrt(1 + slope * slope)
    side = np.stack(
        [point[0] / across, np.full_like(across, -slope), point[2] / across]
    )
    up = np.zeros_like(point)
    up[1] = np.sign(point[1])
    normal = np.where(cap, up, side * scale)
    radius = max(solid.radii)
    u = np.where(cap, point[0], np.arctan2(point[0], point[2]) * radius)
    v = np.where(cap, point[2], point[1])
    extent = (radius, np.where(cap, radius, solid.half[1]))
    return Surface(normal.astype(point.dtype), u, v, extent)


def _ellipsoid_curvature(solid: Solid, point: Array) -> Array:
    """Computes it by Gaussian and mean curvature of x²/a² + y²/b² + z²/c² = 1."""
    squares = np.asarray(solid.half, np.float64) ** 2
    p = np.asarray(point, np.float64)
    p = p / np.sqrt((p**2 / squares[:, None]).sum(0))  # back onto the surface
    support = 1 / np.sqrt((p**2 / squares[:, None] ** 2).sum(0))
    gauss = support**4 / squares.prod()
    mean = support**3 * (squares.sum() - (p**2).sum(0)) / (2 * squares.prod())
    spread = np.sqrt(np.maximum(mean**2 - gauss, 0))
    return np.stack([mean + spread, mean - spread])


def _basin_curvature(solid: Solid, point: Array) -> Array:
    return -_ellipsoid_curvature(solid, point)[::-1]


def _frustum_curvature(solid: Solid, point: Array) -> Array:
    """Applies Meusnier: a cone's circle of radius ρ curves by cos(half angle) / ρ."""
    mean, slope = _cone(solid)
    radius = np.maximum(mean + slope * np.asarray(point[1], np.float64), 1e-6)
    around = 1 / (np.sqrt(1 + slope * slope) * radius)
    around = np.where(_on_cap(solid, point), 0.0, around)
    return np.stack([around, np.zeros_like(around)])


class Kind(NamedTuple):
    """The functions of a kind of solid.

    Attributes:
      hit: (solid, origin [3], direction 3 x [.]) -> ([.] where a ray enters it, [.]
        where it ends): `MISS` for a ray that passes. They differ for a basin only.
      surface: (solid, point [3, n]) -> Surface.
      curvature: (solid, point [3, n]) -> [2, n], k1 >= k2, 1/m; None: flat.
    """

    hit: Callable[[Solid, Array, tuple[Array, ...]], tuple[Array, Array]]
    surface: Callable[[Solid, Array], Surface]
    curvature: Callable[[Solid, Array], Array] | None


KINDS = {
    "box": Kind(_hit_box, _box_surface, None),
    "panel": Kind(_hit_panel, _panel_surface, None),
    "ellipsoid": Kind(_hit_ellipsoid, _ellipsoid_surface, _ellipsoid_curvature),
    "basin": Kind(_hit_basin, _basin_surface, _basin_curvature),
    "frustum": Kind(_hit_frustum, _frustum_surface, _frustum_curvature),
}
