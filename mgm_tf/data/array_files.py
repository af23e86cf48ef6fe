"""Arrays in a file that is whole whenever it is there."""

import pathlib
from collections.abc import Mapping

import numpy as np


def save(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a `.npz` file, under its name when it is whole: a run may be stopped."""
    draft = path.with_name(f"draft.{path.name}")
    np.savez(draft, allow_pickle=False, **arrays)
    draft.replace(path)
