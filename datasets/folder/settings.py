"""Reads `dataset.json`: units, scales, and which values mean "no label"."""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from datasets.files import names, records

# In metres.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
DIRECTIONS = {  # (axis of ours, sign): x right, y up, z towards the camera
    "right": (0, 1),
    "left": (0, -1),
    "up": (1, 1),
    "down": (1, -1),
    "toward": (2, 1),
    "away": (2, -1),
}
# Of scales, shifts and depths: beyond it, arithmetic of floats becomes infinite.
_LARGEST = 1e12
_MARKS = {"nan": math.nan, "inf": math.inf}
LABEL_KINDS = ("categorical", "multi_hot")
_UNLABELLED: Mapping[str, Mapping[str, bool]] = {
    "refuse": {},
    "leave_out": {"leave_out": True},
    "weak": {"keep_weak": True},
}

_CODING = ("scale", "offset", "missing", "source")
_TARGET = ("target_shift", "target_scale")
TASK_KEYS = {
    "segmentation": ("ignore", "source"),
    "depth": ("unit", *_CODING, "farthest", *_TARGET),
    "normals": ("axes", *_CODING),
    "edges": (*_CODING, *_TARGET),
    "reshading": (*_CODING, *_TARGET),
    "curvature": (*_CODING, *_TARGET),
}
_CHANNELS = {"curvature": 2}
# Of segmentation one says "ignore", of everything else "missing".
_FIELDS = {"ignore": "missing"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """The settings of a task's maps; None: as is usual for their kind of file.

    Attributes:
      unit: the unit of depth, a key of `UNITS`.
      scale, offset: value = number in the file * scale + offset.
      missing: numbers in the file (in all channels) that mean "no label".
      axes: the directions of normals' channels, keys of `DIRECTIONS`.
      farthest: the largest depth in metres that can be stored.
      target_shift, target_scale: target = (value - target_shift) / target_scale.
      source: where the labels come from, in words.
    """

    unit: str | None = None
    scale: float | None = None
    offset: float | None = None
    missing: tuple[float, ...] | None = None
    axes: tuple[str, ...] = ("right", "up", "toward")
    farthest: float = 65.535
    target_shift: tuple[float, ...] = (0.0,)
    target_scale: tuple[float, ...] = (1.0,)
    source: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The contents of `dataset.json`.

    Attributes:
      tasks: the settings by task; tasks that it does not mention are absent.
      label_kind: one of `LABEL_KINDS`; empty: as `scenes.csv` has them.
      scene_source: where the image labels come from, in words.
      notes: anything a user of the data has to know.
      leave_out: whether images without any label are left out.
      keep_weak: whether they are kept as weak examples without a label. With neither
        they are refused.
    """

    tasks: Mapping[str, TaskSettings] = dataclasses.field(default_factory=dict)
    label_kind: str = ""
    scene_source: str = ""
    notes: str = ""
    leave_out: bool = False
    keep_weak: bool = False

    def of(self, task: str) -> TaskSettings:
        """Returns the settings of a task."""
        return self.tasks.get(task, TaskSettings())


def read_settings(path: pathlib.Path) -> Settings:
    """Reads `dataset.json`.

    Raises:
      ValueError: it is no JSON, or has unknown keys, or values of another type or out
        of range; the message says what was expected and what was found.
    """
    record = records.read(path)
    try:
        return _settings(record)
    except ValueError as error:
        raise ValueError(f"{names.shown(path)}: {error}") from error


def _settings(record: Any) -> Settings:
    records.an_object("the file", record, (*TASK_KEYS, "scenes", "notes", "unlabelled"))
    scenes = record.get("scenes", {})
    records.an_object("scenes", scenes, ("kind", "source"))
    tasks = {
        name: _task_settings(name, record[name]) for name in TASK_KEYS if name in record
    }
    return Settings(
        tasks=tasks,
        label_kind=records.choice(
            "scenes.kind", scenes.get("kind", ""), ("", *LABEL_KINDS)
        ),
        scene_source=_text("scenes.source", scenes.get("source", "")),
        notes=_text("notes", record.get("notes", "")),
        **_UNLABELLED[
            records.choice(
                "unlabelled", record.get("unlabelled", "refuse"), _UNLABELLED
            )
        ],
    )


def _task_settings(task: str, record: Any) -> TaskSettings:
    records.an_object(task, record, TASK_KEYS[task])
    values: dict[str, Any] = {
        _FIELDS.get(key, key): _READ[key](f"{task}.{key}", value)
        for key, value in record.items()
    }
    settings = TaskSettings(**values)
    if task in _CHECKS:
        _CHECKS[task](settings)
    for key in _TARGET:
        if len(values.get(key, (0.0,))) not in (1, _CHANNELS.get(task, 1)):
            raise ValueError(
                f"{task}.{key}: expected one number or one a channel, found "
                f"{records.shown(record[key])}"
            )
    return settings


def _check_has_unit(settings: TaskSettings) -> None:
    is_coded = settings.scale is not None or settings.offset is not None
    if is_coded and settings.unit is None:
        raise ValueError(
            'depth: "scale" and "offset" need "unit" beside them: number * scale + '
            'offset is a depth in that unit. 16-bit PNG in millimetres: {"unit": "mm"}'
        )


_CHECKS = {"depth": _check_has_unit}


def _number(what: str, value: Any) -> float:
    number = records.number(what, value)
    if abs(number) > _LARGEST:
        raise records.expected(what, f"a number of at most {_LARGEST:g}", value)
    return number


def _positive(what: str, value: Any) -> float:
    records.number(what, value, above=0)
    return _number(what, value)


def _numbers(
    read: Callable[[str, Any], float],
) -> Callable[[str, Any], tuple[float, ...]]:
    return lambda what, value: tuple(
        read(what, item) for item in (value if isinstance(value, list) else [value])
    )


def _mark(what: str, value: Any) -> float:
    if isinstance(value, str):
        return _MARKS[records.choice(what, value, tuple(_MARKS))]
    # Any number may be a mark, the largest of 32 bits too.
    return records.number(what, value)


def _text(what: str, value: Any) -> str:
    return records.check(str, what, value)


def _axes(what: str, value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    known = value if is_list else ()
    axes = [DIRECTIONS[item][0] for item in known if item in DIRECTIONS]
    if sorted(axes) != [0, 1, 2] or len(value) != 3:
        raise ValueError(
            f"{what}: expected where the three channels point, such as "
            f'["right", "up", "toward"] (of {", ".join(DIRECTIONS)}, one of each '
            f"pair); found {records.shown(value)}"
        )
    return tuple(value)


_READ = {
    "unit": lambda what, value: records.choice(what, value, tuple(UNITS)),
    "scale": _positive,
    "offset": _number,
    "missing": _numbers(_mark),
    "ignore": _numbers(_number),
    "axes": _axes,
    "farthest": _positive,
    "target_shift": _numbers(_number),
    "target_scale": _numbers(_positive),
    "source": _text,
}
