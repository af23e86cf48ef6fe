"""Tells everything that is wrong with a folder at once, not one thing a run."""

import os
from collections.abc import Iterable, Sequence

_LISTED = 20


def refuse(folder: str | os.PathLike, problems: Sequence[str]) -> None:
    """Raises ValueError with all the problems; does nothing if there are none."""
    if not problems:
        return
    number = len(problems)
    what = "1 problem" if number == 1 else f"{number} problems"
    raise ValueError(f"{folder}: {what}:\n" + "\n".join(_lines(problems)))


def listed(names: Iterable[str]) -> str:
    """Joins names by commas; many are cut short."""
    names = list(names)
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _lines(problems: Sequence[str]) -> list[str]:
    lines = [f"  {problem}" for problem in problems[:_LISTED]]
    more = len(problems) - len(lines)
    return lines + [f"  and {more} more"] * (more > 0)
