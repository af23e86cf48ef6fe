"""The label maps of a room, how they are stored and how they are taught."""

import numpy as np
from scipy import ndimage

from datasets.metadata import (
    DataInfo,
    curvature_info,
    depth_info,
    normals_info,
    segmentation_info,
    unit_interval_info,
)

CLASSES = {  # name: colour in pictures
    "wall": (174, 199, 232),
    "floor": (152, 118, 84),
    "ceiling": (230, 230, 210),
    "window": (80, 200, 240),
    "door": (214, 130, 30),
    "bed": (255, 187, 120),
    "chair": (188, 189, 34),
    "table": (255, 152, 150),
    "sofa": (140, 86, 175),
    "cabinet": (31, 119, 180),
    "lamp": (255, 240, 60),
    "sink": (0, 160, 160),
    "toilet": (44, 230, 180),
    "bathtub": (227, 119, 194),
    "stove": (214, 39, 40),
    "refrigerator": (255, 80, 200),
    "washing_machine": (100, 60, 255),
    "desk": (247, 182, 210),
    "shelf": (120, 70, 20),
    "books": (160, 240, 80),
    "picture": (196, 60, 120),
    "mirror": (82, 84, 163),
    "curtain": (220, 160, 255),
    "rug": (150, 30, 60),
    "plant": (44, 160, 44),
    "television": (20, 20, 90),
    "whiteboard": (250, 250, 250),
    "other": (127, 127, 127),
}
CLASS_NAMES = tuple(CLASSES)
NUMBER = {name: number for number, name in enumerate(CLASS_NAMES)}

# Taskonomy's edge texture: Canny without thinning, σ = 3 at 512 pixels.
EDGE_SIGMA = 3 / 512
# Taskonomy's reshading: Blender's point lamp of energy 2.5 at the camera on its default
# grey (colour 0.8, diffuse intensity 0.8), half life 8 m, linear, clipped at 1.
RESHADING_GAIN = 2.5 * 0.8 * 0.8
RESHADING_HALF_LIFE = 8.0

# z-scores: mean and standard deviation over all pixels of the first 500 training rooms
# of seed 0, measured by
# `python -m datasets.rooms.render --statistics --rooms=500 --size=128`.
EDGES_SHIFT, EDGES_SCALE = 0.0075, 0.0100
RESHADING_SHIFT, RESHADING_SCALE = 0.479, 0.211
CURVATURE_SHIFT, CURVATURE_SCALE = (0.206, 0.0217), (2.88, 0.637)


def edges(image: np.ndarray) -> np.ndarray:
    """Returns the edge texture [H, W] of an image [H, W, 3] uint8, in 0..1.

    Taskonomy's definition: the grey image is blurred and the root of the mean square of
    its two Sobel derivatives taken, without thinning or thresholds. Blur and derivative
    are in units of 1/512 of the width, so that all sizes have the same values.

    Interpretation: Taskonomy blurs 512-pixel pictures with σ = 3 and shrinks them
    afterwards; here the small picture is blurred by the same share of its width.
    """
    size = image.shape[1]
    weights = np.array([0.299, 0.587, 0.114], np.float32) / 255
    grey = ndimage.gaussian_filter(image @ weights, EDGE_SIGMA * size, mode="nearest")
    squares = [ndimage.sobel(grey, axis, mode="nearest") ** 2 for axis in (0, 1)]
    # Sobel's kernel sums to 8 times the derivative; Taskonomy's weights sum to 2.
    magnitude = np.sqrt((squares[0] + squares[1]) / 2) / 4
    return np.clip(magnitude * (size / 512), 0, 1)


def reshading(
    depth: np.ndarray, normals: np.ndarray, across: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Returns the room in grey, lit by one lamp at the camera: [H, W] in 0..1.

    min(1, 1.6 cos θ · 8 / (8 + d²)), d the distance in metres to the camera and θ the
    angle between normal and the direction to it; a lamp at the camera throws no shadow
    that it could see.

    Args:
      depth: [H, W] metres along the optical axis.
      normals: [H, W, 3] in the camera frame.
      across, down: [W] and [H], where the rays cross the plane at one metre.
    """
    rays = np.stack([*np.meshgrid(across, down), -np.ones_like(depth)], -1)
    length = np.sqrt((rays**2).sum(-1))
    cosine = np.maximum(-(rays * normals).sum(-1) / length, 0)
    distance = depth * length
    falloff = RESHADING_HALF_LIFE / (RESHADING_HALF_LIFE + distance**2)
    return np.minimum(RESHADING_GAIN * cosine * falloff, 1)


def data_info(image_size: int, scene_names: tuple[str, ...]) -> DataInfo:
    """Returns the record of the data set at one picture size."""
    tasks = [
        segmentation_info(CLASS_NAMES, CLASSES.values(), "exact"),
        depth_info(source="exact"),
        normals_info(source="exact"),
        unit_interval_info("edges", EDGES_SHIFT, EDGES_SCALE, "from the image"),
        unit_interval_info("reshading", RESHADING_SHIFT, RESHADING_SCALE, "exact"),
        curvature_info(CURVATURE_SHIFT, CURVATURE_SCALE, "exact"),
    ]
    return DataInfo(
        image_size=image_size,
        tasks={task.name: task for task in tasks},
        scene_names=scene_names,
        notes="Procedural rooms; datasets/rooms/README.md tells how they are made.",
    )
