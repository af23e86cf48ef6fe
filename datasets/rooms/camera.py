"""The pinhole camera and its grid of rays.

Camera frame: x to the right, y up, z towards the camera (it looks along -z). A ray is
`(u, v, -1)` in this frame, so that its parameter is the depth along the optical axis.

The grid has two rays a pixel and direction, plus one: of 2 * size + 1 rays, number
2 * i + 1 goes through the middle of pixel i. Labels are taken there; a pixel's colour
is the mean of the 3 x 3 rays around it (weights 1 2 1).
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

NEAR = 0.02  # metres; what is closer has no bounds in the picture


@dataclasses.dataclass(frozen=True)
class Camera:
    """The pinhole camera that takes the picture.

    Attributes:
      position: the place [3] in the room's frame, metres.
      yaw, pitch, roll: the angles in radians; yaw 0 looks along -z, positive to the
        left; positive pitch looks up.
      field_of_view: the angle of the full width in radians (pictures are square).
    """

    position: np.ndarray
    yaw: float
    pitch: float
    roll: float
    field_of_view: float

    @functools.cached_property
    def rotation(self) -> np.ndarray:
        """[3, 3]; columns are the camera's axes in the room's frame."""
        return turn(self.yaw) @ tilt(self.pitch) @ roll(self.roll)

    @property
    def tangent(self) -> float:
        """Half the picture's width at one metre."""
        return float(np.tan(self.field_of_view / 2))

    def grid(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns u [2 * size + 1] and v [2 * size + 1] of the rays, top row first."""
        steps = np.linspace(-1, 1, 2 * size + 1) * self.tangent
        return steps, -steps

    def rectangles(
        self, centers: np.ndarray, rotations: np.ndarray, halves: np.ndarray, size: int
    ) -> np.ndarray:
        """Returns the bounds of boxes in the grid: [n, 4] = top, bottom, left, right.

        Ends are exclusive; empty when out of sight.
        """
        signs = np.stack(np.meshgrid(*[[-1, 1]] * 3, indexing="ij"), -1).reshape(8, 3)
        corners = np.einsum("nij,nkj->nki", rotations, signs * halves[:, None])
        corners = (corners + centers[:, None] - self.position) @ self.rotation
        depth = -corners[..., 2]
        flat = corners[..., :2] / np.maximum(depth, NEAR)[..., None] / self.tangent
        column = (flat[..., 0] + 1) * size
        row = (1 - flat[..., 1]) * size
        low = np.stack([row.min(1), column.min(1)])
        high = np.stack([row.max(1), column.max(1)])
        # Partly behind the camera: anywhere. Wholly behind: nowhere.
        crosses, behind = (depth < NEAR).any(1), (depth < NEAR).all(1)
        low = np.where(crosses, 0, np.floor(low)).clip(0, 2 * size + 1)
        high = np.where(crosses, 2 * size + 1, np.ceil(high) + 1).clip(0, 2 * size + 1)
        high = np.where(behind, low, high)
        return np.stack([low[0], high[0], low[1], high[1]], -1).astype(int)


def turn(angle: float) -> np.ndarray:
    """Returns the rotation [3, 3] about the vertical; positive to the left."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def tilt(angle: float) -> np.ndarray:
    """Returns the rotation [3, 3] about x; positive lifts what is ahead (-z)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def roll(angle: float) -> np.ndarray:
    """Returns the rotation [3, 3] about z; positive counter-clockwise, seen from +z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def look_at(
    position: Sequence[float] | np.ndarray,
    target: Sequence[float] | np.ndarray,
    roll_angle: float,
    field_of_view: float,
) -> Camera:
    """Returns a camera at `position` whose optical axis goes through `target`."""
    position = np.asarray(position, float)
    x, y, z = np.asarray(target, float) - position
    yaw = np.arctan2(-x, -z)
    pitch = np.arctan2(y, np.hypot(x, z))
    return Camera(position, float(yaw), float(pitch), roll_angle, field_of_view)
