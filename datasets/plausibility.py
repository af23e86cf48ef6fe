"""What no camera can see, and what says that labels are in other axes or units.

These are properties of depth and normals alone, whoever made them: the builder of one's
own folder refuses by them what it would store, an audit finds it in what is stored.
"""

import dataclasses

import numpy as np

# Of a map's labelled pixels, and of all those of a data set: normals that face away.
# On real frames of NYUv2 there are none; red and blue exchanged turn away 16 to 46 %.
MOST_AWAY_OF_A_MAP = 0.02
MOST_AWAY = 0.005
_AWAY = 0.1  # a component, beyond what noise and 8 bits make of a right angle
NEAREST = 0.1  # metres: no median depth of photographs is below
SURE = 4.0  # Student's t beyond which it is no accident: 1 in 10,000 of 64 images
_OPPOSITE = -0.2  # mean agreement below which an axis points the other way
# Of axes that are exchanged: their mean agreement with the slopes along each other, and
# how far below it that with their own is.
_CROSSED, _APART = 0.5, 0.3
AXES = ("x", "y")


def facing_away(normals: np.ndarray) -> np.ndarray:
    """Returns where normals face away from a camera that sees them, [..., H, W] bool.

    A surface is seen from the side to which its normal points, whatever the angle of
    view. It is not known here: what faces away at 0 and at 90 degrees does in between.

    Args:
      normals: unit vectors [..., H, W, 3], x right, y up, z towards the camera.
    """
    height, width = normals.shape[-3:-1]
    u = (np.arange(width) + 0.5) / width * 2 - 1
    v = (1 - (np.arange(height) + 0.5) / height * 2) * (height / width)
    x, y, z = np.moveaxis(normals, -1, 0)
    # The rays of 90 degrees are (u, v, -1), those of 0 degrees (0, 0, -1).
    return np.maximum(z, z - u * x - v[:, None] * y) < -_AWAY


def leaning(
    depth: np.ndarray,
    depth_known: np.ndarray,
    normals: np.ndarray,
    normals_known: np.ndarray,
) -> np.ndarray:
    """Returns how often normals lean as the depth says, [N, 2, 2] in -1..1.

    Depth grows to the right on a surface that faces right, and downwards on one that
    faces down, whatever the camera. Element [i, j] is the mean of the product of the
    signs of the slope of depth along i and of the normals' component j (x, y), over the
    pixels that lean; NaN where there are less than 1 %.

    Args:
      depth: the depth in metres, [N, H, W].
      depth_known: where the depth is known, [N, H, W].
      normals: the unit normals, [N, H, W, 3].
      normals_known: where the normals are known, [N, H, W].
    """
    known = depth_known & normals_known
    log = np.log(np.maximum(depth, 1e-6))
    right = np.diff(log, axis=2, append=log[:, :, -1:])
    down = np.diff(log, axis=1, append=log[:, -1:])
    result = np.empty((len(depth), 2, 2))
    for i, (slope, axis) in enumerate(((right, 2), (-down, 1))):
        both = known & np.roll(known, -1, axis) & (slope != 0) & (np.abs(slope) < 0.1)
        for j in range(2):
            lean = normals[..., j]
            sure = both & (np.abs(lean) > 0.3)
            number = sure.sum(axis=(1, 2))
            total = (np.sign(slope) * np.sign(lean) * sure).sum(axis=(1, 2))
            enough = number >= 0.01 * known[0].size
            result[:, i, j] = np.where(enough, total / np.maximum(number, 1), np.nan)
    return result


def mean(values: np.ndarray) -> float:
    """Returns the mean of the finite values; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def t_value(values: np.ndarray) -> float:
    """Returns Student's t of the mean of the finite values; NaN of less than two."""
    known = values[np.isfinite(values)].astype(np.float64)
    if len(known) < 2:
        return float("nan")
    # Equal values have no spread; that must not make a rounding error certain.
    spread = max(float(known.std(ddof=1)), 1e-3)
    return float(known.mean() / spread * np.sqrt(len(known)))


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How normals lean against depth, over the images of a data set.

    Attributes:
      means, t_values: the means and Student's t over images of `leaning`, [2, 2].
    """

    means: np.ndarray
    t_values: np.ndarray

    @classmethod
    def of(cls, leanings: np.ndarray) -> "Agreement":
        """Returns the agreement of images, [N, 2, 2] of `leaning`."""
        flat = leanings.reshape(-1, 4).T
        means, t_values = ([f(row) for row in flat] for f in (mean, t_value))
        return cls(np.reshape(means, (2, 2)), np.reshape(t_values, (2, 2)))

    def opposite(self) -> tuple[str, ...]:
        """Returns the axes that point the other way."""
        return tuple(
            axis
            for k, axis in enumerate(AXES)
            if self.t_values[k, k] < -SURE and self.means[k, k] < _OPPOSITE
        )

    def are_exchanged(self) -> bool:
        """Returns whether x and y are in each other's place."""
        crossed = np.abs(self.means[[0, 1], [1, 0]]).min()
        is_sure = (np.abs(self.t_values[[0, 1], [1, 0]]) > SURE).all()
        own = np.abs(np.diag(self.means)).max()
        return bool(is_sure and crossed > _CROSSED and own < crossed - _APART)
