"""The files of a folder: found without hanging, and with what was passed over.

Links are followed as long as they stay within the folder: one that leads out would read
what was not meant, and one to a folder that it is in would be followed for ever.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

from datasets.files import names, regular
from datasets.files.damage import DamagedFile

# What systems and storage put into folders by themselves, in lower case: Windows,
# macOS, Synology, QNAP, Linux. Thumbnails among them are images.
SYSTEM_NAMES = frozenset(
    ("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "iconcache.db")
    + ("$recycle.bin", "recycler", "recycled", "system volume information")
    + ("__macosx", "icon\r", "network trash folder", "temporary items")
    + ("thevolumesettingsfolder", "desktop db", "desktop df")
    + ("@eadir", "#recycle", "#snapshot", "@tmp", "@sharebin")
    + ("@__thumb", "@recycle", "@recently-snapshot", "lost+found")
)
# Links to folders that lead nowhere new could still be doubled on every level.
_MOST_LINKS = 1000
_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Unread:
    """A file or folder that is not read.

    Attributes:
      path: where it is.
      reason: why it is not read.
    """

    path: pathlib.Path
    reason: str

    def __str__(self) -> str:
        return f"{names.shown(self.path)}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
      files: the regular files in it and below, sorted.
      hidden: the hidden files and folders and those of the system, sorted.
      unread: links that are not followed, and what is neither file nor folder, sorted.
    """

    files: tuple[pathlib.Path, ...]
    hidden: tuple[pathlib.Path, ...]
    unread: tuple[Unread, ...]


def is_hidden(name: str) -> bool:
    """Returns whether a file or a folder of this name is passed over."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def walk(folder: pathlib.Path, within: pathlib.Path | None = None) -> Found:
    """Finds all files in a folder and below.

    Args:
      folder: the folder, which may be a link itself.
      within: the folder that links may not lead out of; None: `folder`.
    """
    return _Walk(folder, within or folder).found()


def passed_over(hidden: Sequence[pathlib.Path], folder: pathlib.Path) -> str:
    """Returns a sentence about hidden files, with their number; empty without any."""
    if not hidden:
        return ""
    shown = [names.shown(path.relative_to(folder)) for path in hidden[:_SHOWN]]
    more = f" and {len(hidden) - _SHOWN} more" * (len(hidden) > _SHOWN)
    return (
        f"Passed over as hidden or of the system ({len(hidden)}): "
        f"{', '.join(shown)}{more}."
    )


class _Walk:
    """One look through a folder."""

    def __init__(self, folder: pathlib.Path, within: pathlib.Path):
        self._folder = folder
        # Also what is linked from the outside is within itself.
        self._bounds = {os.path.realpath(within), os.path.realpath(folder)}
        self._files: list[pathlib.Path] = []
        self._hidden: list[pathlib.Path] = []
        self._unread: list[Unread] = []
        self._links = 0

    def found(self) -> Found:
        """Looks through the folder."""
        waiting = [(self._folder, frozenset({os.path.realpath(self._folder)}))]
        while waiting:
            waiting += self._folders_in(*waiting.pop())
        unread = sorted(self._unread, key=lambda each: each.path)
        return Found(
            tuple(sorted(self._files)), tuple(sorted(self._hidden)), tuple(unread)
        )

    def _folders_in(
        self, folder: pathlib.Path, around: frozenset[str]
    ) -> Iterator[tuple[pathlib.Path, frozenset[str]]]:
        """Yields the folders in one, with the real paths of those around each."""
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._unread.append(Unread(folder, _why(error)))
            return
        for entry in listed:
            path = folder / entry.name
            if is_hidden(entry.name):
                self._hidden.append(path)
                continue
            try:
                reason = self._why_not_followed(path, around, entry.is_symlink())
                if reason:
                    self._unread.append(Unread(path, reason))
                elif entry.is_dir():
                    yield path, around | {os.path.realpath(path)}
                else:
                    regular.check(path, most=None)
                    self._files.append(path)
            except DamagedFile as error:
                self._unread.append(Unread(path, error.reason))
            except OSError as error:
                self._unread.append(Unread(path, _why(error)))

    def _why_not_followed(
        self, path: pathlib.Path, around: frozenset[str], is_link: bool
    ) -> str:
        """Returns why a link is not followed; empty if it is, or is none."""
        if not is_link:
            return ""
        target = os.path.realpath(path, strict=True)
        if not any(_is_below(target, bound) for bound in self._bounds):
            return (
                f"a link out of the folder, to {names.shown(target)}, is not followed; "
                "put a copy here, or what it leads to"
            )
        if not os.path.isdir(target):
            return ""
        if target in around:
            return "a link to a folder that it is in is not followed"
        self._links += 1
        if self._links > _MOST_LINKS:
            return f"more than {_MOST_LINKS} links to folders are not followed"
        return ""


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _why(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
