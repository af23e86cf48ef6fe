"""Image labels read off a label map: which of its classes are in the image."""

import numpy as np
import tqdm

from mgm_tf.data import inputs
from mgm_tf.data.inputs import PATIENCE, Split

BATCH = 64


def presence(split: Split, task: str) -> np.ndarray:
    """Whether each class is in each image, int32 [examples, classes] of 0 and 1.

    All zeros where nothing of the image is labelled.

    Args:
      split: with the task's label maps.
      task: of classes.
    """
    info = split.info.tasks[task]
    classes = len(info.class_names)
    rows = []
    batches = tqdm.tqdm(
        inputs.in_order(split, BATCH),
        "finding objects",
        -(-len(split) // BATCH),
        delay=PATIENCE,
        leave=False,
    )
    for batch in batches:
        for raw in batch[task].numpy():
            values = raw[raw != info.missing].astype(np.int64)
            rows.append(np.bincount(values, minlength=classes)[:classes] > 0)
    return np.stack(rows).astype(np.int32)
