"""KID: how far a set of synthesized images is from real ones, in features of both.

Binkowski et al., "Demystifying MMD GANs" (2018): the squared maximum mean discrepancy
with a cubic kernel. Unlike FID it is unbiased, so that sets of different sizes, small
ones too, can be compared; it may come out below 0.
"""

import numpy as np


def kernel_distance(real: np.ndarray, made: np.ndarray) -> float:
    """The unbiased estimate of the squared MMD with k(x, y) = (x . y / d + 1)^3.

    Args:
      real: features [n, d].
      made: features [m, d].

    Raises:
      ValueError: the features are not of the same length, or a set has fewer than two.
    """
    _check(real, made, least=2)
    real, made = np.asarray(real, np.float64), np.asarray(made, np.float64)
    between = _kernel(real, made).mean()
    return float(_mean_of_pairs(real) + _mean_of_pairs(made) - 2 * between)


def in_subsets(
    real: np.ndarray, made: np.ndarray, subsets: int, size: int, seed: int
) -> tuple[float, float]:
    """The mean and the standard deviation of the distance over random subsets.

    Args:
      real: features [n, d].
      made: features [m, d].
      subsets: how many.
      size: of each, drawn from both sets without repetition; 1000 is usual.
      seed: of the draws.

    Raises:
      ValueError: there is no subset, one has fewer than two features or more than there
        are, or the features are not of the same length.
    """
    if subsets < 1 or size < 2:
        raise ValueError(
            f"Expected at least 1 subset of at least 2; received {subsets} of {size}."
        )
    _check(real, made, least=size)
    generator = np.random.default_rng(seed)

    def some(features):
        return features[generator.choice(len(features), size, replace=False)]

    found = [kernel_distance(some(real), some(made)) for _ in range(subsets)]
    return float(np.mean(found)), float(np.std(found))


def _check(real: np.ndarray, made: np.ndarray, least: int) -> None:
    shapes = np.shape(real), np.shape(made)
    if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"Expected features [n, d] and [m, d]; received {shapes}.")
    if min(len(real), len(made)) < least:
        raise ValueError(
            f"Expected at least {least} images in both sets; received {len(real)} real "
            f"and {len(made)} synthesized ones."
        )


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _mean_of_pairs(features: np.ndarray) -> float:
    """The mean of the kernel over pairs of different rows."""
    kernel = _kernel(features, features)
    number = len(features)
    return (kernel.sum() - np.trace(kernel)) / (number * (number - 1))
