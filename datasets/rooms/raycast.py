"""Which solid each ray ends on, where, and what the surface is like there."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.rooms.camera import Camera
from datasets.rooms.geometry import KINDS, MISS, Solid
from datasets.rooms.patterns import paint


@dataclasses.dataclass(frozen=True)
class Hits:
    """The picture's grid of rays [G, G], G = 2 * size + 1 (see `camera`).

    Attributes:
      depth: the depth [G, G] in metres along the optical axis.
      owner: the number [G, G] of the solid that a ray ends on.
      point: the places [3, G, G] in the room's frame.
      normal: the unit normals [3, G, G] in the room's frame, towards the viewer's side.
      color: the reflectance [3, G, G], 0..1, linear.
      gloss, glow: gloss and glow [G, G] of the material.
    """

    depth: np.ndarray
    owner: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    color: np.ndarray
    gloss: np.ndarray
    glow: np.ndarray


def cast(solids: Sequence[Solid], camera: Camera, size: int) -> Hits:
    """Casts the grid of rays of a `size` x `size` picture."""
    frames = _frames(solids, camera)
    depth, owner = _visibility(solids, camera, frames, size)
    u, v = (axis.astype(np.float32) for axis in camera.grid(size))
    # By owner, so that each solid paints one run of the arrays.
    order = np.argsort(owner.reshape(-1), kind="stable")
    reach = depth.reshape(-1)[order]
    rays = np.stack([u[order % u.size] * reach, v[order // u.size] * reach, -reach])
    # Rows: point 0-2, normal 3-5, colour 6-8, gloss 9, glow 10.
    rows = np.empty((11, order.size), np.float32)
    ends = np.cumsum(np.bincount(owner.reshape(-1), minlength=len(solids)))
    starts = [0, *ends[:-1]]
    for solid, frame, start, end in zip(
        solids, zip(*frames, strict=True), starts, ends, strict=True
    ):
        if start < end:
            _describe(solid, frame, rays[:, start:end], rows[:, start:end])
    back = np.empty_like(rows)
    for sorted_row, row in zip(rows, back, strict=True):
        row[order] = sorted_row
    grid = back.reshape(11, *depth.shape)
    return Hits(depth, owner, grid[:3], grid[3:6], grid[6:9], grid[9], grid[10])


def _describe(
    solid: Solid,
    frame: tuple[np.ndarray, np.ndarray],
    rays: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Fills `rows` [11, n] of the points of one solid; `rays` [3, n] end there."""
    to_local, origin = frame
    local = to_local @ rays + origin[:, None]
    surface = KINDS[solid.kind].surface(solid, local)
    rotation = solid.rotation.astype(np.float32)
    rows[:3] = rotation @ local + solid.center.astype(np.float32)[:, None]
    rows[3:6] = rotation @ surface.normal
    rows[6:9] = paint(solid.material, surface) ** 2
    rows[9], rows[10] = solid.material.gloss, solid.material.glow


def _frames(solids: Sequence[Solid], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Returns the camera in local frames: rotations [n, 3, 3], places [n, 3]."""
    turns = np.stack([solid.rotation for solid in solids]).transpose(0, 2, 1)
    away = camera.position - np.stack([solid.center for solid in solids])
    origins = (turns @ away[..., None])[..., 0]
    return (turns @ camera.rotation).astype(np.float32), origins.astype(np.float32)


def _visibility(
    solids: Sequence[Solid],
    camera: Camera,
    frames: tuple[np.ndarray, np.ndarray],
    size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns depth and number of the nearest solid, [G, G] each."""
    count = 2 * size + 1
    nearest = np.full((count, count), MISS)
    owner = np.zeros((count, count), np.int16)
    hollows = []
    u, v = (axis.astype(np.float32) for axis in camera.grid(size))
    bounds = camera.rectangles(
        np.stack([s.center for s in solids]),
        np.stack([s.rotation for s in solids]),
        np.stack([s.half for s in solids]),
        size,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, (top, bottom, left, right) in enumerate(bounds.tolist()):
            if top >= bottom or left >= right:
                continue
            box = np.s_[top:bottom, left:right]
            turn, origin = frames[0][number], frames[1][number]
            down = turn[:, 1, None] * v[top:bottom] - turn[:, 2, None]
            across = turn[:, 0, None] * u[left:right]
            direction = tuple(down[:, :, None] + across[:, None])
            enter, end = KINDS[solids[number].kind].hit(
                solids[number], origin, direction
            )
            closer = enter < nearest[box]
            np.copyto(nearest[box], enter, where=closer)
            np.copyto(owner[box], number, where=closer)
            if end is not enter:
                hollows.append((number, box, end))
    for number, box, end in hollows:
        np.copyto(nearest[box], end, where=owner[box] == number)
    return nearest, owner


def curvature(solids: Sequence[Solid], hits: Hits, rows: slice) -> np.ndarray:
    """Returns the curvatures k1 >= k2 in 1/m of the rays [rows, rows]: [n, n, 2]."""
    owner = hits.owner[rows, rows]
    point = hits.point[:, rows, rows].reshape(3, -1)
    result = np.zeros((owner.size, 2))
    curved = {
        number: kind.curvature
        for number, solid in enumerate(solids)
        if (kind := KINDS[solid.kind]).curvature is not None
    }
    pixels = np.flatnonzero(np.isin(owner, list(curved)))
    numbers = owner.reshape(-1)[pixels]
    for number in np.unique(numbers):
        solid = solids[number]
        mine = pixels[numbers == number]
        local = solid.rotation.T @ (point[:, mine] - solid.center[:, None])
        result[mine] = curved[number](solid, local).T
    return result.reshape(*owner.shape, 2)
