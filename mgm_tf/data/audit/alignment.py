"""Whether label maps lie on their images: edges of one against edges of the other.

Where a label changes, the image usually does. So the correlation of the two maps of
edges is higher than with the label map mirrored, turned or of another image.
"""

import numpy as np
import tensorflow as tf
from scipy import ndimage

from datasets.metadata import TaskInfo
from datasets.plausibility import mean, t_value

SIDE = 64  # larger maps of edges are averaged down to this
BLUR = 0.7  # pixels; annotated borders are a pixel or two beside the real ones
ALIKE = 0.7  # images whose edges correlate more are no "other images"
SHIFTS = (1, 3, 7, 11)  # how far away in the sample other images are

# [N, S, S] -> the same, otherwise arranged. The name completes "labels look ...".
ARRANGEMENTS = {
    "mirrored left to right": lambda maps: maps[:, :, ::-1],
    "upside down": lambda maps: maps[:, ::-1],
    "turned by 180 degrees": lambda maps: maps[:, ::-1, ::-1],
    "transposed (rows for columns)": lambda maps: maps.transpose(0, 2, 1),
}
# What a number's steps are measured in; near and far edges of depth count alike.
SCALES = {"depth": lambda values: np.log(np.maximum(values, 1e-6))}


def image_edges(images: np.ndarray) -> np.ndarray:
    """Returns how much neighbours differ [N, S, S] in images uint8 [N, H, W, 3]."""
    return _small(np.sqrt(steps(np.sqrt(images.astype(np.float32)))))


def labelled(info: TaskInfo, raw: np.ndarray) -> np.ndarray:
    """Returns where raw maps [N, H, W, channels] have a label, [N, H, W]."""
    # Much faster than np.any over an axis of one to three.
    known = raw[..., 0] != info.missing
    for channel in range(1, raw.shape[-1]):
        known |= raw[..., channel] != info.missing
    return known


def label_edges(info: TaskInfo, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the edges [N, S, S] of maps [N, H, W, channels], and where known.

    Borders of classes count 1; of other maps, the root of the size of the step.
    """
    known = labelled(info, raw)
    if info.class_names:
        edges = (steps(raw.astype(np.float32)) > 0).astype(np.float32)
    else:
        scale = SCALES.get(info.name, lambda values: values)
        physical = raw.astype(np.float32) * info.scale + info.offset
        edges = np.sqrt(steps(scale(physical)))
    # The border of what is labelled is no edge.
    known = ~ndimage.binary_dilation(~known, np.ones((1, 3, 3)))
    edges = np.where(known, edges, 0)
    return _small(edges), _small(known.astype(np.float32)) > 0.5


def compare(edges: np.ndarray, labels: np.ndarray, known: np.ndarray) -> dict:
    """Measures how well label maps fit their images.

    Args:
      edges: the edges of the images, [N, S, S].
      labels, known: the results of `label_edges` for their label maps.

    Returns:
      `images`: how many could be compared; `own`: the mean correlation with the own
      image; `others`: with other images, `others_t`: Student's t of own - others;
      `arrangements`: by name, `mean` and the `t` of arranged - own. NaN of too few.
    """
    own = correlation(edges, labels, known)
    others = _others(edges, labels, known)
    usable = np.isfinite(own) & np.isfinite(others)
    arranged = {
        name: correlation(edges, change(labels), change(known))
        for name, change in ARRANGEMENTS.items()
    }
    return {
        "images": int(usable.sum()),
        "own": mean(own[usable]),
        "others": mean(others[usable]),
        "others_t": t_value((own - others)[usable]),
        "arrangements": {
            name: {"mean": mean(value), "t": t_value(value - own)}
            for name, value in arranged.items()
        },
    }


def correlation(first: np.ndarray, second: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns Pearson's correlation [N] of maps [N, S, S] where they are known.

    NaN where less than a tenth is known, or one of the two is flat.
    """
    weight = known.astype(np.float32)
    number = weight.sum(axis=(1, 2))
    a, b = (_centred(values, weight, number) for values in (first, second))
    product = (a * b).sum(axis=(1, 2))
    power = (a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2))
    usable = (number >= 0.1 * known[0].size) & (power > 1e-12)
    return np.where(usable, product / np.sqrt(np.where(usable, power, 1)), np.nan)


def _others(edges: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns the mean correlation [N] of each label map with a few other images."""
    number = len(edges)
    columns = []
    for shift in {shift % number for shift in SHIFTS} - {0}:
        other = np.roll(edges, shift, axis=0)
        everywhere = np.ones_like(known)
        alike = correlation(edges, other, everywhere) > ALIKE
        value = correlation(other, labels, known)
        columns.append(np.where(alike, np.nan, value))
    if not columns:
        return np.full(number, np.nan)
    values = np.stack(columns)
    counts = np.isfinite(values).sum(axis=0)
    total = np.nansum(values, axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _centred(values: np.ndarray, weight: np.ndarray, number: np.ndarray) -> np.ndarray:
    middle = (values * weight).sum(axis=(1, 2)) / np.maximum(number, 1)
    return (values - middle[:, None, None]) * weight


def steps(values: np.ndarray) -> np.ndarray:
    """Sums over channels the differences to the pixels below and to the right."""
    total = np.zeros(values.shape[:-1], np.float32)
    for channel in np.moveaxis(values, -1, 0):
        total[:, :-1] += np.abs(np.diff(channel, axis=1))
        total[:, :, :-1] += np.abs(np.diff(channel, axis=2))
    return total


def _small(maps: np.ndarray) -> np.ndarray:
    """Returns maps averaged to at most SIDE pixels and blurred a little."""
    if maps.shape[1] > SIDE:
        resized = tf.image.resize(maps[..., None], (SIDE, SIDE), "area")
        maps = resized.numpy()[..., 0]
    return ndimage.gaussian_filter(maps, (0, BLUR, BLUR), mode="nearest")
