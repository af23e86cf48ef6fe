"""What an audit found: findings in words, and the numbers that they come from."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

Level = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is, or may be, wrong with the data.

    Attributes:
      level: `error`: nothing sensible can be learned; `warning`: look at it.
      check: which check found it, one word.
      message: what was found, where.
    """

    level: Level
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.level}: {self.check}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Example:
    """An example to look at.

    Attributes:
      name: of the example.
      label: the image's label in words.
      image: uint8 [H, W, 3].
      maps: raw label maps [H, W, channels] by task.
    """

    name: str
    label: str
    image: np.ndarray
    maps: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Report:
    """An audit's result.

    Attributes:
      record: the numbers, JSON values; `mgm_tf.data.audit` lists its keys.
      findings: errors first.
      sheets: examples to look at, by split.
    """

    record: dict
    findings: tuple[Finding, ...]
    sheets: dict[str, list[Example]] = dataclasses.field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What forbids training."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What somebody should look at."""
        return self._of("warning")

    def _of(self, level: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == level)

    def refuse(self) -> None:
        """Raises ValueError with all errors, if there are any."""
        if self.errors:
            lines = "\n".join(f"  {one.check}: {one.message}" for one in self.errors)
            raise ValueError(f"These data cannot be trained on:\n{lines}")

    def as_json(self) -> dict:
        """The record with the findings; values that are no numbers are null."""
        findings = [dataclasses.asdict(finding) for finding in self.findings]
        return {**_finite(self.record), "findings": findings}


def summary(report: Report) -> str:
    """The report in lines of text: a table of splits and tasks, then the findings."""
    lines = [_row(("split", "images", "task", "labelled", "ignored", "values"))]
    for split, part in report.record["splits"].items():
        seen = f"{part['looked_at']} of {part['examples']}"
        start = [split, seen]
        for task, found in part["tasks"].items():
            ignored = f"{found['ignored']:.1%}" if found["images"] else "-"
            cells = (*start, task, str(found["images"]), ignored, in_words(found))
            lines.append(_row(cells))
            start = ["", ""]
        if not part["tasks"]:
            lines.append(_row((*start, "no labels", "", "", "")))
    lines += [str(finding) for finding in report.findings] or ["Nothing was found."]
    return "\n".join(lines)


def in_words(found: dict) -> str:
    """The values of a task in a split, or its classes, in a few words."""
    if not found["images"]:
        return "none"
    if found.get("classes"):
        present = sum(pixels > 0 for pixels in found["classes"]["pixels"])
        return f"{present} of {len(found['classes']['pixels'])} classes"
    channels = found["values"]
    low, high = (min(one["min"] for one in channels), max(o["max"] for o in channels))
    medians = ", ".join(f"{one['median']:.3g}" for one in channels)
    unit = short_unit(found["unit"])
    return f"{low:.4g} to {high:.4g}, median {medians} {unit}".strip()


def short_unit(unit: str) -> str:
    """A unit without what is said about it."""
    return unit.split(",")[0].split(" (")[0]


def some(names: Sequence[str], count: int | None = None, most: int = 5) -> str:
    """The first names, and how many there are besides."""
    count = len(names) if count is None else count
    shown = names[:most]
    others = count - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "")


def _row(cells: Sequence[str]) -> str:
    widths = 12, 16, 13, 9, 8, 0
    padded = zip(cells, widths, strict=True)
    return " ".join(cell.ljust(width) for cell, width in padded).rstrip()


def _finite(value):
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    is_broken = isinstance(value, float) and not math.isfinite(value)
    return None if is_broken else value
