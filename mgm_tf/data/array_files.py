"""Arrays in a `.npz` file that is whole whenever it is there."""

import pathlib
from collections.abc import Mapping

import numpy as np


def save(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays to a `.npz` file, which gets its name when it is whole.

    A run may be stopped at any time, but never leaves half a file.
    """
    draft = path.with_name(f"draft.{path.name}")
    np.savez(draft, allow_pickle=False, **arrays)
    draft.replace(path)
