"""Draws made-up street frames: a straight street, what stands along it and on it.

A point (x to the right, y up, z ahead; metres) is seen at column W/2 + f x / z and row
horizon + f (1.2 - y) / z. Ground and house fronts are drawn by that formula, one value
a pixel; things are flat, face the camera and are painted from far to near.
"""

import numpy as np

from datasets.cityscapes_zurich import classes, things

HEIGHT, WIDTH = 256, 512
EGO_VEHICLE, OUT_OF_REGION = 1, 3  # ids that are no class
RIM = 2  # pixels around the frame that have no class
HOOD = 14  # rows of the camera's own car
_FIRST_ID = 4
ID = {name: _FIRST_ID + number for number, name in enumerate(classes.CLASS_NAMES)}

_FOCAL = 1.1 * WIDTH
CAMERA_HEIGHT = 1.2
_NEAR, _FAR = 5.0, 60.0  # metres, of things
_BLOCKS, _BLOCK_LENGTH = 8, 12.0  # of each side of the street; metres
_GRAIN, _GRAIN_CELLS = 0.03, (1, 4, 16)  # of brightness, at each size in pixels
Window = tuple[slice, slice]  # rows, columns
_EVERYWHERE: Window = np.s_[:, :]


def draw(index: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draws frame `index` of a seed, the same every time.

    Returns:
      (image [256, 512, 3] uint8, label ids [256, 512] uint8)
    """
    street = Street(np.random.default_rng([seed, index]))
    street.lay_ground()
    street.line_with_fronts()
    street.place_things()
    return street.finish(), street.ids


class Street:
    """A frame under construction.

    Attributes:
      color: the colours [256, 512, 3] float, 0..1.
      ids: the label ids [256, 512] uint8.
      horizon: the number of rows above the horizon.
      half_road, kerb: the distances in metres from the middle of the street to the edge
        of the road and to that of the sidewalk.
    """

    def __init__(self, rng: np.random.Generator):
        """Starts with sky everywhere."""
        self._rng = rng
        self.horizon = rng.uniform(0.38, 0.46) * HEIGHT
        self.half_road = rng.uniform(3.5, 6.0)
        self.kerb = self.half_road + rng.uniform(1.8, 3.5)
        # Of the pixels' middles, from the vanishing point.
        self._rows = np.arange(HEIGHT)[:, None] + 0.5 - self.horizon
        self._columns = np.arange(WIDTH)[None] + 0.5 - WIDTH / 2
        paler = 1.05 + 0.25 * self._rows / self.horizon
        blue = rng.uniform((0.5, 0.6, 0.75), (0.6, 0.75, 0.9)) * paler[..., None]
        self.color = np.array(np.broadcast_to(blue, (HEIGHT, WIDTH, 3)))
        self.ids = np.full((HEIGHT, WIDTH), ID["sky"], np.uint8)

    def lay_ground(self) -> None:
        """Draws road, sidewalks and the ground beyond; perhaps rails and parking."""
        rng, half = self._rng, self.half_road
        distance = _FOCAL * CAMERA_HEIGHT / np.maximum(self._rows, 1e-3)
        x = self._columns * distance / _FOCAL
        below = self._rows > 0
        beyond = rng.choice(("terrain", "ground"))
        self._paint(beyond, below & (abs(x) < np.inf), rng.uniform(0.25, 0.45, 3))
        slabs = 0.55 - 0.08 * (distance % 2 < 0.15)
        self._paint("sidewalk", below & (abs(x) < self.kerb), _grey(slabs))
        dashes = (abs(x) < 0.09) & (distance % 6 < 3)
        asphalt = rng.uniform(0.26, 0.36)
        marked = _grey(asphalt + 0.5 * dashes)
        self._paint("road", below & (abs(x) < half), marked)
        if rng.random() < 0.35:
            off = abs(x - rng.choice((-0.5, 0.5)) * half)
            rails = 0.06 + 0.35 * (abs(off - 0.7) < 0.1)
            self._paint("rail track", below & (off < 1.2), _grey(asphalt + rails))
        if rng.random() < 0.35:
            side = rng.choice((-1, 1)) * x
            lines = _grey(asphalt + 0.2 * (distance % 5 < 0.3))
            self._paint("parking", below & (half - 2 < side) & (side < half), lines)

    def line_with_fronts(self) -> None:
        """Draws house fronts along both sides, a block of twelve metres at a time."""
        names = list(things.FRONTS)
        shares = [front.share for front in things.FRONTS.values()]
        for side in (-1, 1):
            reach = np.maximum(side * self._columns, 1)
            distance = _FOCAL * self.kerb / reach
            height = CAMERA_HEIGHT - self._rows * distance / _FOCAL
            block = np.where(side * self._columns > 1, distance // _BLOCK_LENGTH, -1)
            for number in range(_BLOCKS):
                columns = np.flatnonzero(block == number)
                if columns.size:
                    window = np.s_[:, columns[0] : columns[-1] + 1]
                    label = self._rng.choice(names, p=shares)
                    self._front(label, window, height[window], distance[window])

    def place_things(self) -> None:
        """Draws things on the road and the sidewalks, from far to near."""
        rng = self._rng
        placements: list[tuple[float, things.Thing]] = []
        for thing in things.THINGS:
            number = rng.integers(1, thing.most + 1) * (rng.random() < thing.share)
            for distance in rng.uniform(_NEAR, _FAR, number):
                placements.append((distance, thing))
        for distance, thing in sorted(placements, key=lambda pair: -pair[0]):
            x = rng.choice((-1, 1)) * rng.uniform(*thing.span) * self.half_road
            color = rng.uniform(thing.low, thing.high)
            for part in thing.parts:
                self._part(part, x, distance, color)

    def finish(self) -> np.ndarray:
        """Adds the camera's car, the rim, grain and light; returns the image, uint8."""
        self.ids[-HOOD:], self.color[-HOOD:] = EGO_VEHICLE, things.DARK
        for rim in (np.s_[:RIM], np.s_[-RIM:], np.s_[:, :RIM], np.s_[:, -RIM:]):
            self.ids[rim] = OUT_OF_REGION
        light = np.ones((HEIGHT, WIDTH))
        for cell in _GRAIN_CELLS:
            grain = self._rng.normal(0, _GRAIN, (HEIGHT // cell, WIDTH // cell))
            light += grain.repeat(cell, axis=0).repeat(cell, axis=1)
        light *= self._rng.uniform(0.75, 1.15)
        lit = np.clip(self.color * light[..., None], 0, 1)
        return np.round(255 * lit).astype(np.uint8)

    def _front(
        self, label: str, window: Window, height: np.ndarray, distance: np.ndarray
    ) -> None:
        front = things.FRONTS[label]
        top = self._rng.uniform(*front.heights)
        color = self._rng.uniform(front.low, front.high)
        if front.has_windows:
            storey, along = height % 3.2, distance % 2.4
            glass = (storey > 1.0) & (storey < 2.6) & (along < 1.2)
            color = np.where(glass[..., None], np.array(things.GLASS), color)
        self._paint(label, (height >= 0) & (height < top), color, window)

    def _part(
        self, part: things.Part, x: float, distance: float, color: np.ndarray
    ) -> None:
        scale = _FOCAL / distance
        half = np.array((part.height, part.width)) * scale / 2
        up = CAMERA_HEIGHT - part.y - part.height / 2
        middle = np.array((up, x + part.x)) * scale
        down = (self._rows - middle[0]) / half[0]
        across = (self._columns - middle[1]) / half[1]
        rows, columns = np.flatnonzero(abs(down) <= 1), np.flatnonzero(abs(across) <= 1)
        if rows.size and columns.size:
            window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            ellipse = down[rows] ** 2 + across[:, columns] ** 2 <= 1
            where = ellipse | (not part.round)
            self._paint(part.label, where, part.color or color, window)

    def _paint(
        self,
        label: str,
        where: np.ndarray,
        color: np.ndarray | tuple[float, ...],
        window: Window = _EVERYWHERE,
    ) -> None:
        """Gives the pixels of a window that are `where` a class and a colour.

        Args:
          label: the name of the class.
          where: the mask [h, w] bool.
          color: the colour [3], or the colours [h, w, 3].
          window: the rows and columns of the window, of size (h, w).
        """
        self.ids[window][where] = ID[label]
        colors = np.broadcast_to(color, (*where.shape, 3))
        self.color[window][where] = colors[where]


def _grey(values: np.ndarray) -> np.ndarray:
    """Returns the grey [h, w, 3] of brightness [h, w] or [h, 1]."""
    return np.broadcast_to(values, (HEIGHT, WIDTH))[..., None]
