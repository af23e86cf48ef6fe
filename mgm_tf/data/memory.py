"""How much memory is left, of the machine and of what this process may take."""

import pathlib
from collections.abc import Iterator

# Names in files of Linux.
AVAILABLE, MEMORY = "MemAvailable", "memory"
PROC = pathlib.Path("/proc")
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def available() -> int | None:
    """Returns the bytes that can be taken without swapping; None if unknown.

    The least of what Linux thinks is available and of what is left below the limits of
    the control groups of this process (containers, batch systems).
    """
    limits = [left for left in (_of_machine(), *_of_groups()) if left is not None]
    return max(min(limits), 0) if limits else None


def _of_machine() -> int | None:
    for line in _lines(PROC / "meminfo"):
        name, _, value = line.partition(":")
        if name == AVAILABLE:
            return int(value.split()[0]) * 1024
    return None


def _of_groups() -> Iterator[int]:
    """Yields the bytes left in each control group that has a limit, version 2 or 1."""
    for line in _lines(PROC / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, used = CGROUPS, "memory.max", "memory.current"
        elif MEMORY in controllers.split(","):
            root = CGROUPS / "memory"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        # In a container the path may be that of the host: the root is its own group.
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(root):
                yield from _left(group, limit, used)


def _left(group: pathlib.Path, limit: str, used: str) -> Iterator[int]:
    most, taken = _number(group / limit), _number(group / used)
    if most is not None and taken is not None:
        # Files that were read count as used, but make room.
        statistics = dict(line.split() for line in _lines(group / "memory.stat"))
        yield most - taken + int(statistics.get("inactive_file", 0))


def _number(path: pathlib.Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None  # "max": no limit


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
