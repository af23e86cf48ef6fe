"""Putting solids together: groups in their own frame, and the room they stand in."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.rooms.camera import Camera, turn
from datasets.rooms.geometry import Solid
from datasets.rooms.labels import NUMBER
from datasets.rooms.shading import Light
from datasets.rooms.textures import Material

Vector = Sequence[float] | np.ndarray  # x, y, z

UPRIGHT = np.eye(3)
# A frustum's axis is its local y; these turn it to x and z.
AXES = {
    "x": np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]]),
    "y": UPRIGHT,
    "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
}


@dataclasses.dataclass(frozen=True)
class Group:
    """A frame to build in: x to the right, y up, z to the front; metres.

    `at` is the middle of a solid's foot: (x, y of its bottom, z). Solids that lie are
    given by their centre. All parts of a group go to the same list.
    """

    solids: list[Solid]
    origin: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    rotation: np.ndarray = dataclasses.field(default_factory=lambda: UPRIGHT)

    def frame(self, x: float, y: float, z: float, angle: float = 0.0) -> "Group":
        """Returns a frame inside this one, turned to the left by `angle`."""
        origin = self.origin + self.rotation @ np.array([x, y, z])
        return Group(self.solids, origin, self.rotation @ turn(angle))

    def box(
        self,
        label: str,
        material: Material,
        at: Vector,
        size: Vector,
        casts: bool = True,
    ) -> None:
        """Adds a box; `size` is (width, height, depth)."""
        half = np.array(size, float) / 2
        self._add("box", label, material, _raised(at, half[1]), half, casts=casts)

    def pole(
        self,
        label: str,
        material: Material,
        at: Vector,
        radius: float,
        height: float,
        top: float | None = None,
        casts: bool = True,
    ) -> None:
        """Adds an upright cylinder, or a frustum if its `top` has another radius."""
        radii = (radius, radius if top is None else top)
        half = np.array([max(radii), height / 2, max(radii)])
        center = _raised(at, half[1])
        self._add("frustum", label, material, center, half, UPRIGHT, radii, casts)

    def rod(
        self,
        label: str,
        material: Material,
        center: Vector,
        radius: float,
        length: float,
        axis: str,
        top: float | None = None,
    ) -> None:
        """Adds a cylinder along `axis`, "x" or "z"; `top` is the radius at its end."""
        radii = (radius, radius if top is None else top)
        half = np.array([max(radii), length / 2, max(radii)])
        self._add("frustum", label, material, center, half, AXES[axis], radii)

    def ball(
        self,
        label: str,
        material: Material,
        at: Vector,
        size: Vector,
        casts: bool = True,
    ) -> None:
        """Adds an ellipsoid; `size` is (width, height, depth)."""
        half = np.array(size, float) / 2
        self._add("ellipsoid", label, material, _raised(at, half[1]), half, casts=casts)

    def basin(self, label: str, material: Material, rim: Vector, size: Vector) -> None:
        """Adds a hollow below its rim's middle; `size` is (width, how deep, depth)."""
        half = np.array([size[0] / 2, size[1], size[2] / 2])
        self._add("basin", label, material, rim, half, casts=False)

    def panel(
        self, label: str, material: Material, center: Vector, size: Vector
    ) -> None:
        """Adds a rectangle without thickness, (width, height), that faces the front."""
        half = np.array([size[0] / 2, size[1] / 2, 1e-3])
        self._add("panel", label, material, center, half, casts=False)

    def _add(
        self,
        kind: str,
        label: str,
        material: Material,
        center: Vector,
        half: np.ndarray,
        axes: np.ndarray = UPRIGHT,
        radii: tuple[float, float] = (0.0, 0.0),
        casts: bool = True,
    ) -> None:
        self.solids.append(
            Solid(
                kind=kind,
                label=NUMBER[label],
                center=self.origin + self.rotation @ np.asarray(center, float),
                rotation=self.rotation @ axes,
                half=half,
                material=material,
                radii=radii,
                casts=casts,
            )
        )


def _raised(at: Vector, height: float) -> tuple[float, float, float]:
    return at[0], at[1] + height, at[2]


# Walls: the angle that turns the room's frame so that -z points at the wall.
WALLS = {"north": 0.0, "west": np.pi / 2, "south": np.pi, "east": -np.pi / 2}
OPPOSITE = {"west": "east", "east": "west"}
# The sign of x from a side wall into the room; also the sign of `along` (see
# `Room.wall`) towards north: it is to the right of one who looks at the west wall.
INWARDS = {"west": 1, "east": -1}


class Room:
    """A room under construction: its solids, its lamps and what is taken already.

    x runs east, y up, z south; the middle of the floor is the origin. The picture is
    taken from the south, towards the north.
    """

    def __init__(
        self, rng: np.random.Generator, width: float, depth: float, height: float
    ):
        """Starts with nothing in the room, not even walls."""
        self.rng = rng
        self.width, self.depth, self.height = width, depth, height
        # Of each wall: its length, and how far it is to the wall across.
        spans = {"north": (width, depth), "west": (depth, width)}
        self._spans = {**spans, "south": spans["north"], "east": spans["west"]}
        self.group = Group([])
        self.lights: list[Light] = []
        self.camera = Camera(np.zeros(3), 0.0, 0.0, 0.0, np.pi / 3)
        self._floor: list[tuple[float, float, float, float]] = []
        self._walls: dict[str, list] = {wall: [] for wall in WALLS}

    @property
    def half(self) -> np.ndarray:
        """[3]: half of width, height and depth."""
        return np.array([self.width, self.height, self.depth]) / 2

    def length(self, wall: str) -> float:
        """Returns the length of a wall in metres."""
        return self._spans[wall][0]

    def wall(self, wall: str, along: float = 0.0, away: float = 0.0) -> Group:
        """Returns a frame on the floor at a wall, its back to the wall.

        `along` runs to the right of one who looks at the wall; 0 is its middle.
        """
        angle = WALLS[wall]
        reach = self._spans[wall][1] / 2
        x, _, z = turn(angle) @ np.array([along, 0, away - reach])
        return self.group.frame(x, 0, z, angle)

    def reserve(self, x0: float, z0: float, x1: float, z1: float) -> None:
        """Takes a rectangle of the floor."""
        self._floor.append((x0, z0, x1, z1))

    def free(self, x0: float, z0: float, x1: float, z1: float) -> bool:
        """Returns whether nothing stands in a rectangle of the floor."""
        return not any(
            x0 < b[2] and b[0] < x1 and z0 < b[3] and b[1] < z1 for b in self._floor
        )

    def place(
        self,
        wall: str,
        width: float,
        depth: float,
        levels: str = "low high",
        along: float | None = None,
    ) -> Group | None:
        """Takes room at a wall; None if there is none.

        Args:
          wall: which.
          width, depth: of the thing, metres; depth 0 hangs on the wall.
          levels: what it covers of the wall: "low", "high" or both.
          along: where its middle should be; tries elsewhere if not given.
        """
        spare = (self.length(wall) - width) / 2
        if spare < 0:
            return None
        tries = [along] if along is not None else self.rng.uniform(-spare, spare, 12)
        for middle in tries:
            span = (float(np.clip(middle, -spare, spare)), width / 2)
            if self._fits(wall, span, depth, levels):
                self._take(wall, span, depth, levels)
                return self.wall(wall, span[0])
        return None

    def insist(
        self,
        wall: str,
        width: float,
        depth: float,
        levels: str = "low high",
        along: float = 0.0,
    ) -> Group:
        """Takes room at a wall for what the room cannot do without, free or not."""
        group = self.place(wall, width, depth, levels, along)
        if group is None:
            spare = max((self.length(wall) - width) / 2, 0)
            span = (float(np.clip(along, -spare, spare)), width / 2)
            self._take(wall, span, depth, levels)
            group = self.wall(wall, span[0])
        return group

    def _footprint(
        self, wall: str, span: tuple[float, float], depth: float
    ) -> tuple[float, float, float, float]:
        group = self.wall(wall, span[0], depth / 2)
        reach = np.abs(group.rotation @ np.array([span[1], 0, depth / 2]))
        x, _, z = group.origin
        return x - reach[0], z - reach[2], x + reach[0], z + reach[2]

    def _fits(
        self, wall: str, span: tuple[float, float], depth: float, levels: str
    ) -> bool:
        for middle, half, level in self._walls[wall]:
            if level in levels and abs(middle - span[0]) < half + span[1]:
                return False
        return depth == 0 or self.free(*self._footprint(wall, span, depth))

    def _take(
        self, wall: str, span: tuple[float, float], depth: float, levels: str
    ) -> None:
        self._walls[wall] += [(*span, level) for level in levels.split()]
        if depth:
            self.reserve(*self._footprint(wall, span, depth))

    def light(
        self,
        position: Vector,
        brightness: float,
        tint: Vector = (1.0, 1.0, 1.0),
        facing: Vector = (0, 0, 0),
    ) -> None:
        """Adds a lamp; `brightness` of a white wall one metre away."""
        power = brightness * np.array(tint, float)
        self.lights.append(
            Light(np.array(position, float), power, np.array(facing, float))
        )
