"""Surface normals from a depth map: a plane fitted around every pixel.

A plane seen by a pinhole camera has an inverse depth that is linear in the viewing
ray, 1 / z = a u + b v + c, and (a, b, c) is along its normal. The fit of this line by
least squares over a window needs box filters only. Inverse depth is also where a
structured-light camera's noise is the same at all distances.
"""

import numpy as np
from scipy import ndimage

# Colour camera of NYU Depth V2 at 640x480 pixels (its toolbox's camera_params).
_FOCAL = (518.858, 519.470)
_CENTRE = (325.582, 253.736)
_FRAME = (640, 480)

# Where the official depth was measured, the rest of a frame being filled in: rows
# 44..471 and columns 40..601 of 480x640 (from 0, the last one excluded).
_MEASURED = ((44, 471), (40, 601))

# 21 pixels agree best with the published normals; where the plane misses the window's
# inverse depths by 2 % (root mean square), the window holds two surfaces.
_WINDOW = 21
_LARGEST_MISFIT = 0.02


def normals_from_depth(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the normals of the surfaces in a depth map, and where they are sure.

    Args:
      depth: [H, W] metres along the optical axis, 0 where missing; a frame of NYU Depth
        V2 scaled to any size.

    Returns:
      (normals [H, W, 3] float32, unit vectors with x right, y up, z towards the camera;
      valid [H, W] bool: False at the rim of the frame, near missing depth and where
      depth is not that of one plane, as at the edges of objects)
    """
    height, width = depth.shape
    window = max(3, 2 * (_WINDOW * width // _FRAME[0] // 2) + 1)
    known = depth > 0
    inverse = 1 / np.where(known, depth, 1).astype(np.float64)
    slopes, misfit = _fit_plane(inverse, _rays(width, 0), _rays(height, 1), window)
    normals = slopes * (-1, 1, 1)  # from x right, y down, z forward, facing us
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    one_plane = misfit < _LARGEST_MISFIT
    all_known = ndimage.minimum_filter(known, window)
    return normals.astype(np.float32), _measured(depth.shape) & one_plane & all_known


def _rays(length: int, axis: int) -> np.ndarray:
    """Returns [length]: the viewing ray's slope at each column (axis 0) or row (1)."""
    scale = length / _FRAME[axis]
    centre = (_CENTRE[axis] + 0.5) * scale - 0.5
    return (np.arange(length) - centre) / (_FOCAL[axis] * scale)


def _fit_plane(
    inverse: np.ndarray, u: np.ndarray, v: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fits inverse = a u + b v + c around each pixel of [H, W].

    Returns (a, b, c) as [H, W, 3] and the root mean square misfit relative to the mean.
    """

    def mean(values: np.ndarray) -> np.ndarray:
        for axis in range(values.ndim):
            values = ndimage.uniform_filter1d(values, window, axis, mode="nearest")
        return values

    v = v[:, None]
    mean_u, mean_v = mean(u), mean(v[:, 0])[:, None]
    variance_u = mean(u**2) - mean_u**2
    variance_v = mean(v[:, 0] ** 2)[:, None] - mean_v**2
    middle = mean(inverse)
    # u and v are uncorrelated over a rectangle, so each slope is found by itself.
    covariance_u = mean(u * inverse) - mean_u * middle
    covariance_v = mean(v * inverse) - mean_v * middle
    a, b = covariance_u / variance_u, covariance_v / variance_v
    residue = mean(inverse**2) - middle**2 - a * covariance_u - b * covariance_v
    slopes = np.stack([a, b, middle - a * mean_u - b * mean_v], axis=-1)
    return slopes, np.sqrt(np.maximum(residue, 0)) / middle


def _measured(shape: tuple[int, int]) -> np.ndarray:
    """Returns [H, W] bool: where the official frames have a measured depth."""
    inside = [
        (np.arange(length) + 0.5) / length * full
        for length, full in zip(shape, reversed(_FRAME), strict=True)
    ]
    rows, columns = (
        (first <= at) & (at < last)
        for at, (first, last) in zip(inside, _MEASURED, strict=True)
    )
    return rows[:, None] & columns
