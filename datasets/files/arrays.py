"""Reads arrays of NumPy (`.npy`) whose size is known, and bounded, before."""

import io
import math
from typing import NamedTuple

import numpy as np

from datasets.files import limits, regular
from datasets.files.damage import DamagedFile, Path

# More than the longest header that NumPy writes for arrays of numbers.
MOST_HEADER = 4096


class Form(NamedTuple):
    """What an array says of itself.

    Attributes:
      shape: its shape.
      dtype: the type of its numbers.
      begin: the number of bytes before them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    begin: int


def form_of(path: Path, head: bytes | None = None) -> Form:
    """Reads the header of an array.

    Args:
      path: the path of the file.
      head: the first bytes of the file, if they are read already.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is no array of numbers, or larger than what is read.
    """
    head = regular.contents(path) if head is None else head
    stream = io.BytesIO(head[:MOST_HEADER])
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(stream, max_header_size=MOST_HEADER)
    # The header is a text that is parsed as Python: it may be wrong in any way.
    except Exception as error:
        reason = str(error).splitlines() or [type(error).__name__]
        raise DamagedFile(path, f"no array of NumPy: {reason[0]}") from error
    if dtype.hasobject:
        raise DamagedFile(path, "no array of NumPy: it holds objects of Python")
    return Form(tuple(map(int, shape)), dtype, stream.tell())


def read(path: Path) -> np.ndarray:
    """Reads an array of numbers.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is no array of numbers, of another size than it says, or larger
        than what is read.
    """
    data = regular.contents(path)
    form = form_of(path, data)
    if len(form.shape) > 1:
        limits.check_size(path, *form.shape[:2])
    size, found = math.prod(form.shape) * form.dtype.itemsize, len(data) - form.begin
    if size > found:
        raise DamagedFile(
            path, f"truncated or damaged array: {size} bytes expected, found {found}"
        )
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:
        raise DamagedFile(path, f"truncated or damaged array: {error}") from error
