"""Finds buildings, domains and frames in any of the layouts that Taskonomy comes in.

    DOMAIN/BUILDING/point_P_view_V_domain_D.png    Stanford, Omnidata
    BUILDING_DOMAIN/point_P_view_V_domain_D.png    one archive a building and domain
    DOMAIN/point_P_view_V_domain_D.png             one building, the folder's name
    DOMAIN/BUILDING/point_P_view_V.png             taskgrouping

The last part of a file's name differs from the folder's (`segment_semantic` holds
`…_domain_segmentsemantic.png`), so only point and view are read from it.
"""

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from etils import epath

from datasets.tiny_taskonomy import tasks

IMAGE, SCENE, MASK = "rgb", "class_scene", "mask_valid"
LABELS = (*tasks.DOMAINS.values(), "depth_euclidean")
DOMAINS = (IMAGE, SCENE, MASK, *LABELS)
# Names of folders that mean a domain.
_FOLDERS = {name: name for name in DOMAINS} | {
    "class_places": SCENE,
    "segmentsemantic": "segment_semantic",
    "mask": MASK,
}
_OF_BUILDING = re.compile(
    f"(?P<building>.+)_(?P<domain>{'|'.join(sorted(_FOLDERS, key=len, reverse=True))})"
)
_FRAME = re.compile(r"point_(\d+)_view_(\d+)(?:_domain_\w+)?\.(png|jpg|jpeg|npy)")
_SUFFIXES = {IMAGE: ("png", "jpg", "jpeg"), SCENE: ("npy",)}
# Some archives put the domain's folders into one of this name.
_INNER = "taskonomy"


@dataclasses.dataclass(frozen=True)
class Building:
    """A building and the folder of each of its domains, as (domain, path)."""

    name: str
    folders: tuple[tuple[str, str], ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """What there is of it."""
        return tuple(domain for domain, _ in self.folders)

    def only(self, domains: Sequence[str]) -> "Building":
        """Returns the building with no other domains than these."""
        kept = tuple(folder for folder in self.folders if folder[0] in domains)
        return Building(self.name, kept)


def find_buildings(root: str | os.PathLike) -> dict[str, Building]:
    """Returns the buildings in a folder by name, sorted.

    Raises:
      ValueError: there are none, or a domain of a building is there twice.
    """
    root = epath.Path(root)
    found: dict[str, dict[str, str]] = {}
    for building, domain, folder in _folders(root):
        of_building = found.setdefault(building, {})
        if domain in of_building:
            raise ValueError(
                f"The domain {domain!r} of the building {building!r} is there twice: "
                f"{of_building[domain]} and {folder}."
            )
        of_building[domain] = str(folder)
    if not found:
        raise ValueError(_nothing_found(root))
    return {
        name: Building(name, tuple(sorted(found[name].items())))
        for name in sorted(found)
    }


def choose_domains(buildings: Sequence[Building]) -> tuple[str, ...]:
    """Returns the domains that are read of all buildings, `mask_valid` not among them.

    Depth is `depth_zbuffer` if all buildings have it, else `depth_euclidean`; the two
    are never mixed.

    Raises:
      ValueError: a building lacks a domain that others have, or there is no image, no
        scene or no label at all.
    """
    of_building = [set(building.domains) for building in buildings]
    union = set().union(*of_building)
    depth = [kind for kind in tasks.DEPTH_KINDS if kind in union]
    whole = [kind for kind in depth if all(kind in part for part in of_building)]
    if depth and not whole:
        raise ValueError(
            "Some buildings have depth_zbuffer only and others depth_euclidean only or "
            "none: the two are not the same and cannot be mixed. "
            + _lacking(buildings, depth[0])
        )
    domains = [
        IMAGE,
        SCENE,
        *(d for d in LABELS if d in union - set(depth)),
        *whole[:1],
    ]
    for domain in domains:
        if not all(domain in part for part in of_building):
            raise ValueError(_lacking(buildings, domain))
    if len(domains) == 2:
        raise ValueError(
            f"There are no label maps; expected any of {', '.join(LABELS)}."
        )
    return tuple(domains)


def list_frames(building: Building) -> dict[str, dict[str, epath.Path]]:
    """Returns the files of a building's frames: by name, sorted, and then by domain.

    Files of other names are passed over.

    Raises:
      ValueError: two files of one domain are of the same frame.
    """
    frames: dict[str, dict[str, epath.Path]] = {}
    for domain, folder in building.folders:
        suffixes = _SUFFIXES.get(domain, ("png",))
        for path in epath.Path(folder).iterdir():
            match = _FRAME.fullmatch(path.name)
            if not match or match[3] not in suffixes:
                continue
            name = f"{building.name}_point_{int(match[1])}_view_{int(match[2])}"
            files = frames.setdefault(name, {})
            if domain in files:
                first, second = sorted((files[domain].name, path.name))
                raise ValueError(
                    f"{folder}: two files of the frame {name}: {first} and {second}."
                )
            files[domain] = path
    return dict(sorted(frames.items()))


def missing_file(building: Building, name: str, domain: str) -> str:
    """Returns where the file of a frame should be that is not there."""
    folder = epath.Path(dict(building.folders)[domain])
    point = name.removeprefix(f"{building.name}_")
    suffix = _SUFFIXES.get(domain, ("png",))[0]
    return str(folder / f"{point}_domain_{domain}.{suffix}")


def _folders(root: epath.Path) -> Iterator[tuple[str, str, epath.Path]]:
    """Yields (building, domain, folder) of all folders with frames in them."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        match = _OF_BUILDING.fullmatch(folder.name)
        if folder.name in _FOLDERS:
            yield from _of_domain(root, folder, _FOLDERS[folder.name])
        elif match:
            inner = folder / match["domain"]
            place = inner if inner.is_dir() else folder
            if _has_frames(place):
                yield match["building"], _FOLDERS[match["domain"]], place


def _of_domain(
    root: epath.Path, folder: epath.Path, domain: str
) -> Iterator[tuple[str, str, epath.Path]]:
    if _has_frames(folder):
        yield root.resolve().name, domain, folder
    inner = folder / _INNER
    for place in sorted((inner if inner.is_dir() else folder).iterdir()):
        if place.is_dir() and _has_frames(place):
            yield place.name, domain, place


def _has_frames(folder: epath.Path) -> bool:
    return any(_FRAME.fullmatch(path.name) for path in folder.iterdir())


def _lacking(buildings: Sequence[Building], domain: str) -> str:
    lacking = [each.name for each in buildings if domain not in each.domains]
    return (
        f"The domain {domain!r} is missing of {', '.join(lacking)}. Fetch it, take "
        "these buildings out of the folder, or, for labels that are not needed, that "
        "domain of all buildings."
    )


def _nothing_found(root: epath.Path) -> str:
    held = sorted(path.name for path in root.iterdir())
    more = f" and {len(held) - 10} more" if len(held) > 10 else ""
    return (
        f"No frames of Taskonomy in {root}. Expected one of\n"
        f"  {root}/rgb/BUILDING/point_1_view_2_domain_rgb.png\n"
        f"  {root}/BUILDING_rgb/point_1_view_2_domain_rgb.png\n"
        f"  {root}/rgb/BUILDING/point_1_view_2.png\n"
        f"with the same for the other domains ({', '.join(DOMAINS)}). The folder holds "
        f"{', '.join(held[:10]) or 'nothing'}{more}."
    )


def stamps(files: Mapping[str, epath.Path]) -> list[tuple[str, str, int, int]]:
    """Returns sizes and times of a frame's files, which tell if these have changed."""
    result = []
    for domain, path in sorted(files.items()):
        about = path.stat()
        result.append((domain, path.name, about.length, int(about.mtime)))
    return result
