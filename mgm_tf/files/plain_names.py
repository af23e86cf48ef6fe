"""Paths for TensorFlow, which takes some characters of a name for a pattern."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

_OF_PATTERNS = frozenset("*?[]\\")


@contextlib.contextmanager
def plain(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a path of the same folder, as long as the context lasts, to read from.

    TensorFlow looks for a checkpoint by its name as a pattern: below `lr[0.001]` it
    finds nothing, below `run*` what another run has.
    """
    if _OF_PATTERNS.isdisjoint(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        link = pathlib.Path(place) / "folder"
        link.symlink_to(folder.resolve(), target_is_directory=True)
        yield link
