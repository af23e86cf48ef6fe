"""Files that are whole whenever they are there, whatever stops the program.

A file is written under another name, synced, and then given its own; its folder is
synced as well. What may pass, such as a full disk, is waited for.
"""

import contextlib
import errno
import functools
import io
import json
import os
import pathlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image

from mgm_tf.errors import NotWritten

WAITS = [0.5, 2.0, 8.0]  # seconds before a write that failed is tried again
# The ends of the names of drafts, which a process that was killed leaves behind.
DRAFT = ".part"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PASSING = _FULL | {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ESTALE}
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV})
_OF_THE_NAME = frozenset({errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTEMPTY})
_MIB = 2**20

Result = TypeVar("Result")


def write(
    path: pathlib.Path, fill: Callable[[IO[bytes]], object], need: int = 0
) -> None:
    """Writes a file, which gets its name when it is whole and on the disk.

    Args:
      path: the file.
      fill: writes the contents into a file that is open; called again where a write is
        tried again.
      need: the size in bytes, as far as it is known.

    Raises:
      NotWritten: it cannot be written; what was there is as it was.
    """
    retried(path, functools.partial(_write, path, fill), need)


def _write(path: pathlib.Path, fill: Callable[[IO[bytes]], object]) -> None:
    # The name does not hold that of the file, which may be as long as names can be.
    draft = path.with_name(f".{os.getpid()}-{threading.get_ident()}{DRAFT}")
    try:
        with draft.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


def write_bytes(path: pathlib.Path, contents: bytes) -> None:
    """Writes a file of these bytes; raises `NotWritten`."""
    write(path, lambda file: file.write(contents), len(contents))


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a file of UTF-8 text; raises `NotWritten`."""
    write_bytes(path, text.encode())


def write_json(path: pathlib.Path, value: object) -> None:
    """Writes a value as indented JSON; raises `NotWritten`."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays to a `.npz` file; raises `NotWritten`."""
    need = sum(np.asarray(array).nbytes for array in arrays.values())
    write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), need)


def write_picture(path: pathlib.Path, pixels: np.ndarray, **options: Any) -> None:
    """Writes a picture, uint8 [H, W] or [H, W, 3], as PNG; raises `NotWritten`."""
    contents = io.BytesIO()
    Image.fromarray(pixels).save(contents, "PNG", **options)
    write_bytes(path, contents.getvalue())


def make_folder(path: pathlib.Path, *, parents: bool = True) -> None:
    """Makes a folder unless it is there; raises `NotWritten`.

    Args:
      path: the folder.
      parents: whether to make the folders above it as well.
    """
    retried(path, lambda: path.mkdir(parents=parents, exist_ok=True))


def sync(path: pathlib.Path) -> None:
    """Has the contents of a file written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: pathlib.Path) -> None:
    """Has the names in a folder written to the disk."""
    # Some file systems cannot, and need not.
    with contextlib.suppress(OSError):
        sync(folder)


def sweep(folder: pathlib.Path) -> None:
    """Removes the drafts that killed processes have left in a folder of one writer."""
    for path in folder.glob(f".*{DRAFT}"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def retried(path: pathlib.Path, act: Callable[[], Result], need: int = 0) -> Result:
    """Returns `act()`, tried again after a while if what is wrong may pass.

    Args:
      path: what is written, for the message.
      act: writes it, or raises an `OSError` and leaves things as they were.
      need: its size in bytes, as far as it is known.

    Raises:
      NotWritten: it did not pass.
    """
    for wait in WAITS:
        try:
            return act()
        except OSError as error:
            if error.errno in _OF_THE_NAME:
                raise  # Of this one file, and not of the storage.
            if error.errno not in _PASSING:
                raise _explained(path, error, need) from error
            print(
                f"{_reason(path, error, need)} Trying again in {wait:g} s.",
                file=sys.stderr,
                flush=True,
            )
            time.sleep(wait)
    try:
        return act()
    except OSError as error:
        raise _explained(path, error, need) from error


@contextlib.contextmanager
def explained(path: pathlib.Path) -> Iterator[None]:
    """Says of a failure to write in the context what it is, as `write` does.

    Raises:
      NotWritten: something cannot be written.
    """
    try:
        yield
    except NotWritten:
        raise
    except OSError as error:
        raise _explained(path, error, 0) from error


def _explained(path: pathlib.Path, error: OSError, need: int) -> NotWritten:
    remedy = "Make it writable"
    if error.errno in _FULL:
        remedy = "Make room"
    elif error.errno in _GONE:
        remedy = "Bring the folder back"
    return NotWritten(
        f"{_reason(path, error, need)} {remedy}, then give the same command again."
    )


def _reason(path: pathlib.Path, error: OSError, need: int) -> str:
    if error.errno in _FULL:
        needed = f" and {need / _MIB:.1f} MiB are needed" if need else ""
        reason = f"the disk is full: {_free(path)} are free{needed}"
    elif error.errno in _FORBIDDEN:
        reason = f"{path.parent} is read-only for this user"
    elif error.errno in _GONE:
        reason = f"the folder {path.parent} is gone"
    else:
        reason = str(error.strerror or error)
    return f"{path} cannot be written: {reason}."


def _free(path: pathlib.Path) -> str:
    try:
        return f"{shutil.disk_usage(path.parent).free / _MIB:.1f} MiB"
    except OSError:
        return "0 MiB"
