"""Small files read again; what cannot be read is named, with what was expected."""

import json
import pathlib
import zipfile
from typing import Any

import numpy as np

from mgm_tf.errors import DamagedFile

_NAMES: dict[type, str] = {dict: "an object", list: "a list"}


def read_json(path: pathlib.Path, kind: type = dict, *, remedy: str) -> Any:
    """Reads a file of JSON.

    Args:
      path: the file.
      kind: the type of the value: dict or list.
      remedy: what a person can do if the file is damaged, a sentence.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is no JSON, or of another type.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except IsADirectoryError:
        raise _damaged(path, _NAMES[kind], "a folder", remedy) from None
    except ValueError as error:
        found = f"what is no JSON: {error}" if path.stat().st_size else "an empty file"
        raise _damaged(path, _NAMES[kind], found, remedy) from error
    if not isinstance(value, kind):
        raise _damaged(path, _NAMES[kind], type(value).__name__, remedy)
    return value


def read_arrays(path: pathlib.Path, *, remedy: str) -> dict[str, np.ndarray]:
    """Reads all arrays of a `.npz` file.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is no such file, or not whole.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise _damaged(path, "arrays", "a folder", remedy) from None
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise _damaged(path, "arrays", str(error) or "nothing", remedy) from error


def _damaged(path: pathlib.Path, expected: str, found: str, remedy: str) -> DamagedFile:
    return DamagedFile(f"{path}: expected {expected}, found {found}. {remedy}")
