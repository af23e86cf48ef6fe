"""Which files a folder holds, by the names of its images."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import NoReturn

from datasets.folder.problems import listed, refuse

IMAGES = "rgb"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MAP_SUFFIXES = {
    "segmentation": (".png", ".npy"),
    "depth": (".png", ".npy", ".exr"),
    "normals": (".png", ".npy"),
    "edges": (".png", ".npy"),
    "reshading": (".png", ".npy"),
    "curvature": (".png", ".npy"),
}
SCENES, CLASSES, SPLITS = "scenes.csv", "classes.txt", "splits.csv"
SETTINGS = "dataset.json"
TABLES = (SCENES, CLASSES, SPLITS, SETTINGS)

LAYOUT = (
    f"{IMAGES}/NAME.jpg (or .jpeg, .png), label maps {', '.join(MAP_SUFFIXES)} as "
    f"TASK/NAME.png (or .npy, depth also .exr), {SCENES} (name,label), and where "
    f"wanted {CLASSES}, {SPLITS}, {SETTINGS}"
)

# What systems put into folders by themselves.
_SYSTEM_FILES = ("Thumbs.db", "desktop.ini", "__MACOSX")
_TABLE_SUFFIXES = (".csv", ".json")


@dataclasses.dataclass(frozen=True)
class Contents:
    """The files of a folder.

    Attributes:
      folder: the folder of the files.
      images: the images by name, sorted; `rgb/a/b.jpg` has the name `a/b`.
      maps: the label maps by task, then by name.
      tables: those files of `TABLES` that are there.
    """

    folder: pathlib.Path
    images: Mapping[str, pathlib.Path]
    maps: Mapping[str, Mapping[str, pathlib.Path]]
    tables: Mapping[str, pathlib.Path]

    def tasks_of(self, name: str) -> frozenset[str]:
        """Returns the tasks that an image has maps of."""
        return frozenset(task for task, maps in self.maps.items() if name in maps)

    def files(self) -> Iterator[pathlib.Path]:
        """Yields all files that a data set is made from."""
        yield from self.images.values()
        for maps in self.maps.values():
            yield from maps.values()
        yield from self.tables.values()

    def relative(self, path: pathlib.Path) -> str:
        """Returns the path within the folder, for messages and lists."""
        return path.relative_to(self.folder).as_posix()


def scan(folder: pathlib.Path) -> tuple[Contents, list[str]]:
    """Returns what a folder holds, and what is wrong with it.

    Raises:
      ValueError: it is another kind of folder.
    """
    if not (folder / IMAGES).is_dir():
        _refuse_folder(folder)
    present = [task for task in MAP_SUFFIXES if (folder / task).is_dir()]
    if not present:
        refuse(
            folder,
            [f"no label maps: there is none of the folders {', '.join(MAP_SUFFIXES)}"],
        )
    problems = _strangers(folder)
    images = _by_name(folder, IMAGES, IMAGE_SUFFIXES, problems)
    maps = {
        task: _by_name(folder, task, MAP_SUFFIXES[task], problems) for task in present
    }
    if not images:
        problems.append(f"{IMAGES}/ holds no image")
    for task, files in maps.items():
        if not files:
            problems.append(f"{task}/ holds no map; fill the folder or delete it")
        problems += [
            f"{path.relative_to(folder).as_posix()}: there is no image {name!r} in "
            f"{IMAGES}/"
            for name, path in files.items()
            if name not in images
        ]
    tables = {name: folder / name for name in TABLES if (folder / name).is_file()}
    return Contents(folder, images, maps, tables), problems


def _refuse_folder(folder: pathlib.Path) -> None:
    """Raises the ValueError of a folder without images; says which one was meant."""
    entries = sorted(path.name for path in folder.iterdir())
    inside = [name for name in entries if (folder / name / IMAGES).is_dir()]
    around = [place for place in folder.resolve().parents if (place / IMAGES).is_dir()]
    hint = ""
    if inside:
        hint = " Did you mean " + " or ".join(str(folder / name) for name in inside)
        hint += "?"
    elif around:
        hint = f" Did you mean {around[0]}?"
    raise ValueError(
        f"{folder}: expected {LAYOUT}; the folder holds {listed(entries) or 'nothing'}."
        f"{hint}"
    )


def _strangers(folder: pathlib.Path) -> list[str]:
    """Finds what looks like data but is not read, mostly after a slip in a name."""
    folders = (IMAGES, *MAP_SUFFIXES)
    problems = []
    for path in sorted(folder.iterdir()):
        name = path.name
        if _is_hidden(name) or name.startswith("_"):
            continue
        if path.is_dir() and name not in folders:
            problems.append(
                f"{name}/ is none of {', '.join(folders)}; move it elsewhere, or let "
                "its name begin with _"
            )
        elif path.suffix.lower() in _TABLE_SUFFIXES and name not in TABLES:
            problems.append(f"{name} is none of {', '.join(TABLES)}")
    return problems


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM_FILES


def _by_name(
    folder: pathlib.Path, part: str, suffixes: tuple[str, ...], problems: list[str]
) -> dict[str, pathlib.Path]:
    """Returns the files of a part by name, sorted; adds to `problems`."""
    files: dict[str, pathlib.Path] = {}
    for path in _files(folder / part):
        place = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in suffixes:
            problems.append(f"{place}: expected a file {' or '.join(suffixes)}")
            continue
        name = path.relative_to(folder / part).with_suffix("").as_posix()
        if name in files:
            other = files[name].relative_to(folder).as_posix()
            problems.append(f"{other} and {place} have the same name {name!r}")
        else:
            files[name] = path
    return files


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns all files below a folder, sorted; raises if a folder cannot be read."""

    def fail(error: OSError) -> NoReturn:
        raise error

    files: list[pathlib.Path] = []
    for place, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        files += [pathlib.Path(place, name) for name in names if not _is_hidden(name)]
    return sorted(files)
