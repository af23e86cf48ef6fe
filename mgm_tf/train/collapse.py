"""Signs that G or D has collapsed, which no loss that is finite tells by itself.

They are warned of; what helps is for a person to say: other learning rates, a longer
stage 2, `--discriminator_augmentation`, `--instance_noise`.
"""

from collections.abc import Mapping

import numpy as np

# Interpretation: the hinge losses of a D that says 0 of everything are 1 and 1; of one
# that is sure of everything, 0 and 0.
_OF_D = ("discriminate/real", "discriminate/synthesized")
BLIND, SURE = 1e-3, 1e-3
PATIENCE = 3  # times in a row that losses are looked at
ALIKE = 1.0  # of 255: the deviation of images that are one image


class Adversaries:
    """A look at the mean losses of D, each time that they are written."""

    def __init__(self) -> None:
        self._times = 0
        self._last = ""

    def __call__(self, losses: Mapping[str, float]) -> str:
        """Returns a warning, the third time in a row that there is cause; else ""."""
        words = _words(losses)
        self._times = self._times + 1 if words and words == self._last else bool(words)
        self._last = words
        return words if self._times == PATIENCE else ""


def _words(losses: Mapping[str, float]) -> str:
    pair = np.array([losses[name] for name in _OF_D if name in losses])
    if not pair.size:
        return ""
    if (np.abs(pair - 1.0) < BLIND).all():
        return "D says the same of real and of synthesized images: it has collapsed."
    if (pair < SURE).all():
        return "D is sure of every image: G has nothing to learn from it."
    return ""


def of_generator(images: np.ndarray) -> str:
    """Returns a warning if G makes the same image of all noise; else "".

    Args:
      images: synthesized images, uint8 [rows, columns, H, W, 3]; of the columns of a
        row only the latent vectors differ.
    """
    if images.shape[1] < 2:
        return ""
    deviation = images.astype(np.float32).std(axis=1).mean()
    if deviation >= ALIKE:
        return ""
    return (
        f"G makes the same image of all noise (a deviation of {deviation:.2f} of 255): "
        "it has collapsed."
    )
