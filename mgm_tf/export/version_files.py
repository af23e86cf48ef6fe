"""The files of a version of an exported model: whole, of one export at a time."""

import functools
import hashlib
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

from mgm_tf.errors import DamagedFile
from mgm_tf.files import lock, reading, tensorflow_files, whole

SUMS = pathlib.Path("assets.extra") / "sums.json"
DRAFTS = ".incomplete-"  # the beginning of the names of folders of drafts
PATIENCE = 600.0  # seconds for which another export into the same folder is waited for


def one_at_a_time(export: Callable[..., pathlib.Path]) -> Callable[..., pathlib.Path]:
    """Returns an export that waits for others into its folder, and sweeps it.

    The folder of the versions is the fifth argument. What killed exports have left in
    it is removed; what another has published meanwhile is found.
    """

    @functools.wraps(export)
    def alone(*arguments: Any, **options: Any) -> pathlib.Path:
        directory = pathlib.Path(options.get("directory") or arguments[4])
        with lock.held(directory, PATIENCE):
            for path in directory.glob(f"{DRAFTS}*"):
                shutil.rmtree(path)
            with whole.explained(directory / "export"), tensorflow_files.as_os_errors():
                return export(*arguments, **options)

    return alone


def seal(version: pathlib.Path) -> None:
    """Notes the sums of all files of a version, and has them written to the disk."""
    sums = {name: _sum(version / name) for name in _names(version)}
    for name in sums:
        whole.sync(version / name)
    whole.write_json(version / SUMS, sums)


def fault(version: pathlib.Path) -> str | None:
    """Returns what is wrong with the files of a version; None if they are whole."""
    path = version / SUMS
    try:
        sums = reading.read_json(path, remedy="")
    except FileNotFoundError:
        return f"{path} is missing, by which the files could be checked"
    except DamagedFile as error:
        return str(error).strip().removesuffix(".")
    names = _names(version)
    for name in sorted({*sums, *names}):
        if name not in names:
            return f"{version / name} is missing"
        if sums.get(name) != _sum(version / name):
            return f"{version / name} is not as it was exported"
    return None


def _names(version: pathlib.Path) -> list[str]:
    """Returns the names of all files but the sums, relative to the version."""
    return sorted(
        str(path.relative_to(version))
        for path in version.rglob("*")
        if path.is_file() and path != version / SUMS
    )


def _sum(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
