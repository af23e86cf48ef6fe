"""Remembers what a data set was made from, to tell when the folder has changed."""

import hashlib
import json
import os
import pathlib

from datasets.folder.contents import Contents, scan
from datasets.folder.problems import listed

FILE_NAME = "source.json"
_CHUNK = 1 << 20


def remember(path: pathlib.Path, contents: Contents) -> None:
    """Writes size, time and SHA-256 of every file that the data set is made from."""
    record = {
        "folder": str(contents.folder.resolve()),
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
      ValueError: the folder has another layout.
    """
    files = json.loads(path.read_text())["files"]
    now = {}
    # Its problems are none of a data set that is built: they show as differences.
    contents, _ = scan(folder)
    for file in contents.files():
        now[contents.relative(file)] = file
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


def _changed(file: pathlib.Path, remembered: dict) -> bool:
    state = _state(file)
    if state["size"] != remembered["size"]:
        return True
    return state["time"] != remembered["time"] and _digest(file) != remembered["sha256"]


def _state(file: pathlib.Path) -> dict:
    status = os.stat(file)
    return {"size": status.st_size, "time": status.st_mtime_ns}


def _digest(file: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
