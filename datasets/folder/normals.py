"""Normals in the axes of a file, and whether a camera can see them."""

import numpy as np

from datasets import plausibility
from datasets.folder.settings import DIRECTIONS

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
    others = [each for each in (axes[::-1], *_USUAL_AXES) if each != axes]
    # Most of what a camera sees faces it.
    towards = [turned(values, each)[..., 2][valid].mean() for each in others]
    best = others[int(np.argmax(towards))]
    number = _number_away(values, valid, best)
    hint = ""
    if number <= most * total:
        cause = " (red and blue exchanged, as OpenCV writes them?)"
        is_exchanged = best == axes[::-1]
        hint = (
            f" As {', '.join(best)}{cause * is_exchanged}, {number / total:.1%} would."
        )
    return (
        f"{away} of {total} normals ({away / total:.1%}) point away from the camera, "
        f"which none that it sees can; at most {most:.0%} may. Are the axes "
        f"{', '.join(axes)} right (dataset.json, normals.axes)?{hint}"
    )


def _number_away(values: np.ndarray, valid: np.ndarray, axes: tuple[str, ...]) -> int:
    vectors = turned(values, axes)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    return int((plausibility.facing_away(unit) & valid).sum())
