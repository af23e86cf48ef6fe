"""Divides images into train, validation and test where `splits.csv` does not."""

import hashlib
from collections.abc import Iterable, Mapping

# Of the images with label maps; the same for validation and for test.
HELD_OUT = 0.1
LABELLED_SPLITS = ("train", "validation", "test")
_SEED = "mgm_tf folder 0"


def by_hash(tasks_of: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """Divides images 80/10/10, the same on every machine.

    The images are put into the order of a hash of their names. So that every task can
    be learned and measured, validation and test first take one image each of every
    task, the rarest task first; then they are filled from the start of that order.

    Args:
      tasks_of: the tasks that each image has maps of, by name.

    Returns:
      names by split, sorted. Fewer than three images, or a task of fewer than three
      maps, leave a split without.
    """
    free = sorted(tasks_of, key=_hash)
    count = max(1, round(HELD_OUT * len(free)))
    held: dict[str, list[str]] = {"validation": [], "test": []}
    for task in _rarest_first(tasks_of.values()):
        for names in held.values():
            if any(task in tasks_of[name] for name in names):
                continue
            having = [name for name in free if task in tasks_of[name]]
            # One stays for training.
            if len(having) > 1:
                names.append(having[0])
                free.remove(having[0])
    for names in held.values():
        missing = max(0, min(count - len(names), len(free) - 1))
        names += free[:missing]
        free = free[missing:]
    return {"train": sorted(free)} | {k: sorted(names) for k, names in held.items()}


def lacking(
    parts: Mapping[str, Iterable[str]], tasks_of: Mapping[str, frozenset[str]]
) -> list[str]:
    """Finds what is wrong with a division: splits that are empty or lack a task."""
    problems = []
    tasks = _rarest_first(tasks_of.values())
    for split in LABELLED_SPLITS:
        names = list(parts.get(split, ()))
        have = frozenset().union(*(tasks_of.get(name, frozenset()) for name in names))
        if not names:
            problems.append(f"split {split!r} is empty")
            continue
        problems += [
            f"split {split!r} has no {task} map" for task in tasks if task not in have
        ]
    return problems


def _hash(name: str) -> bytes:
    return hashlib.sha256(f"{_SEED}\n{name}".encode()).digest()


def _rarest_first(tasks: Iterable[frozenset[str]]) -> list[str]:
    counts: dict[str, int] = {}
    for some in tasks:
        for task in some:
            counts[task] = counts.get(task, 0) + 1
    return sorted(counts, key=lambda task: (counts[task], task))
