"""What an audit maps: findings in words, and the numbers that they come from."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

Level = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Worst:
    """The example that shows a finding best.

    Attributes:
      split, number: the example.
      task: the task whose map shows it; empty: the image does.
      measure: what is wrong in it, a key of `pictures.MASKS`; empty: all of it.
    """

    split: str
    number: int
    task: str = ""
    measure: str = ""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A thing that is, or may be, wrong with the data.

    Attributes:
      level: `error`: nothing sensible can be learned; `warning`: look at it.
      check: the name of the check that maps it.
      message: what was maps, where.
      worst: the example that shows it best; None if there is no single one.
    """

    level: Level
    check: str
    message: str
    worst: Worst | None = None

    def __str__(self) -> str:
        return f"{self.level}: {self.check}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Example:
    """An example to look at.

    Attributes:
      name: the name of the example.
      label: the image's label in words.
      image: the image uint8 [H, W, 3].
      maps: the raw label maps [H, W, channels] by task.
    """

    name: str
    label: str
    image: np.ndarray
    maps: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of an audit.

    Attributes:
      record: the numbers, JSON values; `mgm_tf.data.audit` lists its keys.
      findings: what is wrong, errors first.
      sheets: examples to look at, by split.
      pictures: of findings, by their messages: pictures with their names.
    """

    record: dict
    findings: tuple[Finding, ...]
    sheets: dict[str, list[Example]] = dataclasses.field(default_factory=dict)
    pictures: dict[str, list[tuple[str, np.ndarray]]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid training."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that somebody should look at."""
        return self._of("warning")

    def _of(self, level: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == level)

    def refuse(self) -> None:
        """Raises ValueError with all errors, if there are any."""
        if self.errors:
            lines = "\n".join(
                f"  {error.check}: {error.message}" for error in self.errors
            )
            raise ValueError(f"These data cannot be trained on:\n{lines}")

    def as_json(self) -> dict:
        """Returns the record with the findings; NaN and infinity are null."""
        findings = [dataclasses.asdict(finding) for finding in self.findings]
        record = {key: _finite(value) for key, value in self.record.items()}
        return {**record, "findings": findings}


def summary(report: Report) -> str:
    """Returns the report as text: a table of splits and tasks, then the findings."""
    lines = [_row(("split", "images", "task", "labelled", "ignored", "values"))]
    for split, part in report.record["splits"].items():
        read = f"{part['looked_at']} of {part['examples']}"
        start = [split, read]
        for task, maps in part["tasks"].items():
            ignored = f"{maps['ignored']:.1%}" if maps["images"] else "-"
            cells = (*start, task, str(maps["images"]), ignored, in_words(maps))
            lines.append(_row(cells))
            start = ["", ""]
        if not part["tasks"]:
            lines.append(_row((*start, "no labels", "", "", "")))
    lines += [str(finding) for finding in report.findings] or ["Nothing was maps."]
    return "\n".join(lines)


def in_words(maps: dict) -> str:
    """Describes the values of a task in a split, or its classes, in a few words."""
    if not maps["images"]:
        return "none"
    if maps.get("classes"):
        present = sum(pixels > 0 for pixels in maps["classes"]["pixels"])
        return f"{present} of {len(maps['classes']['pixels'])} classes"
    channels = maps["values"]
    low = min(channel["min"] for channel in channels)
    high = max(channel["max"] for channel in channels)
    medians = ", ".join(f"{channel['median']:.3g}" for channel in channels)
    unit = short_unit(maps["unit"])
    return f"{low:.4g} to {high:.4g}, median {medians} {unit}".strip()


def short_unit(unit: str) -> str:
    """Returns a unit without its explanation."""
    return unit.split(",")[0].split(" (")[0]


def some(names: Sequence[str], count: int | None = None, most: int = 5) -> str:
    """Returns the first names, and how many others there are."""
    count = len(names) if count is None else count
    shown = names[:most]
    others = count - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "")


def _row(cells: Sequence[str]) -> str:
    widths = 12, 16, 13, 9, 8, 0
    padded = zip(cells, widths, strict=True)
    return " ".join(cell.ljust(width) for cell, width in padded).rstrip()


def _finite(value: object) -> object:
    """Returns the value with None for numbers that are not finite: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    is_broken = isinstance(value, float) and not math.isfinite(value)
    return None if is_broken else value
