"""Reads `--flagfile=NAME`: in whatever encoding a person saved it, or with its name.

By itself absl takes a byte order mark for a word and ends in a traceback for UTF-16.
The form is absl's: a flag a line, lines that begin with # or // are comments, and a
flag file may name others.
"""

import pathlib
import re
from collections.abc import Sequence

from datasets.files import text
from mgm_tf.config import paths

_FLAG = re.compile(r"--?flagfile(?:=(?P<name>.*))?", re.DOTALL)
_COMMENTS = ("#", "//")
_END_OF_FLAGS = frozenset({"--"})


def expanded(arguments: Sequence[str]) -> list[str]:
    """Returns arguments with the lines of flag files in the place of `--flagfile`.

    Raises:
      FileNotFoundError: there is no such file; the message says where it was sought.
      ValueError: it is no text of UTF-8, or names itself.
    """
    return _expanded(list(arguments), ())


def _expanded(arguments: list[str], around: tuple[pathlib.Path, ...]) -> list[str]:
    result: list[str] = []
    place = 0
    while place < len(arguments):
        argument = arguments[place]
        place += 1
        match = _FLAG.fullmatch(argument)
        if argument in _END_OF_FLAGS:
            return [*result, *arguments[place - 1 :]]
        if match is None:
            result.append(argument)
            continue
        name = match["name"]
        if name is None:
            name = arguments[place] if place < len(arguments) else ""
            place += 1
        result += _lines(name.strip("\"'"), around)
    return result


def _lines(name: str, around: tuple[pathlib.Path, ...]) -> list[str]:
    """Returns the flags of a file, with those of the files that it names."""
    if not name:
        raise ValueError("--flagfile: expected the name of a file.")
    path = paths.flag_file(name, beside=[each.parent for each in around[-1:]])
    if path.resolve() in around:
        raise ValueError(f"{path}: this flag file names itself.")
    lines = [line.strip() for line in text.read(path).splitlines()]
    flags = [line for line in lines if line and not line.startswith(_COMMENTS)]
    strangers = [line for line in flags if not line.startswith("-")]
    if strangers:
        raise ValueError(
            f"{path}: expected a flag a line, such as --image_size=64, found "
            f"{strangers[0]!r}."
        )
    return _expanded(flags, (*around, path.resolve()))
