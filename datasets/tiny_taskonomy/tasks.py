"""What Tiny-Taskonomy's label maps mean, how they are stored and how they are taught.

The stored codes are those of Taskonomy's files where resizing leaves them whole. The
targets are those of taskgrouping (Standley et al., ICML 2020), whose numbers fit the
paper's losses; `--target_coding=taskonomy` chooses those of Zamir et al., CVPR 2018.
"""

import dataclasses
import math
from collections.abc import Sequence

from datasets import metadata

CLASSES = {  # name: colour in pictures
    "background": (200, 200, 200),
    "bottle": (0, 128, 96),
    "chair": (188, 189, 34),
    "couch": (140, 86, 175),
    "potted plant": (44, 160, 44),
    "bed": (255, 187, 120),
    "dining table": (255, 152, 150),
    "toilet": (44, 230, 180),
    "tv": (20, 20, 90),
    "microwave": (31, 119, 180),
    "oven": (214, 39, 40),
    "toaster": (150, 30, 60),
    "sink": (0, 160, 200),
    "refrigerator": (255, 80, 200),
    "book": (160, 240, 80),
    "clock": (255, 240, 60),
    "vase": (120, 70, 20),
}

MISSING_DEPTH = 65535
# Smallest radius that Taskonomy's curvature tells, in metres: code 127 is flat, 0 and
# 254 are spheres of this radius, hollow and bulging. Held to the depth of a real frame.
SMALLEST_RADIUS = 0.03
FLAT = 127
_CODES_PER_CURVATURE = FLAT * SMALLEST_RADIUS

# The domain (a folder of Taskonomy) of each task; depth comes in two kinds.
DOMAINS = {
    "segmentation": "segment_semantic",
    "depth": "depth_zbuffer",
    "normals": "normal",
    "edges": "edge_texture",
    "reshading": "reshading",
    "curvature": "principal_curvature",
}
DEPTH = "depth"
DEPTH_KINDS = {
    "depth_zbuffer": "along the optical axis",
    "depth_euclidean": "to the camera's centre",
}


def task_infos(domains: Sequence[str] = ()) -> dict[str, metadata.TaskInfo]:
    """Returns the tasks by name.

    Args:
      domains: those at hand, `depth_euclidean` or `depth_zbuffer` among them; empty:
        all, with `depth_zbuffer`.
    """
    at_hand = domains or DOMAINS.values()
    depth = next((kind for kind in DEPTH_KINDS if kind in at_hand), "")
    infos = (
        metadata.segmentation_info(
            CLASSES,
            CLASSES.values(),
            "segment_semantic; uncertain pixels have no label",
        ),
        _depth(depth),
        _normals(),
        _edges(),
        _reshading(),
        _curvature(),
    )
    domains_read = {*at_hand, DOMAINS["depth"] if depth else ""}
    return {task.name: task for task in infos if DOMAINS[task.name] in domains_read}


def _depth(kind: str) -> metadata.TaskInfo:
    """Describes raw 1/512 m as in the files.

    taskgrouping: (raw - 1500) / 1000. Taskonomy: log(1 + raw) / log(2^16).
    """
    return metadata.TaskInfo(
        name="depth",
        scale=1 / 512,
        missing=MISSING_DEPTH,
        unit="m",
        target_shift=(1500 / 512,),
        target_scale=(1000 / 512,),
        codings={
            "taskonomy": {
                "target_shift": (0.0,),
                "target_scale": (math.log(2**16),),
                "target_log": 1 / 512,
            }
        },
        source=f"{kind}: {DEPTH_KINDS.get(kind, '')}",
        # The paper's figures (1.47 to 1.84) are those of taskgrouping's coding with
        # missing pixels counted as 65535.
        reports_unmasked=True,
    )


def _normals() -> metadata.TaskInfo:
    """Describes 8 bits as in the files, y and z turned; both codings teach -1..1.

    Missing is raw 0, so that -1 is 1, 0 is 128 and 1 is 255.
    """
    return dataclasses.replace(
        metadata.normals_info(source="normal"),
        dtype="uint8",
        scale=1 / 127,
        offset=-128 / 127,
        target_shift=(0.0,),
        target_scale=(1.0,),
    )


def _edges() -> metadata.TaskInfo:
    """Describes raw in 0..65535 and x = raw / 65535.

    taskgrouping: (raw - 718) / 1070. Taskonomy: x clipped to 0..0.08, as -1..1.
    """
    clipped = {
        "target_shift": (0.04,),
        "target_scale": (0.04,),
        "target_clip": (0.0, 0.08),
    }
    return dataclasses.replace(
        metadata.unit_interval_info(
            "edges", 718 / 65535, 1070 / 65535, source="edge_texture"
        ),
        codings={"taskonomy": clipped},
    )


def _reshading() -> metadata.TaskInfo:
    """Describes x = raw / 255.

    taskgrouping: (x - 0.4962) / 0.2846. Taskonomy: x as -1..1. Stored in 8 bits, as the
    files are: raw 1 is 0, 255 is 1.
    """
    return dataclasses.replace(
        metadata.unit_interval_info("reshading", 0.4962, 0.2846, source="reshading"),
        dtype="uint8",
        scale=1 / 254,
        offset=-1 / 254,
        codings={"taskonomy": {"target_shift": (0.5,), "target_scale": (0.5,)}},
    )


def _curvature() -> metadata.TaskInfo:
    """Describes the files' two channels: k = (raw - 127) / 127 / 0.03 m.

    taskgrouping: (raw / 255 - (0.5175, 0.4987)) / (0.1373, 0.0359).
    Taskonomy: (raw - (123.572, 120.1)) / (31.922, 21.658).
    """
    taskgrouping = _z_scores_of_codes(
        (255 * 0.5175, 255 * 0.4987), (255 * 0.1373, 255 * 0.0359)
    )
    return metadata.TaskInfo(
        name="curvature",
        channels=2,
        dtype="uint8",
        missing=255,  # not among the codes, while 0 in one channel is
        scale=1 / _CODES_PER_CURVATURE,
        offset=-FLAT / _CODES_PER_CURVATURE,
        unit="1/m, positive where the surface bulges towards the camera",
        codings={
            "taskonomy": _z_scores_of_codes((123.572, 120.1), (31.922, 21.658)),
        },
        source="principal_curvature, up to 33.3/m, the stronger one first",
        **taskgrouping,
    )


def _z_scores_of_codes(means: tuple[float, ...], deviations: tuple[float, ...]) -> dict:
    """Returns target fields in 1/m, of means and deviations in codes 0..254."""
    return {
        "target_shift": tuple((m - FLAT) / _CODES_PER_CURVATURE for m in means),
        "target_scale": tuple(s / _CODES_PER_CURVATURE for s in deviations),
    }
