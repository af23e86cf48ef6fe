"""What a report shows besides numbers."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture, or a sentence where there is none.

    Attributes:
      title: short.
      text: what is to be seen, for those who cannot see it; or why there is nothing.
      svg: the drawing as a file, or empty.
      pixels: uint8 [H, W, 3], or None.
    """

    title: str
    text: str
    svg: str = ""
    pixels: np.ndarray | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether there is a picture."""
        return bool(self.svg) or self.pixels is not None
