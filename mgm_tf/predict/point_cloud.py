"""Point clouds of predicted depth, as PLY files.

A pinhole camera with focal lengths fx, fy and principal point cx, cy, in pixels of the
image (upright; the centre of the first pixel is 0, 0). Points are in metres in the axes
of the normals: x right, y up, z to the camera; so a point d metres away has z = -d.
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import IO

import numpy as np

from mgm_tf.files import whole

_ROWS = 256  # of the image at a time: points take more room than pixels


@dataclasses.dataclass(frozen=True)
class Intrinsics:
    """The intrinsics of a camera, in pixels.

    Attributes:
      fx: the focal length along the rows.
      fy: the focal length along the columns.
      cx: the column of the principal point.
      cy: its row.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def parse(cls, values: list[str]) -> "Intrinsics":
        """Returns the intrinsics that are written `fx,fy,cx,cy`.

        Raises:
          ValueError: they are not four numbers, or a focal length is not above 0.
        """
        try:
            fx, fy, cx, cy = (float(value) for value in values)
        except ValueError:
            fx = fy = cx = cy = float("nan")
        if not (0 < fx < np.inf and 0 < fy < np.inf and np.isfinite([cx, cy]).all()):
            raise ValueError(
                "Expected --intrinsics=fx,fy,cx,cy in pixels of the image, both focal "
                f"lengths above 0; got {','.join(values) or 'none'}."
            )
        return cls(fx, fy, cx, cy)


def write(
    path: pathlib.Path,
    depth: np.ndarray,
    colors: np.ndarray,
    intrinsics: Intrinsics,
    normals: np.ndarray | None = None,
) -> int:
    """Writes a binary PLY file, and returns the number of its points.

    Args:
      path: the file.
      depth: metres along the optical axis [H, W]; pixels without a finite depth above 0
        have no point.
      colors: the image, uint8 [H, W, 3].
      intrinsics: the camera of the image.
      normals: the directions of the points, [H, W, 3]; or None.
    """
    has_depth = np.isfinite(depth) & (depth > 0)
    number = int(np.count_nonzero(has_depth))
    fields = [(name, "<f4") for name in ("x", "y", "z")]
    fields += [(name, "<f4") for name in ("nx", "ny", "nz") if normals is not None]
    fields += [(name, "u1") for name in ("red", "green", "blue")]
    words = {"<f4": "float", "u1": "uchar"}
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment metres; x right, y up, z to the camera",
        f"element vertex {number}",
        *(f"property {words[kind]} {name}" for name, kind in fields),
        "end_header\n",
    ]

    def fill(file: IO[bytes]) -> None:
        file.write("\n".join(header).encode("ascii"))
        for rows in _rows(len(depth)):
            points = np.empty(int(np.count_nonzero(has_depth[rows])), np.dtype(fields))
            chosen = has_depth[rows]
            v, u = np.nonzero(chosen)
            away = depth[rows][chosen]
            points["x"] = (u - intrinsics.cx) / intrinsics.fx * away
            points["y"] = -(v + rows.start - intrinsics.cy) / intrinsics.fy * away
            points["z"] = -away
            for channel, name in enumerate(("red", "green", "blue")):
                points[name] = colors[rows][chosen][:, channel]
            if normals is not None:
                for channel, name in enumerate(("nx", "ny", "nz")):
                    points[name] = normals[rows][chosen][:, channel]
            file.write(points.tobytes())

    whole.write(path, fill)
    return number


def _rows(height: int) -> Iterator[slice]:
    for start in range(0, height, _ROWS):
        yield slice(start, min(start + _ROWS, height))
