"""Resizing of images and label maps to squares, whatever their kind.

The whole frame is squashed to size x size, as in the paper. Output pixel i covers the
input interval [i, i + 1) * length / size, its cell, and

  images   are the mean of the cell by exact area (hence antialiased);
  classes  are taken from the input pixel at the cell's centre, and so is depth: the
           mean of two depths is a surface that is not there;
  vectors  (and other values that may be averaged) are the mean of the labelled part of
           the cell, unlabelled where that is less than half of it.
"""

import functools

import numpy as np

# Values that are converted at once.
_WHOLE = 2**25


def resize_image(image: np.ndarray, size: int) -> np.ndarray:
    """Returns image [H, W, C] uint8 as [size, size, C] uint8, averaged by area."""
    return np.round(_area_mean(image, size)).astype(np.uint8)


def resize_nearest(label_map: np.ndarray, size: int) -> np.ndarray:
    """Returns label_map [H, W] or [H, W, C] at size x size, one input pixel each."""
    rows, columns = (_centres(length, size) for length in label_map.shape[:2])
    return label_map[np.ix_(rows, columns)]


def resize_mean(
    values: np.ndarray, valid: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of the labelled part of each cell, and where there is one.

    Args:
      values: the values [H, W, C].
      valid: the mask [H, W] bool, False where there is no label.
      size: height and width of the result.

    Returns:
      (mean [size, size, C] float32, zero where unlabelled; valid [size, size] bool:
      at least half of the cell's area is labelled)
    """
    share = _area_mean(valid[..., None], size)
    total = _area_mean(np.where(valid[..., None], values, 0), size)
    # Half a cell is half a cell in spite of float32's rounding.
    labelled = share >= 0.5 - 1e-5
    return np.where(labelled, total / np.maximum(share, 0.25), 0), labelled[..., 0]


def resize_normals(
    normals: np.ndarray, valid: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (unit vectors [size, size, 3] float32, valid [size, size] bool).

    The mean of the cell's labelled vectors is made a unit vector again. Where they
    cancel there is no direction, hence no label.
    """
    mean, labelled = resize_mean(normals, valid, size)
    length = np.linalg.norm(mean, axis=-1)
    labelled &= length > 1e-3
    return mean / np.where(labelled, length, np.inf)[..., None], labelled


@functools.lru_cache(maxsize=32)
def _cell_weights(length: int, size: int) -> np.ndarray:
    """Returns [size, length] float32: the share of each input pixel in each cell."""
    edges = np.arange(size + 1) * length / size
    pixels = np.arange(length)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    return (np.clip(ends - starts, 0, None) * size / length).astype(np.float32)


def _area_mean(values: np.ndarray, size: int) -> np.ndarray:
    """Returns values [H, W, C] as [size, size, C] float32, averaged by area."""
    height, width = values.shape[:2]
    rows, columns = _cell_weights(height, size), _cell_weights(width, size)
    # Of a large image a few columns at a time: as numbers it takes four times as much.
    step = width if values.size <= _WHOLE else max(1, _WHOLE // (values.size // width))
    parts = [values[:, left : left + step] for left in range(0, width, step)]
    fewer_rows = np.concatenate(
        [np.tensordot(rows, part.astype(np.float32), axes=1) for part in parts], axis=1
    )
    return np.tensordot(columns, fewer_rows, axes=(1, 1)).transpose(1, 0, 2)


def _centres(length: int, size: int) -> np.ndarray:
    """Returns [size] int: the input pixel at the centre of each cell."""
    return ((2 * np.arange(size) + 1) * length) // (2 * size)
