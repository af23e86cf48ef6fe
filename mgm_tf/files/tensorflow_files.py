"""Files that TensorFlow reads and writes: names that it can read, errors in words."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator

import tensorflow as tf

_OF_PATTERNS = frozenset("*?[]\\")
# The words come from the system; which kind of error they make varies.
_IN_WORDS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)
_ERRORS = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.NotFoundError: errno.ENOENT,
    tf.errors.PermissionDeniedError: errno.EACCES,
}


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


@contextlib.contextmanager
def as_os_errors() -> Iterator[None]:
    """Raises TensorFlow's errors of files as Python's."""
    try:
        yield
    except tf.errors.OpError as error:
        text = str(error.message).splitlines()[0]
        number = _ERRORS.get(type(error), errno.EIO)
        for known in _IN_WORDS:
            if os.strerror(known) in text:
                number = known
        raise OSError(number, text) from error
