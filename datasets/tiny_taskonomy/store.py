"""The frames that are decoded, on disk: what lets a build go on where it stopped.

    frames_128/BUILDING/index.json               which chunks the building has
    frames_128/BUILDING/00003-PRINT.zip          NAME/image.png, NAME/depth.png, …
    frames_128/BUILDING/00003-PRINT-2.json       its names and scenes; 2 were left out

A chunk is a run of a building's frames. PRINT tells its source files by their names,
sizes and times. A file gets its name when it is whole; the JSON is written last.
"""

import dataclasses
import hashlib
import json
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

from etils import epath

from datasets.files import records

# Changes whenever frames are decoded otherwise than before.
VERSION = 1
# About a minute of work on one core, which is what an interruption costs.
FRAMES_A_CHUNK = 500
_INDEX = "index.json"


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Frames number start to stop - 1 of a building, and the print of their files."""

    building: str
    start: int
    stop: int
    print: str

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def stem(self) -> str:
        """The beginning of its files' names."""
        return f"{self.start // FRAMES_A_CHUNK:05d}-{self.print}"


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a chunk: frames kept, their scenes, and what was left out."""

    names: list[str]
    scenes: list[int]
    damaged: list[dict[str, str]]


@dataclasses.dataclass(frozen=True)
class Store:
    """The folder of the decoded frames of one size."""

    root: str

    def folder(self, building: str) -> epath.Path:
        """Returns the folder of a building's chunks."""
        return epath.Path(self.root) / building

    def write_index(self, building: str, chunks: Sequence[Chunk]) -> None:
        """Notes which chunks a building has."""
        rows = [[chunk.start, chunk.stop, chunk.print] for chunk in chunks]
        _write(self.folder(building) / _INDEX, json.dumps(rows).encode())

    def read_index(self, building: str) -> list[Chunk] | None:
        """Reads the chunks of a building; None if they are not known yet."""
        path = self.folder(building) / _INDEX
        if not path.exists():
            return None
        remedy = f"Remove {path.parent}: its frames are then decoded again."
        rows = records.read(path, remedy)
        try:
            return [
                Chunk(building, *row)
                for row in records.check(tuple[tuple[int, int, str], ...], "it", rows)
            ]
        except ValueError as error:
            raise ValueError(f"{path}: {error}. {remedy}") from error

    def forget_index(self, building: str) -> None:
        """Removes the note of a building's chunks, which may be of other files."""
        (self.folder(building) / _INDEX).unlink(missing_ok=True)

    def done(self, building: str) -> dict[str, int]:
        """Returns the stems of finished chunks, and how many frames each left out."""
        stems = {}
        folder = self.folder(building)
        for path in folder.iterdir() if folder.exists() else ():
            stem, _, damaged = path.name.removesuffix(".json").rpartition("-")
            if stem and path.name.endswith(".json"):
                stems[stem] = int(damaged)
        return stems

    def write(
        self, chunk: Chunk, frames: Iterable[tuple[str, Mapping[str, bytes]]]
    ) -> None:
        """Writes the frames of a chunk as they come: (name, PNG by feature)."""
        path = self._records(chunk)
        part = _part(path)
        with (
            part.open("wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        ):
            for name, images in frames:
                for feature, data in images.items():
                    archive.writestr(f"{name}/{feature}.png", data)
        part.replace(path)

    def write_report(self, chunk: Chunk, report: Report) -> None:
        """Marks a chunk as done."""
        contents = json.dumps(dataclasses.asdict(report)).encode()
        _write(self._report(chunk, len(report.damaged)), contents)

    def read_report(self, chunk: Chunk) -> Report:
        """Reads what became of a finished chunk."""
        damaged = self.done(chunk.building)[chunk.stem]
        path = self._report(chunk, damaged)
        remedy = f"Remove {path}: its frames are then decoded again."
        return records.build(Report, records.read(path, remedy), path, remedy=remedy)

    def read(
        self, chunk: Chunk, names: Iterable[str]
    ) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Yields (name, PNG by feature) of some frames of a chunk."""
        with (
            self._records(chunk).open("rb") as file,
            zipfile.ZipFile(file) as archive,
        ):
            features: dict[str, list[str]] = {}
            for entry in archive.namelist():
                features.setdefault(entry.partition("/")[0], []).append(entry)
            for name in names:
                yield (
                    name,
                    {
                        entry.partition("/")[2].removesuffix(".png"): archive.read(
                            entry
                        )
                        for entry in features[name]
                    },
                )

    def remove_others(self, building: str, chunks: Sequence[Chunk]) -> None:
        """Removes what is not of these chunks: of other files, or half-written."""
        stems = tuple(chunk.stem for chunk in chunks)
        folder = self.folder(building)
        for path in list(folder.iterdir()) if folder.exists() else ():
            is_kept = path.name.startswith(stems) and path.suffix in (".zip", ".json")
            if path.name != _INDEX and not is_kept:
                path.unlink(missing_ok=True)

    def bytes(self, buildings: Iterable[str]) -> int:
        """Returns the size on disk."""
        return sum(
            path.stat().length
            for building in buildings
            for path in self.folder(building).iterdir()
        )

    def _records(self, chunk: Chunk) -> epath.Path:
        return self.folder(chunk.building) / f"{chunk.stem}.zip"

    def _report(self, chunk: Chunk, damaged: int) -> epath.Path:
        return self.folder(chunk.building) / f"{chunk.stem}-{damaged}.json"


def chunks_of(building: str, rows: Sequence, what: Sequence) -> list[Chunk]:
    """Divides a building's frames into chunks.

    Args:
      building: its name.
      rows: of each frame, what tells its files.
      what: whatever else decides what is stored of them.
    """
    chunks = []
    for start in range(0, len(rows), FRAMES_A_CHUNK):
        some = rows[start : start + FRAMES_A_CHUNK]
        digest = hashlib.sha256(json.dumps([VERSION, what, some]).encode())
        chunks.append(
            Chunk(building, start, start + len(some), digest.hexdigest()[:16])
        )
    return chunks


def _write(path: epath.Path, contents: bytes) -> None:
    part = _part(path)
    part.write_bytes(contents)
    part.replace(path)


def _part(path: epath.Path) -> epath.Path:
    # A name of its own: a cluster may give the same chunk to two workers.
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
