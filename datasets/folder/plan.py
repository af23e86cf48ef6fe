"""What a folder will become: all that can be told before pixels are decoded."""

import dataclasses
import pathlib
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np

from datasets import metadata
from datasets.files import DamagedFile, image_size
from datasets.folder import contents as layout
from datasets.folder import label_maps, splitting, tables
from datasets.folder.contents import Contents
from datasets.folder.headers import Form, form_of
from datasets.folder.label_maps import MapReader
from datasets.folder.problems import listed, refuse
from datasets.folder.readers import readers_of, usual_kind
from datasets.folder.settings import Settings, read_settings

WEAK = "weak"

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a data set of a folder.

    Attributes:
      contents: the files of the folder.
      info: the record of the data.
      readers: the readers of the label maps, by task.
      scenes: the `scene` of each image, as it is stored.
      parts: the images' names by split; no split is empty.
    """

    contents: Contents
    info: metadata.DataInfo
    readers: Mapping[str, MapReader]
    scenes: Mapping[str, int | np.ndarray]
    parts: Mapping[str, list[str]]


def plan(folder: pathlib.Path, size: int) -> Plan:
    """Reads names, tables and the heads of all files.

    Args:
      folder: see `datasets/folder/README.md`.
      size: images and maps are stored as [size, size].

    Raises:
      ValueError: something is wrong with the folder; the message tells all of it.
    """
    contents, problems = layout.scan(folder)
    settings = Settings()
    if layout.SETTINGS in contents.tables:
        settings = read_settings(contents.tables[layout.SETTINGS])
        problems += [
            f"{layout.SETTINGS} tells of {task}, but there is no folder {task}/"
            for task in settings.tasks
            if task not in contents.maps
        ]
    labels: dict[str, tuple[str, ...]] = {}
    if layout.SCENES in contents.tables:
        path = contents.tables[layout.SCENES]
        labels, more = tables.read_scenes(path, contents)
        problems += more
    kind, more = _label_kind(labels, settings)
    problems += more
    forms, more = _forms(contents)
    problems += more
    problems += _form_problems(contents, forms)
    # Splits and codings of a folder with such problems would be problems of them.
    refuse(folder, problems)
    parts, left_out, problems = _parts(contents, labels, settings)
    readers, more = readers_of(contents, settings, forms)
    refuse(folder, problems + more)
    names = tables.scene_names(labels)
    info = metadata.DataInfo(
        image_size=size,
        tasks={task: reader.task for task, reader in readers.items()},
        scene_names=names,
        label_kind=kind,
        scene_source=settings.scene_source or (layout.SCENES if names else ""),
        notes=_notes(contents, parts, left_out, settings),
    )
    scenes = {
        name: _SCENE[kind](names, labels.get(name, ()))
        for part in parts.values()
        for name in part
    }
    return Plan(contents, info, readers, scenes, parts)


def _label_kind(
    labels: Mapping[str, tuple[str, ...]], settings: Settings
) -> tuple[str, list[str]]:
    """Returns (one of `metadata.LABEL_KINDS`, problems)."""
    if not labels and (settings.label_kind or settings.scene_source):
        return "categorical", [
            f"{layout.SETTINGS} tells of scenes, but {layout.SCENES} has none"
        ]
    several = [name for name, mine in labels.items() if len(mine) > 1]
    if several and settings.label_kind in _ONE_LABEL:
        return settings.label_kind, [
            f"{layout.SETTINGS} calls scenes {settings.label_kind}, but "
            f"{layout.SCENES} gives several labels to {listed(several)}"
        ]
    return settings.label_kind or ("multi_hot" if several else "categorical"), []


def _forms(contents: Contents) -> tuple[dict[str, dict[str, Form]], list[str]]:
    """Returns (the form of every map by task and name, problems of sizes).

    A file whose head cannot be read is not among them: decoding will tell.
    """
    forms: dict[str, dict[str, Form]] = {task: {} for task in contents.maps}
    problems = []
    for name, image in contents.images.items():
        expected = _attempt(image_size, image)
        for task, maps in contents.maps.items():
            form = _attempt(form_of, maps[name]) if name in maps else None
            if form is None:
                continue
            forms[task][name] = form
            actual = (form.height, form.width)
            if expected and actual != expected:
                is_turned = actual == expected[::-1]
                turned = " (upright, as viewers show it)" * is_turned
                problems.append(
                    f"{contents.relative(maps[name])} has {actual[0]}x{actual[1]} "
                    f"pixels (height x width), but {contents.relative(image)} has "
                    f"{expected[0]}x{expected[1]}{turned}"
                )
    return forms, problems


def _attempt(
    read: Callable[[pathlib.Path], Result], path: pathlib.Path
) -> Result | None:
    try:
        return read(path)
    except DamagedFile:
        return None


def _form_problems(
    contents: Contents, forms: Mapping[str, Mapping[str, Form]]
) -> list[str]:
    """Finds maps of unexpected channels or of an unexpected kind of numbers."""
    problems = []
    for task, mine in forms.items():
        channels, kinds = label_maps.CHANNELS[task], label_maps.KINDS[task]
        usual = usual_kind(mine)
        for name, form in mine.items():
            place = contents.relative(contents.maps[task][name])
            if form.channels not in channels:
                expected = " or ".join(map(str, channels))
                problems.append(
                    f"{place}: expected {expected} channels, found {form.channels}"
                )
            elif form.kind not in kinds:
                problems.append(
                    f"{place}: expected {' or '.join(kinds)}, found {form.kind}"
                )
            elif form.kind != usual:
                problems.append(
                    f"{place} holds {form.kind}, but most maps in {task}/ hold "
                    f"{usual}: the same numbers would mean different things"
                )
    return problems


def _parts(
    contents: Contents, labels: Mapping[str, tuple[str, ...]], settings: Settings
) -> tuple[dict[str, list[str]], set[str], list[str]]:
    """Returns (names by split, names that are left out, problems)."""
    tasks_of = {name: contents.tasks_of(name) for name in contents.images}
    mapped = {name: tasks for name, tasks in tasks_of.items() if tasks}
    bare = [n for n in contents.images if n not in mapped and n not in labels]
    problems, left_out = _leave_out(bare, settings)
    if layout.SPLITS in contents.tables:
        allowed = contents.images if settings.keep_weak else labels
        parts, more = _parts_of_table(contents, allowed, left_out)
        problems += more
        # Of a table with slips, empty splits would be a consequence.
        problems += [] if problems else splitting.lacking(parts, mapped)
    else:
        parts = splitting.by_hash(mapped)
        parts[WEAK] = [
            n for n in contents.images if n not in mapped and n not in left_out
        ]
        faults = splitting.lacking(parts, mapped)
        if faults:
            problems.append(
                f"{len(mapped)} images have label maps; to divide them, at least 3 are "
                f"needed, 3 with a map of each task: {'; '.join(faults)}. Add some, or "
                f"write {layout.SPLITS} (header name,split)"
            )
    return {k: v for k, v in parts.items() if v}, left_out, problems


def _parts_of_table(
    contents: Contents, labels: Collection[str], left_out: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Returns (names by split, problems)."""
    parts, problems = tables.read_splits(contents.tables[layout.SPLITS], contents)
    parts = {k: [n for n in v if n not in left_out] for k, v in parts.items()}
    nothing = [name for name in parts.get(WEAK, ()) if name not in labels]
    if nothing:
        problems.append(
            f"{layout.SPLITS} puts images into {WEAK!r} that have no label in "
            f"{layout.SCENES}: {listed(nothing)}"
        )
    return parts, problems


def _leave_out(bare: list[str], settings: Settings) -> tuple[list[str], set[str]]:
    """Returns (problems, the images without any label that are left out)."""
    if not bare or settings.leave_out:
        return [], set(bare)
    if settings.keep_weak:
        return [], set()
    return [
        f"images with neither a label map nor a label in {layout.SCENES} "
        f"({len(bare)}): {listed(bare)}. Label or remove them, or let "
        f'{layout.SETTINGS} say {{"unlabelled": "leave_out"}} or "weak"'
    ], set()


def _number(names: tuple[str, ...], labels: tuple[str, ...]) -> int:
    return names.index(labels[0]) if labels else -1


def _presence(names: tuple[str, ...], labels: tuple[str, ...]) -> np.ndarray:
    return np.array([name in labels for name in names], np.int32)


# An image's `scene` as it is stored, by the kind of labels.
_SCENE: dict[str, Callable[..., int | np.ndarray]] = {
    "categorical": _number,
    "multi_hot": _presence,
}
_ONE_LABEL = ("categorical",)


def _notes(
    contents: Contents,
    parts: Mapping[str, list[str]],
    left_out: Collection[str],
    settings: Settings,
) -> str:
    """Returns what a user of these data has to know."""
    sizes = ", ".join(f"{len(names)} {split}" for split, names in parts.items())
    maps = ", ".join(f"{len(files)} {task}" for task, files in contents.maps.items())
    method = "by splits.csv" if layout.SPLITS in contents.tables else "by hash of names"
    notes = [f"{len(contents.images)} images: {sizes} ({method}). Label maps: {maps}."]
    if left_out:
        notes.append(
            f"Images without any label are left out ({len(left_out)}): "
            f"{listed(sorted(left_out))}."
        )
    return " ".join([*notes, settings.notes]).strip()
