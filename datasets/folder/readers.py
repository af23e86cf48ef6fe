"""How the maps of each task of a folder are read, and what is stored of them."""

import collections
import dataclasses
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from datasets import metadata
from datasets.files import DamagedFile
from datasets.folder import contents as layout
from datasets.folder import label_maps, tables
from datasets.folder.contents import Contents
from datasets.folder.headers import Form, form_of
from datasets.folder.label_maps import Coding, MapReader
from datasets.folder.settings import Settings, TaskSettings


@dataclasses.dataclass(frozen=True)
class _Maps:
    """The maps of one task: files and forms by name, and what their numbers mean."""

    contents: Contents
    files: Mapping[str, pathlib.Path]
    forms: Mapping[str, Form]
    coding: Coding


def usual_kind(forms: Mapping[str, Form]) -> str:
    """Returns the kind of numbers (`Form.kind`) of most maps; empty without maps."""
    counts = collections.Counter(form.kind for form in forms.values())
    return max(counts, key=lambda kind: (counts[kind], kind), default="")


def readers_of(
    contents: Contents, settings: Settings, forms: Mapping[str, Mapping[str, Form]]
) -> tuple[dict[str, MapReader], list[str]]:
    """Returns how the maps of each task are read.

    Args:
      contents: of the folder.
      settings: what `dataset.json` says.
      forms: of every map whose head can be read, by task and name.

    Returns:
      (readers by task, problems)
    """
    readers, problems = {}, []
    for task, files in contents.maps.items():
        task_settings = settings.of(task)
        if not forms[task]:
            first = next(iter(files.values()))
            problems.append(f"{task}/: no map can be read; {_fault(first)}")
            continue
        try:
            coding = label_maps.coding_of(task, task_settings, usual_kind(forms[task]))
        except ValueError as error:
            problems.append(str(error))
            continue
        maps = _Maps(contents, files, forms[task], coding)
        info, more = _TASK_INFOS[task](task_settings, maps)
        problems += more
        readers[task] = MapReader(info, coding, task_settings.axes)
    return readers, problems


def _fault(path: pathlib.Path) -> str:
    """Returns what is wrong with a map whose head cannot be read."""
    try:
        form_of(path)
    except DamagedFile as error:
        return str(error)
    return ""


def _segmentation(
    settings: TaskSettings, maps: _Maps
) -> tuple[metadata.TaskInfo, list[str]]:
    """Returns (TaskInfo, problems); without classes.txt, all maps are looked at."""
    problems: list[str] = []
    if layout.CLASSES in maps.contents.tables:
        path = maps.contents.tables[layout.CLASSES]
        names, colors, problems = tables.read_classes(path)
    else:
        largest = max(_largest_id(maps, name) for name in maps.forms)
        number = min(1 + largest, tables.MOST_CLASSES)
        names = tuple(f"class {k}" for k in range(number))
        colors = tables.colors(number)
    return metadata.segmentation_info(names, colors, settings.source), problems


def _largest_id(maps: _Maps, name: str) -> int:
    try:
        ids = label_maps.read_raw(maps.files[name], maps.forms[name])
    except DamagedFile:  # decoding will tell
        return 0
    return int(ids[~np.isin(ids, maps.coding.missing)].max(initial=0))


def _depth(settings: TaskSettings) -> metadata.TaskInfo:
    info = metadata.depth_info()
    # Never finer than a millimetre.
    scale = max(settings.farthest / np.iinfo(info.dtype).max, info.scale)
    return dataclasses.replace(info, scale=scale)


def _numbers(
    make: Callable[[TaskSettings], metadata.TaskInfo], *keys: str
) -> Callable[[TaskSettings, _Maps], tuple[metadata.TaskInfo, list[str]]]:
    """Returns a row of `_TASK_INFOS`: what `make` gives, with the user's settings."""

    def describe(
        settings: TaskSettings, _maps: _Maps
    ) -> tuple[metadata.TaskInfo, list[str]]:
        fields = {key: getattr(settings, key) for key in ("source", *keys)}
        return dataclasses.replace(make(settings), **fields), []

    return describe


_TARGET = ("target_shift", "target_scale")
_TASK_INFOS = {
    "segmentation": _segmentation,
    "depth": _numbers(_depth, *_TARGET),
    "normals": _numbers(lambda settings: metadata.normals_info()),
    "edges": _numbers(lambda settings: metadata.unit_interval_info("edges"), *_TARGET),
    "reshading": _numbers(
        lambda settings: metadata.unit_interval_info("reshading"), *_TARGET
    ),
    "curvature": _numbers(lambda settings: metadata.curvature_info(), *_TARGET),
}
