"""Remembers what a data set was made from, to tell when the folder has changed."""

import dataclasses
import hashlib
import json
import os
import pathlib

from datasets.files import names, records
from datasets.folder.contents import Contents, scan
from datasets.folder.problems import listed

FILE_NAME = "source.json"
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class State:
    """What tells a file from what it was.

    Attributes:
      size: its length in bytes.
      time: when it was last changed, in nanoseconds.
      sha256: the hash of its contents.
    """

    size: int
    time: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Source:
    """What a data set was made from.

    Attributes:
      folder: the folder, as it was called then.
      files: the state of every file, by its path in the folder.
    """

    folder: str
    files: dict[str, State]


def remember(path: pathlib.Path, contents: Contents) -> None:
    """Writes size, time and SHA-256 of every file that the data set is made from."""
    record = {
        "folder": names.shown(contents.folder.resolve()),
        "files": {
            contents.relative(file): _state(file) | {"sha256": _digest(file)}
            for file in contents.files()
        },
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def states(contents: Contents) -> dict[str, dict]:
    """Returns size and time of every file."""
    return {contents.relative(file): _state(file) for file in contents.files()}


def differences(path: pathlib.Path, folder: pathlib.Path) -> str:
    """Returns what differs between the folder and the remembered one; may be empty.

    A file of another time is the same if its contents are: folders may be copied.

    Raises:
      ValueError: the folder has another layout, or what was remembered is damaged.
    """
    remedy = f"Remove {path.parent} and build it again."
    record = records.read(path, remedy)
    files = records.build(Source, record, path, remedy=remedy).files
    now = {}
    # Its problems are none of a data set that is built: they show as differences.
    contents, _ = scan(folder)
    for file in contents.files():
        now[contents.relative(file)] = file
    # Remembered before names were compared in one form of Unicode.
    files = {names.shown(names.composed(name)): state for name, state in files.items()}
    kinds = {
        "new": [name for name in now if name not in files],
        "gone": [name for name in files if name not in now],
        "changed": [
            name for name in now if name in files and _changed(now[name], files[name])
        ],
    }
    return "; ".join(
        f"{kind}: {listed(sorted(names))}" for kind, names in kinds.items() if names
    )


def _changed(file: pathlib.Path, remembered: State) -> bool:
    state = _state(file)
    if state["size"] != remembered.size:
        return True
    return state["time"] != remembered.time and _digest(file) != remembered.sha256


def _state(file: pathlib.Path) -> dict:
    status = os.stat(file)
    return {"size": status.st_size, "time": status.st_mtime_ns}


def _digest(file: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
