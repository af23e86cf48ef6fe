"""Files to which lines of JSON are appended; a torn last line is mended."""

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import IO, Any

from mgm_tf.errors import DamagedFile
from mgm_tf.files import whole

Record = dict[str, Any]


def append(path: pathlib.Path, record: Mapping[str, Any]) -> None:
    """Appends an object as a line, on the disk when this returns.

    Raises:
      NotWritten: it cannot be written; the file is as it was.
    """
    line = json.dumps(record).encode() + b"\n"
    whole.retried(path, lambda: _append(path, line), len(line))


def _append(path: pathlib.Path, line: bytes) -> None:
    with path.open("a+b") as file:
        size = _mend(file)
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            # Closing would try to write the rest of it once more.
            os.ftruncate(file.fileno(), size)
            raise


def _mend(file: IO[bytes]) -> int:
    """Removes a last line that is torn, or ends one; returns the size of the file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) in (b"", b"\n"):
        return size
    file.seek(0)
    contents = file.read()
    begin = contents.rfind(b"\n") + 1
    if _is_record(contents[begin:]):
        file.write(b"\n")
        file.flush()
        return size + 1
    file.truncate(begin)
    return begin


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def read(path: pathlib.Path, *, remedy: str = "") -> list[Record]:
    """Reads the objects of a file, which need not be there.

    A last line that a killed process has left unfinished is passed over.

    Args:
      path: the file.
      remedy: what a person can do if the file is damaged, a sentence.

    Raises:
      DamagedFile: another line is no object.
    """
    records, broken = _parsed(path)
    if broken:
        raise DamagedFile(
            f"{path}, line {broken[0]}: expected an object of JSON, found something "
            f"else. {remedy}".strip()
        )
    return records


def readable(path: pathlib.Path) -> list[Record]:
    """Returns the objects of a file as far as there are any."""
    return _parsed(path)[0]


def rewind(path: pathlib.Path, keep: Callable[[Record], bool]) -> None:
    """Removes the lines that are not to be kept, and whatever is no object.

    Raises:
      NotWritten: it cannot be written; the file is as it was.
    """
    records, _ = _parsed(path)
    text = "".join(json.dumps(record) + "\n" for record in records if keep(record))
    if path.exists() and path.read_bytes() != text.encode():
        whole.write_text(path, text)


def broken(path: pathlib.Path) -> list[int]:
    """Returns the numbers of the lines that are no objects, but for a torn last."""
    return _parsed(path)[1]


def _parsed(path: pathlib.Path) -> tuple[list[Record], list[int]]:
    """Returns the records, and the numbers of the lines that are none."""
    lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
    *ended, last = lines
    records = [json.loads(line) for line in lines if _is_record(line)]
    wrong = [n for n, line in enumerate(ended, 1) if not _is_record(line)]
    return records, wrong
