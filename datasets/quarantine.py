"""The frames that a build leaves out because a file of theirs is damaged or missing."""

import dataclasses
import json
import os
import threading

from etils import epath

from datasets.files import records

FILE_NAME = "quarantine.json"
_LISTED = 20


class TooManyDamaged(ValueError):
    """More frames are damaged than a build may leave out."""


class Quarantine:
    """A list of frames that are left out, which stops the build when they are too many.

    Attributes:
      path: the path of the list that `write` makes.
      max_damaged: the fraction of all frames that may be left out, 0.001 for 0.1 %.
      seen: the frames looked at, damaged or not; set by `check`.
      damaged: the frames that were left out: `name`, `file` and `reason`.
    """

    def __init__(self, path: str | os.PathLike, max_damaged: float):
        """Begins with an empty list; nothing is written yet.

        Raises:
          ValueError: the fraction is not in 0..1.
        """
        if not 0 <= max_damaged <= 1:
            raise ValueError(f"max_damaged is from 0 to 1; received {max_damaged}.")
        self.path = epath.Path(path)
        self.max_damaged = max_damaged
        self.seen = 0
        self.damaged: list[dict[str, str]] = []

    def __len__(self) -> int:
        return len(self.damaged)

    def add(self, name: str, file: str | os.PathLike, reason: str) -> None:
        """Notes that the frame `name` is left out because of `file`."""
        self.damaged.append({"name": name, "file": str(file), "reason": str(reason)})

    def check(self, seen: int) -> None:
        """Compares what was left out with the number of frames looked at.

        Raises:
          TooManyDamaged: it is more than `max_damaged` of them; the list is written.
        """
        self.seen = seen
        # A millionth of a frame for the rounding of the product.
        if len(self.damaged) <= self.max_damaged * seen + 1e-6:
            return
        self.write()
        listed = [f"  {row['name']}: {_told(row)}" for row in self._sorted()[:_LISTED]]
        more = len(self.damaged) - len(listed)
        listed += [f"  and {more} more"] * (more > 0)
        raise TooManyDamaged(
            f"{len(self.damaged)} of {seen} frames are damaged or lack a file; "
            f"--max_damaged={self.max_damaged:g} allows "
            f"{int(self.max_damaged * seen + 1e-6)}. All are listed in {self.path}:\n"
            + "\n".join(listed)
        )

    def write(self) -> None:
        """Writes the list as JSON: {"damaged": [{name, file, reason}, …], "seen": n}.

        Sorted by name, so that it is the same whatever the order of reading.
        """
        record = {"damaged": self._sorted(), "seen": self.seen}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: two writers must not write into the same file.
        part = self.path.with_name(
            f"{self.path.name}.{os.getpid()}-{threading.get_ident()}"
        )
        part.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        part.replace(self.path)

    def _sorted(self) -> list[dict[str, str]]:
        return sorted(self.damaged, key=lambda row: (row["name"], row["file"]))


@dataclasses.dataclass(frozen=True)
class _Listed:
    """What the file holds: the frames that were left out, and how many were seen."""

    damaged: tuple[dict[str, str], ...]
    seen: int = 0


def read(path: str | os.PathLike) -> list[dict[str, str]]:
    """Reads the rows (`name`, `file`, `reason`) of a list of `Quarantine.write`.

    No file is an empty list: not every data set can lose frames.

    Raises:
      ValueError: the file is not such a list.
    """
    file = epath.Path(path)
    if not file.exists():
        return []
    remedy = "Remove the data set and build it again."
    record = records.read(file, remedy)
    return list(records.build(_Listed, record, file, remedy=remedy).damaged)


def _told(row: dict[str, str]) -> str:
    return (
        row["reason"]
        if row["file"] in row["reason"]
        else f"{row['file']}: {row['reason']}"
    )
