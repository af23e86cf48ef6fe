"""Folders and files that flags name: expanded and made absolute, in this one place.

What a run is told is then found by it, and by those who read its settings later, from
whatever folder they are started in.
"""

import os
import pathlib
from collections.abc import Iterable

# The flags that name folders or files, of all commands.
FLAGS = frozenset(
    ("card_runs", "data_dir", "features_of", "gallery", "generators_from", "input")
    + (
        "manual_dir",
        "markdown",
        "oracle",
        "output",
        "pretrained",
        "report_dir",
        "runs",
        "saved_model",
    )
    + ("start_from", "workdir")
)
# Where `configs/` is, with its flag files.
PROGRAM = pathlib.Path(__file__).resolve().parents[2]
_NO_PATHS = frozenset({"", "-"})  # none, and a stream in the place of a file


def absolute(text: str) -> str:
    """Returns a path without `~`, from the root; addresses of other machines stay.

    DATASET=DIR, as --manual_dir of experiments has it, keeps its name.
    """
    name, equals, folder = text.partition("=")
    if equals and os.sep not in name and not os.path.exists(text):
        return f"{name}={absolute(folder)}"
    if text in _NO_PATHS or "://" in text:
        return text
    return os.path.abspath(os.path.expanduser(text))


def absolute_value(value: object) -> object:
    """Returns the value of a flag of paths, one or several, made absolute."""
    if isinstance(value, str):
        return absolute(value)
    if isinstance(value, list | tuple):
        return type(value)(map(absolute, value))
    return value


def flag_file(name: str, beside: Iterable[pathlib.Path] = ()) -> pathlib.Path:
    """Finds a flag file from the present folder, or from that of the program.

    Args:
      name: the name that was given.
      beside: further folders in which it may be.

    Raises:
      FileNotFoundError: it is in none of them; the message names them.
    """
    expanded = pathlib.Path(os.path.expanduser(name))
    folders = list(dict.fromkeys([pathlib.Path.cwd(), *beside, PROGRAM]))
    for folder in folders:
        if (folder / expanded).exists():
            return folder / expanded
    looked = "" if expanded.is_absolute() else f", looked for in {_joined(folders)}"
    raise FileNotFoundError(f"--flagfile={name}: there is no such file{looked}.")


def _joined(folders: Iterable[pathlib.Path]) -> str:
    return " and ".join(map(str, folders))
