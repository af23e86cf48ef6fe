"""What is impossible of a folder as a whole, though each map alone may pass.

A few pixels of each map, a unit, or axes that are exchanged, are told by all maps
together: what is stored of them is counted while the data set is built.
"""

from collections.abc import Mapping

import numpy as np

from datasets import plausibility
from datasets.metadata import TaskInfo

_COMPARED = 512  # images whose normals are compared with their depth
_ENOUGH = 8  # of them, before they tell anything


class WholeSet:
    """Counts of the stored depth and normals of a data set."""

    def __init__(self, tasks: Mapping[str, TaskInfo]):
        self._depth, self._normals = tasks.get("depth"), tasks.get("normals")
        self._levels = np.zeros(2**16, np.int64)
        self._away = self._known = 0
        self._leanings: list[np.ndarray] = []

    def add(self, example: Mapping[str, np.ndarray]) -> None:
        """Counts an example as it is stored."""
        if self._depth:
            raw = example["depth"]
            self._levels += np.bincount(
                raw[raw != self._depth.missing], minlength=2**16
            )
        if self._normals:
            vectors, known = self._normals.decode(example["normals"])
            self._away += int((plausibility.facing_away(vectors) & known).sum())
            self._known += int(known.sum())
        if self._depth and self._normals and known.any():
            depth, depth_known = self._depth.decode(example["depth"])
            if depth_known.any() and len(self._leanings) < _COMPARED:
                maps = (
                    depth[None, ..., 0],
                    depth_known[None],
                    vectors[None],
                    known[None],
                )
                self._leanings.append(plausibility.leaning(*maps))

    def problems(self) -> list[str]:
        """Returns what cannot be, with its share and what it probably is."""
        problems = []
        share = self._away / max(self._known, 1)
        if share > plausibility.MOST_AWAY:
            problems.append(
                f"normals/: {share:.2%} of all normals point away from the camera, "
                f"which none that it sees can; at most {plausibility.MOST_AWAY:.1%} "
                "may. Are the axes right (dataset.json, normals.axes)?"
            )
        if self._depth and self._levels.any():
            median = self._median(self._depth)
            if median < plausibility.NEAREST:
                problems.append(
                    f"depth/: half of all depths are below {median:.3g} m, nearer than "
                    f"{plausibility.NEAREST:g} m; are they in another unit, inverse, "
                    "or divided by the largest (dataset.json, depth.unit, .scale)?"
                )
        return problems + self._axis_problems()

    def _median(self, depth: TaskInfo) -> float:
        below = np.cumsum(self._levels)
        return float(np.searchsorted(below, below[-1] / 2) * depth.scale + depth.offset)

    def _axis_problems(self) -> list[str]:
        if len(self._leanings) < _ENOUGH:
            return []
        found = plausibility.Agreement.of(np.concatenate(self._leanings))
        where = "(dataset.json, normals.axes)"
        problems = [
            f"normals/: {axis} points the other way: depth grows where they say "
            f"that it falls (agreement {found.means[k, k]:.2f}, of -1 to 1) {where}"
            for k, axis in enumerate(plausibility.AXES)
            if axis in found.opposite()
        ]
        if found.are_exchanged():
            problems.append(
                "normals/: x and y are exchanged: depth leans in x as they do in y "
                f"(agreement {found.means[0, 1]:.2f}) {where}"
            )
        return problems
