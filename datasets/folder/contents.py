"""Which files a folder holds, by the names of its images."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

from datasets.files import names, walk
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

_TABLE_SUFFIXES = (".csv", ".json")


@dataclasses.dataclass(frozen=True)
class Contents:
    """The files of a folder.

    Attributes:
      folder: the folder of the files.
      images: the images by name, sorted; `rgb/a/b.jpg` has the name `a/b`, composed
        (NFC) whatever form of Unicode the file system has.
      maps: the label maps by task, then by name.
      tables: those files of `TABLES` that are there.
      hidden: the hidden files and folders and those of the system, which are passed
        over.
    """

    folder: pathlib.Path
    images: Mapping[str, pathlib.Path]
    maps: Mapping[str, Mapping[str, pathlib.Path]]
    tables: Mapping[str, pathlib.Path]
    hidden: tuple[pathlib.Path, ...] = ()

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
        return _relative(path, self.folder)


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
    found = {part: walk.walk(folder / part, folder) for part in (IMAGES, *present)}
    problems += [
        f"{_relative(each.path, folder)}: {each.reason}"
        for part in found.values()
        for each in part.unread
    ]
    images = _by_name(folder, IMAGES, found[IMAGES].files, IMAGE_SUFFIXES, problems)
    maps = {
        task: _by_name(folder, task, found[task].files, MAP_SUFFIXES[task], problems)
        for task in present
    }
    if not images:
        problems.append(f"{IMAGES}/ holds no image")
    for task, files in maps.items():
        if not files:
            problems.append(f"{task}/ holds no map; fill the folder or delete it")
        problems += [
            f"{_relative(path, folder)}: there is no image {name!r} in {IMAGES}/"
            for name, path in files.items()
            if name not in images
        ]
    tables = {name: folder / name for name in TABLES if (folder / name).exists()}
    hidden = sorted(path for path in folder.iterdir() if walk.is_hidden(path.name))
    hidden += [path for part in found.values() for path in part.hidden]
    return Contents(folder, images, maps, tables, tuple(hidden)), problems


def _relative(path: pathlib.Path, folder: pathlib.Path) -> str:
    """Returns a path within the folder as it is shown and compared."""
    return names.shown(names.composed(path.relative_to(folder).as_posix()))


def _refuse_folder(folder: pathlib.Path) -> None:
    """Raises the ValueError of a folder without images; says which one was meant."""
    entries = sorted(names.shown(path.name) for path in folder.iterdir())
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
        name = names.shown(path.name)
        if walk.is_hidden(name) or name.startswith("_"):
            continue
        if path.is_dir() and name not in folders:
            problems.append(
                f"{name}/ is none of {', '.join(folders)}; move it elsewhere, or let "
                "its name begin with _"
            )
        elif path.suffix.lower() in _TABLE_SUFFIXES and name not in TABLES:
            problems.append(f"{name} is none of {', '.join(TABLES)}")
    return problems


def _by_name(
    folder: pathlib.Path,
    part: str,
    paths: tuple[pathlib.Path, ...],
    suffixes: tuple[str, ...],
    problems: list[str],
) -> dict[str, pathlib.Path]:
    """Returns the files of a part by name, sorted; adds to `problems`."""
    files: dict[str, pathlib.Path] = {}
    for path in paths:
        place = _relative(path, folder)
        if path.suffix.lower() not in suffixes:
            problems.append(f"{place}: expected a file {' or '.join(suffixes)}")
            continue
        name = names.composed(
            path.relative_to(folder / part).with_suffix("").as_posix()
        )
        if name in files:
            other = _relative(files[name], folder)
            problems.append(f"{other} and {place} have the same name {name!r}")
        else:
            files[name] = path
    return dict(sorted(files.items()))
