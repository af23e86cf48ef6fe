"""Normals in the axes of a file, and whether a camera can see them."""

from collections.abc import Iterator

import numpy as np

from datasets import plausibility
from datasets.folder.settings import DIRECTIONS

_PIXELS = 2**18  # that are converted at a time
# Axes of normals that others use: ours, OpenCV's, those of NYUv2's normals.
_USUAL_AXES = (
    ("right", "up", "toward"),
    ("right", "down", "away"),
    ("right", "away", "up"),
)


def turned(values: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
    """Returns vectors [H, W, 3] as x right, y up, z towards the camera.

    Args:
      values: the vectors in the axes of a file.
      axes: the directions of its channels, keys of `DIRECTIONS`.
    """
    result = np.zeros_like(values)
    for channel, axis in enumerate(axes):
        ours, sign = DIRECTIONS[axis]
        result[..., ours] = sign * values[..., channel]
    return result


def unit_vectors(
    values: np.ndarray, valid: np.ndarray, axes: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns vectors [H, W, 3] float32 of length 1 in our axes, and lengths [H, W].

    Where they are not known, vectors are zero.
    """
    units, lengths = np.zeros(values.shape, np.float32), np.zeros(valid.shape)
    for rows in _strips(valid):
        vectors = turned(values[rows], axes)
        lengths[rows] = np.linalg.norm(vectors, axis=-1)
        divisors = np.where(valid[rows] & (lengths[rows] > 0), lengths[rows], np.inf)
        units[rows] = vectors / divisors[..., None]
    return units, lengths


def why_impossible(values: np.ndarray, valid: np.ndarray, axes: tuple[str, ...]) -> str:
    """Says which part of a map faces away, and in which axes it would not.

    Args:
      values: the vectors in the axes of a file, [H, W, 3].
      valid: where they are known, [H, W].
      axes: the directions of its channels.

    Returns:
      What is wrong; empty if no more faces away than may.
    """
    total = max(int(valid.sum()), 1)
    away = _number_away(values, valid, axes)
    most = plausibility.MOST_AWAY_OF_A_MAP
    if away <= most * total:
        return ""
    counts = {
        each: _number_away(values, valid, each)
        for each in (axes[::-1], *_USUAL_AXES)
        if each != axes
    }
    possible = [each for each, number in counts.items() if number <= most * total]
    hint = ""
    if possible:
        # Most of what a camera sees faces it.
        means = values[valid].mean(axis=0)[None, None]
        best = max(possible, key=lambda each: turned(means, each)[0, 0, 2])
        cause = " (red and blue exchanged, as OpenCV writes them?)"
        cause *= best == axes[::-1]
        hint = f" As {', '.join(best)}{cause}, {counts[best] / total:.1%} would."
    return (
        f"{away} of {total} normals ({away / total:.1%}) point away from the camera, "
        f"which none that it sees can; at most {most:.0%} may. Are the axes "
        f"{', '.join(axes)} right (dataset.json, normals.axes)?{hint}"
    )


def _number_away(values: np.ndarray, valid: np.ndarray, axes: tuple[str, ...]) -> int:
    units, _ = unit_vectors(values, valid, axes)
    # Rows are not on their own here: where a ray goes is a matter of the row.
    return int((plausibility.facing_away(units) & valid).sum())


def _strips(valid: np.ndarray) -> Iterator[slice]:
    """Yields runs of rows: as numbers, a large map takes most of the memory."""
    rows = max(1, _PIXELS // max(valid.shape[1], 1))
    for top in range(0, len(valid), rows):
        yield slice(top, top + rows)
