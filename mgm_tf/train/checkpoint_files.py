"""The checkpoints in a folder: the files of each, and whether they are as written.

    step-7.data-00000-of-00001, step-7.index    as TensorFlow reads them
    step-7.json                                 their sums, and what is noted with them

A checkpoint is written into a folder of its own, synced and summed up; then its files
get their names, the index last. What has an index and the sums that were noted is
whole. Those of earlier versions have no sums: TensorFlow must be able to read them.
"""

import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from mgm_tf.errors import DamagedFile
from mgm_tf.files import reading, tensorflow_files, whole

_NAME = re.compile(r"step-(\d+)\.(index|json|data-\d+-of-\d+)")
_INDEX, _RECORD = "index", "json"
_OWN_SUM = "sha256"  # of the note itself
_REMEDY = "An older checkpoint is taken, if there is one."

Record = Mapping[str, Any]


class CheckpointFolder:
    """The checkpoints in a folder, by their steps."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def steps(self) -> list[int]:
        """Returns the steps of which there are any files, the earliest first."""
        return sorted({step for step, _ in self._files()})

    def newest(self) -> tuple[int | None, dict[int, str]]:
        """Returns the step of the newest whole checkpoint; None without any.

        And of the newer ones, step -> what is wrong with it.
        """
        faults: dict[int, str] = {}
        for step in reversed(self.steps()):
            fault = self.fault(step)
            if fault is None:
                return step, faults
            faults[step] = fault
        return None, faults

    def fault(self, step: int) -> str | None:
        """Returns what is wrong with a checkpoint, in words; None if it is whole."""
        if not self._path(step, _INDEX).is_file():
            return f"{self._path(step, _INDEX)} is missing"
        try:
            sums = self._sums(step)
            if sums is None:
                self._read_all(step)
        except (DamagedFile, OSError) as error:
            return str(error).removesuffix(f" {_REMEDY}").removesuffix(".")
        for name, expected in (sums or {}).items():
            path = self.folder / name
            if not path.is_file():
                return f"{path} is missing"
            size = path.stat().st_size
            if size != expected["bytes"]:
                return f"{path} has {size} bytes, not {expected['bytes']}"
            if _sum(path) != expected["sha256"]:
                return f"{path} is not as it was written"
        return None

    def record(self, step: int) -> dict[str, Any]:
        """Returns what is noted with a checkpoint; nothing of an earlier version's.

        Raises:
          DamagedFile: it is not as it was written.
        """
        path = self._path(step, _RECORD)
        if not path.exists():
            return {}
        noted = reading.read_json(path, remedy=_REMEDY)
        if noted.pop(_OWN_SUM, None) != _sum_of(noted):
            raise DamagedFile(f"{path} is not as it was written. {_REMEDY}")
        return noted

    def write(self, step: int, checkpoint: tf.train.Checkpoint, record: Record) -> None:
        """Writes a checkpoint, which is there when it is whole and on the disk.

        Args:
          step: its step.
          checkpoint: what is written.
          record: what is noted with it, JSON values.

        Raises:
          NotWritten: it cannot be written; those that are there are as they were.
        """
        write = functools.partial(self._write, step, checkpoint, record)
        whole.retried(self._path(step, _INDEX), write)

    def _write(
        self, step: int, checkpoint: tf.train.Checkpoint, record: Record
    ) -> None:
        draft = self.folder / f".step-{step}{whole.DRAFT}"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir(parents=True)
            with tensorflow_files.as_os_errors():
                checkpoint.write(str(draft / f"step-{step}"))
            written = sorted(draft.iterdir())
            for path in written:
                whole.sync(path)
            sums = {
                path.name: {"bytes": path.stat().st_size, "sha256": _sum(path)}
                for path in written
            }
            note = draft / self._path(step, _RECORD).name
            noted = {"files": sums, **record}
            whole.write_json(note, noted | {_OWN_SUM: _sum_of(noted)})
            self.remove(step)
            # Data, the note, the index: sorted, but for the index.
            index = self._path(step, _INDEX).name
            for path in sorted([*written, note], key=lambda each: each.name == index):
                os.replace(path, self.folder / path.name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        whole.sync_folder(self.folder)

    def read(self, step: int, checkpoint: tf.train.Checkpoint) -> None:
        """Gives the objects of `checkpoint`, all of them, what was written.

        Raises:
          AssertionError: one of them is not in the file.
          DamagedFile: it cannot be read, or is gone meanwhile.
        """
        with tensorflow_files.plain(self.folder) as folder:
            try:
                status = checkpoint.read(str(folder / f"step-{step}"))
            except tf.errors.OpError as error:
                reason = str(error.message).splitlines()[0][:100]
                raise DamagedFile(
                    f"{self._path(step, _INDEX)}: expected a checkpoint that can be "
                    f"read, found: {reason}. If the run is in training, try again."
                ) from error
            status.assert_existing_objects_matched().expect_partial()

    def set_aside(self, step: int, folder: pathlib.Path) -> pathlib.Path:
        """Moves what there is of a checkpoint; returns the folder where it is.

        Args:
          step: its step.
          folder: the folder in which it gets one of its own.
        """
        place = free_name(folder / f"{self.folder.name}-step-{step}")
        place.mkdir(parents=True)
        for path in self._files_of(step):
            os.replace(path, place / path.name)
        return place

    def remove(self, step: int) -> None:
        """Removes a checkpoint, beginning with its index."""
        for path in self._files_of(step):
            path.unlink(missing_ok=True)

    def keep_only(self, steps: set[int]) -> None:
        """Removes the checkpoints of all other steps, and what was left by a kill."""
        for step in set(self.steps()) - steps:
            self.remove(step)
        whole.sweep(self.folder)

    def _files(self) -> Iterator[tuple[int, pathlib.Path]]:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                match = _NAME.fullmatch(path.name)
                if match:
                    yield int(match[1]), path

    def _files_of(self, step: int) -> list[pathlib.Path]:
        """Returns the files of a checkpoint, the index first."""
        files = [path for each, path in self._files() if each == step]
        return sorted(files, key=lambda path: (path.suffix != f".{_INDEX}", path.name))

    def _path(self, step: int, kind: str) -> pathlib.Path:
        return self.folder / f"step-{step}.{kind}"

    def _sums(self, step: int) -> dict[str, Any] | None:
        """Returns the sums of the files; None of an earlier version's."""
        path = self._path(step, _RECORD)
        if not path.exists():
            return None
        sums = self.record(step).get("files")
        if not isinstance(sums, dict) or not sums:
            raise DamagedFile(f"{path}: expected the sums of files. {_REMEDY}")
        return sums

    def _read_all(self, step: int) -> None:
        """Reads everything in a checkpoint, as TensorFlow checks what it reads."""
        with tensorflow_files.plain(self.folder) as folder:
            prefix = folder / f"step-{step}"
            try:
                reader = tf.train.load_checkpoint(str(prefix))
                for name in reader.get_variable_to_shape_map():
                    reader.get_tensor(name)
            # What it raises depends on the damage, and a few of these are no OpError.
            except Exception as error:
                raise DamagedFile(
                    f"{self._path(step, _INDEX)}: TensorFlow cannot read the "
                    f"checkpoint ({str(error).splitlines()[0][:100]})"
                ) from error


def free_name(path: pathlib.Path) -> pathlib.Path:
    """Returns the path, with a number behind it if it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _sum_of(noted: Record) -> str:
    text = json.dumps(noted, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _sum(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
