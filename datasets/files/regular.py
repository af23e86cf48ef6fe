"""Reads the contents of files, none of which can hang the program or fill its memory.

Only regular files are read: to open a named pipe waits for ever for somebody to write
into it, and a device may have no end. What is larger than expected is not read at all.
"""

import os
import stat

from etils import epath

from datasets.files.damage import DamagedFile, Path

# A file of an image or a map; with what is decoded of it (`limits`) below 1 GiB.
MOST_BYTES = 256 * 2**20
# A table or a record, all of which a person could have written.
MOST_TEXT = 64 * 2**20

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check(path: Path, most: int | None = MOST_BYTES) -> None:
    """Checks that there is a regular file of at most `most` bytes; None: of any size.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is something else, or larger.
    """
    if _is_remote(path):
        return
    _check_status(path, os.stat(path), most)


def contents(
    path: Path, most: int = MOST_BYTES, *, may_be_empty: bool = False
) -> bytes:
    """Returns the contents of a regular file of at most `most` bytes.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is something else, larger, or empty where it may not be.
    """
    if _is_remote(path):
        data = epath.Path(path).read_bytes()
    else:
        # Without waiting for a writer, should the path have become a pipe meanwhile.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_status(path, os.fstat(descriptor), most)
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(most + 1)
        finally:
            os.close(descriptor)
    if len(data) > most:
        raise DamagedFile(path, _too_large(len(data), most))
    if not (data or may_be_empty):
        raise DamagedFile(path, "the file is empty")
    return data


def _is_remote(path: Path) -> bool:
    return "://" in os.fspath(path)


def _check_status(path: Path, status: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "?")
        raise DamagedFile(path, f"expected a file, found {kind}")
    if most is not None and status.st_size > most:
        raise DamagedFile(path, _too_large(status.st_size, most))


def _too_large(size: int, most: int) -> str:
    return f"{size / 2**20:,.0f} MiB are more than the {most / 2**20:,.0f} MiB read"
