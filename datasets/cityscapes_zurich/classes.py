"""The 30 classes of Cityscapes: label ids 4 to 33, with their official colours."""

import numpy as np

UNLABELLED = 255
LARGEST_ID = 33
# Ids 0 to 3 (unlabeled, ego vehicle, rectification border, out of roi) are no class.
_FIRST_ID = 4

# In the order of the ids.
_COLORS = {
    # void
    "static": (0, 0, 0),
    "dynamic": (111, 74, 0),
    "ground": (81, 0, 81),
    # flat
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "parking": (250, 170, 160),
    "rail track": (230, 150, 140),
    # construction
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "guard rail": (180, 165, 180),
    "bridge": (150, 100, 100),
    "tunnel": (150, 120, 90),
    # object
    "pole": (153, 153, 153),
    "polegroup": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    # nature
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    # sky
    "sky": (70, 130, 180),
    # human
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    # vehicle
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "caravan": (0, 0, 90),
    "trailer": (0, 0, 110),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
CLASS_NAMES = tuple(_COLORS)
CLASS_COLORS = tuple(_COLORS.values())


def classes_of(ids: np.ndarray) -> np.ndarray:
    """Returns class numbers 0..29, `UNLABELLED` for ids that are no class, as uint8.

    Args:
      ids: uint8, of any shape.

    Raises:
      ValueError: an id is above 33.
    """
    if ids.max(initial=0) > LARGEST_ID:
        raise ValueError(
            f"label ids are 0..{LARGEST_ID}, found {int(ids.max())}; is this a map of "
            "training ids (labelTrainIds)?"
        )
    classes = ids.astype(np.int16) - _FIRST_ID
    return np.where(classes < 0, UNLABELLED, classes).astype(np.uint8)


def presence(classes: np.ndarray) -> np.ndarray:
    """Returns which classes occur in a map of class numbers, [30] int32 of 0 and 1."""
    counts = np.bincount(classes.ravel(), minlength=256)
    return (counts[: len(CLASS_NAMES)] > 0).astype(np.int32)
