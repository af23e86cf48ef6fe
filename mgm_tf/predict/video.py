"""Predictions of an exported model for the frames of a video, by PyAV.

In the output folder: NAME.panel.mp4, the panels as a video in which colours mean the
same throughout; and of each frame, in the folder NAME, the other results that are
wanted, numbered from 000000 by the frames of the video.
"""

import contextlib
import dataclasses
import importlib
import os
import pathlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from mgm_tf.export.versions import LoadedModel, Outputs
from mgm_tf.files import whole
from mgm_tf.plotting import colors, terminal
from mgm_tf.predict import image_files, predictions
from mgm_tf.predict.maps import arrays_of
from mgm_tf.predict.predictions import Job, Photo, Wanted

REQUIREMENTS = "requirements-video.txt"
PANELS = ".panel.mp4"
_OF_THE_VIDEO = frozenset({"panel"})  # kinds of results that are one file
_CODECS = ("libx264", "mpeg4")  # the first that there is


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
      number: its place in the video, from 0.
      pixels: the image, upright, uint8 [H, W, 3].
    """

    number: int
    pixels: np.ndarray


class Video:
    """An open video.

    Args:
      path: the file.
      every: the number of frames of which one is read.

    Attributes:
      rate: the frames a second that are read; a fraction.
      number: about how many are read; 0 if the file does not say.

    Raises:
      ValueError: it cannot be read, or the package that reads video is missing.
    """

    def __init__(self, path: str | os.PathLike, every: int = 1):
        self._av = package()
        self._path, self._every = pathlib.Path(path), every
        try:
            self._container = self._av.open(os.fspath(path))
        except (self._av.error.FFmpegError, OSError) as error:
            raise ValueError(f"{path}: {error.strerror or error}") from error
        streams = self._container.streams.video
        if not streams:
            self._container.close()
            raise ValueError(f"{path}: there is no picture in it.")
        self._stream = streams[0]
        self._stream.thread_type = "AUTO"
        self.rate = (self._stream.average_rate or 25) / every
        self.number = -(-self._stream.frames // every)

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yields the frames.

        Raises:
          ValueError: the video is damaged; what comes before has been yielded.
        """
        number = -1
        try:
            for number, frame in enumerate(self._container.decode(self._stream)):
                if number % self._every == 0:
                    yield Frame(number, _upright(frame))
        except self._av.error.FFmpegError as error:
            raise ValueError(
                f"{self._path}: {error.strerror or error} after frame {number}."
            ) from error


def package() -> types.ModuleType:
    """Imports PyAV.

    Raises:
      ValueError: it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"av is not installed, which only video needs: `pip install -r "
            f"{REQUIREMENTS}` brings it."
        ) from error


def predict(
    model: LoadedModel,
    path: str | os.PathLike,
    output: str | os.PathLike,
    batch_size: int,
    wanted: Wanted,
    *,
    every: int = 1,
    overwrite: bool = False,
) -> int:
    """Predicts for the frames of a video; returns how many errors there were, 0 or 1.

    One batch of frames at a time is in memory. Where a video is damaged, what comes
    before is done all the same.

    Raises:
      ValueError: it cannot be read at all, or results exist and may not be overwritten.
    """
    wanted.check(model.info)
    folder = pathlib.Path(output) / pathlib.Path(path).stem
    of_all = [kind for kind in wanted.kinds if kind in _OF_THE_VIDEO]
    of_frames = dataclasses.replace(
        wanted, kinds=tuple(kind for kind in wanted.kinds if kind not in of_all)
    )
    panels_path = folder.with_name(f"{folder.name}{PANELS}")
    results = [panels_path] * bool(of_all) + [folder] * bool(of_frames.kinds)
    _refuse([] if overwrite else [result for result in results if result.exists()])
    with Video(path, every) as video, contextlib.ExitStack() as stack:
        whole.make_folder(panels_path.parent)
        panels = None
        if of_all:
            panels = stack.enter_context(_PanelVideo(panels_path, video.rate, model))
        progress = stack.enter_context(
            terminal.Progress("predicting", video.number, "frames")
        )
        done, problem = 0, ""
        for batch in _batches(video, batch_size):
            problem = batch.problem
            photos = [_photo(frame, path, folder, model) for frame in batch.frames]
            for photo, outputs in _predicted(model, photos):
                if panels is not None:
                    panels.add(photo, outputs)
                predictions.write(model.info, photo, outputs, of_frames)
                progress.update()
                done += 1
    print(f"Predicted {done} frames of {path}.", flush=True)
    if problem:
        print(f"Could not read {problem}", file=sys.stderr, flush=True)
    return int(bool(problem))


def _refuse(existing: list[pathlib.Path]) -> None:
    if existing:
        raise ValueError(
            f"The results are there already, for one {existing[0]}: --overwrite "
            "replaces them, or choose another output folder."
        )


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Some frames, and what is wrong with the video after them; empty if nothing."""

    frames: list[Frame]
    problem: str = ""


def _batches(video: Video, size: int) -> Iterator[_Batch]:
    batch: list[Frame] = []
    try:
        for frame in video.frames():
            batch.append(frame)
            if len(batch) == size:
                yield _Batch(batch)
                batch = []
    except ValueError as error:
        yield _Batch(batch, str(error))
    else:
        yield _Batch(batch)


def _predicted(
    model: LoadedModel, photos: list[Photo]
) -> Iterator[tuple[Photo, Outputs]]:
    if photos:
        yield from zip(photos, predictions.outputs_of(model, photos), strict=True)


def _photo(
    frame: Frame, path: str | os.PathLike, folder: pathlib.Path, model: LoadedModel
) -> Photo:
    base = folder / f"{frame.number:06}"
    job = Job(
        pathlib.Path(path),
        base.with_suffix(image_files.PANEL),
        base.with_suffix(".npz"),
    )
    return predictions.photo_of(
        job, frame.pixels, model.info.image_size, lambda: frame.pixels
    )


def _upright(frame: Any) -> np.ndarray:
    # Phones store how they were turned beside the picture, in degrees anticlockwise.
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, turns))


class _PanelVideo:
    """The panels of a video as a video, under its name once it is whole.

    Args:
      path: the file.
      rate: the frames a second.
      model: the model whose outputs are drawn.
    """

    def __init__(self, path: pathlib.Path, rate: Any, model: LoadedModel):
        self._av = package()
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._rate, self._info = rate, model.info
        self._ends: dict[str, tuple[float, float]] = {}
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> "_PanelVideo":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._container is None:
            return
        if exception[0] is None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if exception[0] is None:
            self._draft.replace(self._path)
        else:
            self._draft.unlink(missing_ok=True)

    def add(self, photo: Photo, outputs: Outputs) -> None:
        """Adds the panel of a frame."""
        maps = arrays_of(self._info, outputs, *outputs_size(outputs, photo.size))
        for name, info in self._info.tasks.items():
            low, high = colors.value_range(info, maps[name])
            start, end = self._ends.get(name, (low, high))
            # Scales widen and never shrink: colours stay what they are, by and by.
            self._ends[name] = min(low, start), max(high, end)
        picture = predictions.panel_of(self._info, photo.thumbnail, outputs, self._ends)
        if self._container is None:
            self._open(*picture.shape[:2])
        frame = self._av.VideoFrame.from_ndarray(self._fitted(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def _open(self, height: int, width: int) -> None:
        self._container = self._av.open(str(self._draft), "w", format="mp4")
        codec = next(c for c in _CODECS if c in self._av.codecs_available)
        self._stream = self._container.add_stream(codec, rate=self._rate)
        # Colours of two pixels are stored as one: sizes are even.
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"

    def _fitted(self, picture: np.ndarray) -> np.ndarray:
        """Returns a panel in the size of the first one."""
        height, width = self._stream.height, self._stream.width
        fitted = np.full((height, width, 3), 255, np.uint8)
        shown = picture[:height, :width]
        fitted[: shown.shape[0], : shown.shape[1]] = shown
        return fitted


def outputs_size(outputs: Outputs, default: tuple[int, int]) -> tuple[int, int]:
    """Returns the height and the width of the network's maps; else the default."""
    shapes = [values.shape[:2] for values in outputs.values() if values.ndim > 1]
    return shapes[0] if shapes else default
