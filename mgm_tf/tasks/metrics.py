"""Metrics of dense prediction, exact over a whole set whatever the batch size.

Each task has a pair of pure functions: `*_statistics` gives sums over the labelled
pixels of one batch (float64 tensors, so that they can be added over batches and
replicas), `*_summary` turns the sums of the set into numbers. A set without one
labelled pixel has nan everywhere.
"""

import numpy as np
import tensorflow as tf

Statistics = dict[str, tf.Tensor]
Sums = dict[str, np.ndarray]
Summary = dict[str, float]

DELTAS = {"delta_1": 1.25, "delta_2": 1.25**2, "delta_3": 1.25**3}
WITHIN = {"within_11.25": 11.25, "within_22.5": 22.5, "within_30": 30.0}

# The median angle is read from a histogram: a bin is 0.0007 degrees wide and stands for
# its centre, so the median of a set is off by at most 0.00035 degrees.
ANGLE_BINS = 2**18
BIN_DEGREES = 180.0 / ANGLE_BINS


def ratio(sums: np.ndarray | float, number: np.ndarray | float) -> float:
    """Returns sums / number; nan for a number of 0."""
    return float(sums) / float(number) if number else float("nan")


def _sum(values: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Returns the float64 sum of `values` [N, H, W] over the labelled pixels."""
    values = tf.cast(values, tf.float64)
    return tf.reduce_sum(tf.where(valid, values, tf.zeros_like(values)))


def _counts(numbers: tf.Tensor, valid: tf.Tensor, bins: int) -> tf.Tensor:
    """Counts each of 0..bins-1 in the labelled pixels, [bins]."""
    kept = tf.where(valid, tf.cast(numbers, tf.int32), -1)  # -1 is left out
    ones = tf.ones_like(kept, dtype=tf.float64)
    return tf.math.unsorted_segment_sum(ones, kept, bins)


def pixel_statistics(values: tf.Tensor, valid: tf.Tensor, name: str) -> Statistics:
    """Returns the sum of a map [N, H, W], as `name`, and the number of pixels."""
    return {name: _sum(values, valid), "pixels": _sum(tf.ones_like(values), valid)}


def mean_summary(sums: Sums, name: str) -> Summary:
    """Returns the mean over the labelled pixels of what was summed as `name`."""
    return {name: ratio(sums[name], sums["pixels"])}


def unmasked_statistics(values: tf.Tensor) -> Statistics:
    """Returns the sum of a map [N, H, W], labelled or not, and the number of pixels."""
    everywhere = tf.ones_like(values, tf.bool)
    sums = pixel_statistics(values, everywhere, "loss")
    return {f"unmasked_{name}": value for name, value in sums.items()}


def unmasked_summary(sums: Sums) -> Summary:
    """Returns the mean over all pixels."""
    return {"loss_unmasked": ratio(sums["unmasked_loss"], sums["unmasked_pixels"])}


def segmentation_statistics(
    predicted: tf.Tensor, target: tf.Tensor, valid: tf.Tensor, classes: int
) -> Statistics:
    """Counts the confusion matrix: row = labelled class, column = predicted class.

    Args:
      predicted: the predicted class numbers, [N, H, W].
      target: the labelled class numbers, [N, H, W]; anything where not valid.
      valid: where there is a label, [N, H, W] booleans.
      classes: the number of classes C.
    """
    pairs = tf.cast(target, tf.int32) * classes + tf.cast(predicted, tf.int32)
    counts = _counts(pairs, valid, classes * classes)
    return {"confusion": tf.reshape(counts, [classes, classes])}


def segmentation_summary(sums: Sums) -> Summary:
    """Returns mean intersection over union (mIoU) and pixel accuracy.

    `miou` is the mean over classes that occur in labels or predictions (union > 0).
    `miou_tp` is AdaShare's rule, which the paper follows: the mean over classes with at
    least one pixel right, 0 if there is none.
    """
    confusion = np.asarray(sums["confusion"], np.float64)
    # Of class c: the intersection n_cc, the union sum_i n_ic + sum_i n_ci - n_cc.
    right = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    pixels = confusion.sum()
    # The sum over all classes: one without a right pixel adds nothing to it.
    total = np.divide(right, union, out=np.zeros_like(right), where=union > 0).sum()
    # Nothing right is a mean of 0, nothing labelled none at all.
    some_right = max(float(np.count_nonzero(right)), float(pixels > 0))
    return {
        "miou": ratio(total, float(np.count_nonzero(union))),
        "miou_tp": ratio(total, some_right),
        "pixel_accuracy": ratio(right.sum(), pixels),
    }


def depth_statistics(
    predicted: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
) -> Statistics:
    """Returns sums for `depth_summary` from metres [N, H, W]; targets are above 0."""
    target = tf.where(valid, target, tf.ones_like(target))
    error = tf.abs(predicted - target)
    # A depth that is not positive is behind the camera, further off than any factor.
    factor = tf.where(
        predicted > 0,
        tf.maximum(predicted / target, tf.math.divide_no_nan(target, predicted)),
        tf.fill(tf.shape(predicted), tf.constant(np.inf, predicted.dtype)),
    )
    return {
        "pixels": _sum(tf.ones_like(error), valid),
        "absolute": _sum(error, valid),
        "relative": _sum(error / target, valid),
        "squared": _sum(tf.square(error), valid),
        **{name: _sum(factor < limit, valid) for name, limit in DELTAS.items()},
    }


def depth_summary(sums: Sums) -> Summary:
    """Returns errors (absolute and RMSE in m), and shares of max(p/g, g/p) < 1.25^k."""
    pixels = sums["pixels"]
    return {
        "absolute_error": ratio(sums["absolute"], pixels),
        "relative_error": ratio(sums["relative"], pixels),
        "rmse": ratio(sums["squared"], pixels) ** 0.5,
        **{name: ratio(sums[name], pixels) for name in DELTAS},
    }


def angle(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the angle in radians between vectors [..., 3]; pi/2 to a zero vector.

    By the arc tangent: a float32 arc cosine is off by up to 0.02 degrees near 0.
    """
    sine = tf.norm(tf.linalg.cross(first, second), axis=-1)
    cosine = tf.reduce_sum(first * second, axis=-1)
    nothing = tf.logical_and(tf.equal(sine, 0), tf.equal(cosine, 0))
    return tf.where(nothing, tf.fill(tf.shape(sine), np.pi / 2), tf.atan2(sine, cosine))


def paper_coded(vectors: tf.Tensor) -> tf.Tensor:
    """Returns vectors [..., 3] as AdaShare codes them: to [0, 1], in its axes.

    Args:
      vectors: in the axes of this program, x right, y up, z towards the camera.
    """
    # Interpretation: the paper's .25-.34 are angles in radians between vectors that are
    # coded to [0, 1] ("following Sun et al. (2019) we [...] standardize the normal
    # ground-truth to (0, 1)", appendix B); true angles are more than twice that. An
    # angle between coded vectors depends on the axes: they are those of Sun et al.
    # (AdaShare), as its published frames have them: x right, y away from the camera,
    # z up. There the mean coded vector has .331, the paper's networks .255-.337.
    x, y, z = tf.unstack(vectors, axis=-1)
    return (tf.stack([x, -z, y], axis=-1) + 1) / 2


def normals_statistics(
    predicted: tf.Tensor, target: tf.Tensor, valid: tf.Tensor
) -> Statistics:
    """Returns sums for `normals_summary`.

    Args:
      predicted: the predicted vectors on the scale -1..1, of any length, as the network
        gives them, [N, H, W, 3].
      target: the labelled unit vectors, [N, H, W, 3]; anything where not valid.
      valid: where there is a label, [N, H, W] booleans.
    """
    degrees = angle(predicted, target) * (180 / np.pi)
    # Interpretation: AdaShare takes the cosine of what the network gives, coded, and
    # makes no unit vector of it before. True angles do not depend on the length.
    coded = angle(paper_coded(predicted), paper_coded(target))
    bins = tf.minimum(tf.cast(degrees / BIN_DEGREES, tf.int32), ANGLE_BINS - 1)
    return {
        "pixels": _sum(tf.ones_like(degrees), valid),
        "coded_radians": _sum(coded, valid),
        "degrees": _sum(degrees, valid),
        "histogram": _counts(bins, valid, ANGLE_BINS),
        **{name: _sum(degrees < limit, valid) for name, limit in WITHIN.items()},
    }


def normals_summary(sums: Sums) -> Summary:
    """Returns `mad` (radians, see `paper_coded`), degrees, shares within limits.

    `mad` is the mean angular distance of table 2 (SN-mAD). The degrees are the true
    angles between directions.
    """
    pixels = sums["pixels"]
    return {
        "mad": ratio(sums["coded_radians"], pixels),
        "mean_degrees": ratio(sums["degrees"], pixels),
        "median_degrees": _median(np.asarray(sums["histogram"])),
        **{name: ratio(sums[name], pixels) for name in WITHIN},
    }


def _median(histogram: np.ndarray) -> float:
    """Returns the median in degrees: the mean of the two middle angles, or the one."""
    upto = np.cumsum(histogram)
    number = int(upto[-1])
    middle = np.array([(number + 1) // 2, number // 2 + 1])  # counted from 1
    bins = np.searchsorted(upto, middle)
    median = float(np.mean(bins + 0.5) * BIN_DEGREES)
    return median if number else float("nan")
