"""Numbers as they stand in a report."""

import math
from collections.abc import Mapping

NONE = "–"
SPACE = "\u00a0"  # at which no line ends
UNITS = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))
GIBIBYTE = 2**30


def figure(mean: float, std: float | None = None, n: int | None = None) -> str:
    """Returns `0.251 ± 0.004 (3)`; as many digits for the spread as for the mean."""
    places = _places(mean)
    text = f"{mean:.{places}f}"
    text += f" ± {std:.{places}f}" if std is not None else ""
    return text + (f" ({n})" if n is not None else "")


def _places(value: float) -> int:
    """Three decimals, or three digits of what is smaller than 0.1."""
    if value == 0 or not math.isfinite(value):
        return 3
    return max(3 if abs(value) < 100 else 1, 2 - math.floor(math.log10(abs(value))))


def percent(value: float | None) -> str:
    """Returns `+5.9 %`, or a dash."""
    return NONE if value is None else f"{value:+.1f}{SPACE}%"


def probability(test: Mapping | None) -> str:
    """Returns `p = 0.031, 5 pairs`; empty without a test."""
    if test is None:
        return ""
    value = f"p = {test['p']:.2g}" if test["p"] >= 0.001 else "p < 0.001"
    return f"{value}, {test['pairs']} pairs"


def amount(value: float | None, unit: str = "") -> str:
    """Returns `9.83 M`."""
    if value is None:
        return NONE
    size, prefix = next(((s, p) for s, p in UNITS if abs(value) >= s), (1, " "))
    return f"{value / size:.3g}{prefix}{unit}".strip()


def duration(seconds: float | None) -> str:
    """Returns `2 h 05 min`, `3 min 20 s`, `12 s`."""
    if seconds is None:
        return NONE
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory(size: float | None) -> str:
    """Returns `3.1 GiB`."""
    return NONE if size is None else f"{size / GIBIBYTE:.3g} GiB"


def count(number: int, word: str) -> str:
    """Returns `1 run`, `2 runs`."""
    return f"{number} {word}{'s' * (number != 1)}"
