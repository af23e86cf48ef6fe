"""The kernel distance (KID) of synthesized images to real ones, in features of both.

Binkowski et al., "Demystifying MMD GANs" (2018): the squared maximum mean discrepancy
with a cubic kernel. Unlike FID it is unbiased, so that sets of different sizes, small
ones too, can be compared; it may come out below 0.
"""

import numpy as np


def kernel_distance(real: np.ndarray, synthesized: np.ndarray) -> float:
    """Estimates the squared MMD with k(x, y) = (x . y / d + 1)^3, without bias.

    Args:
      real: the features of real images, [n, d].
      synthesized: the features of synthesized images, [m, d].

    Raises:
      ValueError: the features are not of the same length, or a set has fewer than two.
    """
    _check(real, synthesized, least=2)
    real = np.asarray(real, np.float64)
    synthesized = np.asarray(synthesized, np.float64)
    # MMD^2_u: the mean over pairs within each set, less twice that between the sets.
    within = _mean_of_pairs(real) + _mean_of_pairs(synthesized)
    return float(within - 2 * _kernel(real, synthesized).mean())


def in_subsets(
    real: np.ndarray, synthesized: np.ndarray, subsets: int, size: int, seed: int
) -> tuple[float, float]:
    """Computes the mean and the standard deviation of KID over random subsets.

    Args:
      real: the features of real images, [n, d].
      synthesized: the features of synthesized images, [m, d].
      subsets: the number of subsets.
      size: the number of images in a subset, drawn from both sets without repetition;
        1000 is usual.
      seed: the seed of the subsets.

    Raises:
      ValueError: there is no subset, one has fewer than two features or more than there
        are, or the features are not of the same length.
    """
    if subsets < 1 or size < 2:
        raise ValueError(
            f"Expected at least 1 subset of at least 2; received {subsets} of {size}."
        )
    _check(real, synthesized, least=size)
    generator = np.random.default_rng(seed)

    def subset(features: np.ndarray) -> np.ndarray:
        return features[generator.choice(len(features), size, replace=False)]

    distances = [
        kernel_distance(subset(real), subset(synthesized)) for _ in range(subsets)
    ]
    return float(np.mean(distances)), float(np.std(distances))


def _check(real: np.ndarray, synthesized: np.ndarray, least: int) -> None:
    shapes = np.shape(real), np.shape(synthesized)
    if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"Expected features [n, d] and [m, d]; received {shapes}.")
    if min(len(real), len(synthesized)) < least:
        raise ValueError(
            f"Expected at least {least} images in both sets; received {len(real)} real "
            f"and {len(synthesized)} synthesized ones."
        )


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _mean_of_pairs(features: np.ndarray) -> float:
    """Computes the mean of the kernel over pairs of different rows."""
    kernel = _kernel(features, features)
    number = len(features)
    return (kernel.sum() - np.trace(kernel)) / (number * (number - 1))
