"""Where images come from: files, folders, patterns, standard input, video."""

import contextlib
import dataclasses
import glob
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence

from datasets.metadata import DataInfo
from mgm_tf.predict import image_files, predictions
from mgm_tf.predict.predictions import Job

VIDEO_SUFFIXES = frozenset(
    (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
)


def is_video(path: str | os.PathLike) -> bool:
    """Returns whether a path is the file of a video, by its suffix."""
    path = pathlib.Path(path)
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()


@contextlib.contextmanager
def _standard_input(given: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise ValueError(
                f"--input={given}: expected an image, standard input is empty."
            )
        yield str(path)


# What is no path -> what makes one of it.
_NO_PATHS = {"-": _standard_input}


def as_path(given: str) -> contextlib.AbstractContextManager[str]:
    """Returns a context with the path of what is given.

    Of standard input, `-`, it is that of a copy.

    Raises:
      ValueError: standard input is empty.
    """
    return _NO_PATHS.get(given, contextlib.nullcontext)(given)


def plan(given: str, output: str) -> list[Job]:
    """Returns the jobs of an image, a folder, or a pattern such as `photos/*.jpg`.

    Whether results are there already is not asked: `refuse_existing` does.

    Args:
      given: the path or the pattern; `**` stands for any folders.
      output: the folder of the results.

    Raises:
      ValueError: nothing is found.
    """
    if not os.path.lexists(given) and glob.has_magic(given):
        return _of_pattern(given, pathlib.Path(output))
    return predictions.plan(given, output, overwrite=True)


def refuse_existing(jobs: Sequence[Job], info: DataInfo, kinds: Sequence[str]) -> None:
    """Refuses to replace results.

    Args:
      jobs: the jobs.
      info: the tasks of the model.
      kinds: the kinds of results that are wanted.

    Raises:
      ValueError: some exist already.
    """
    ends = predictions.result_ends(info, kinds)
    paths = (f"{job.base}{end}" for job in jobs for end in ends)
    existing = [path for path in paths if os.path.exists(path)]
    if existing:
        raise ValueError(
            f"{len(existing)} of the results are there already, for one {existing[0]}: "
            "--overwrite replaces them, --resume does the others; or choose another "
            "output folder."
        )


def unfinished(jobs: Sequence[Job], info: DataInfo, kinds: Sequence[str]) -> list[Job]:
    """Returns the jobs of which some result is missing, or not whole.

    Args:
      jobs: the jobs.
      info: the tasks of the model.
      kinds: the kinds of results that are wanted.
    """
    ends = predictions.result_ends(info, kinds)
    return [job for job in jobs if not job.is_done(ends)]


def _of_pattern(pattern: str, output: pathlib.Path) -> list[Job]:
    found = sorted(glob.glob(pattern, recursive=True))
    videos = [path for path in found if is_video(path)]
    if videos:
        raise ValueError(
            f"{pattern} finds {len(videos)} videos, for one {videos[0]}; name a video "
            "by itself."
        )
    jobs: dict[pathlib.Path, Job] = {}
    for path in found:
        planned = predictions.plan(path, output, overwrite=True)
        # A folder and what is in it may both be found.
        jobs |= {job.image.absolute(): job for job in planned}
    if not jobs:
        raise ValueError(f"{pattern} finds no image.")
    root = pathlib.Path(os.path.commonpath([path.parent for path in jobs]))
    names = image_files.result_names([path.relative_to(root) for path in jobs])
    return [
        dataclasses.replace(
            job,
            panel=output / f"{name}{image_files.PANEL}",
            arrays=output / f"{name}.npz",
        )
        for job, name in zip(jobs.values(), names, strict=True)
    ]
