"""Predictions of an exported model for image files, in each image's own resolution.

For each image, in the output folder:

    NAME.panel.png    the image and every prediction as pictures
    NAME.npz          the arrays, by the names of the model's outputs, [H, W] or
                      [H, W, C] with H and W of the image (upright):
                      `segmentation` (the smallest unsigned integers that hold the
                      classes), `depth`, `normals`, … float32; `scene_probabilities`
                      [scenes], in the order of `scene_names` in the model's `mgm.json`.
                      Class probabilities of pixels are left out: they would be large.

NAME is the stem of the image, in the same subfolder; with its suffix where two images
share a stem.
"""

import dataclasses
import os
import pathlib
import sys
import zipfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from datasets.files import names
from datasets.metadata import DataInfo, TaskInfo
from mgm_tf.errors import NotWritten
from mgm_tf.export.predictor import SCENES, probabilities_of
from mgm_tf.export.versions import LoadedModel, Outputs
from mgm_tf.files import whole
from mgm_tf.plotting import panels, terminal, tiles
from mgm_tf.predict import image_files
from mgm_tf.tasks.scenes import scene_classes_of

# Tasks whose values are unit vectors, which resizing shortens.
UNIT_VECTORS = frozenset({"normals"})
PNG_END = b"IEND\xaeB`\x82"  # of every file that is whole


@dataclasses.dataclass(frozen=True)
class Job:
    """An image and the files of its results.

    Attributes:
      image: the path of the image.
      panel: the path of its panel, `NAME.panel.png`.
      arrays: the path of its arrays, `NAME.npz`.
      problem: why it is not even tried to read the image; empty if it is.
    """

    image: pathlib.Path
    panel: pathlib.Path
    arrays: pathlib.Path
    problem: str = ""

    def is_done(self) -> bool:
        """Returns whether the results are there, and whole."""
        if not (self.panel.is_file() and zipfile.is_zipfile(self.arrays)):
            return False
        return self.panel.read_bytes().endswith(PNG_END)


@dataclasses.dataclass(frozen=True)
class _Photo:
    """The parts of an image that are kept until its results are written.

    Attributes:
      job: the job of the image.
      size: the height and the width of the image.
      network_input: the image at the network's size, float32 [S, S, 3] in 0..255.
      thumbnail: the image at the size of the panel, uint8 [H, W, 3].
    """

    job: Job
    size: tuple[int, int]
    network_input: np.ndarray
    thumbnail: np.ndarray


def plan(
    images: str | os.PathLike,
    output: str | os.PathLike,
    *,
    overwrite: bool = False,
    resume: bool = False,
) -> list[Job]:
    """Returns the jobs of an image or of a folder of images.

    Images that are not read, and links that are not followed, are jobs too: they are
    counted and named with the others.

    Args:
      images: the image, or the folder of images.
      output: the folder of the results.
      overwrite: whether results that exist are replaced.
      resume: whether images are left out whose results exist and are whole.

    Raises:
      ValueError: there is no image; `output` is a file; or results of some images
        exist already and may not be overwritten.
    """
    output = pathlib.Path(output)
    if output.exists() and not output.is_dir():
        raise ValueError(f"Expected a folder for the results: {output} is a file.")
    found = image_files.find(images)
    if found.passed_over:
        print(found.passed_over, file=sys.stderr)
    problems = {each.path: each.reason for each in found.unread}
    paths = [*found.images, *problems]
    root = pathlib.Path(images)
    root = root if root.is_dir() else root.parent
    results = image_files.result_names([path.relative_to(root) for path in paths])
    jobs = [
        Job(
            path,
            output / f"{name}{image_files.PANEL}",
            output / f"{name}.npz",
            problems.get(path, ""),
        )
        for path, name in zip(paths, results, strict=True)
    ]
    if resume:
        return [job for job in jobs if not job.is_done()]
    # Not of `Path`, which raises where a name is too long to be.
    existing = [
        result
        for job in jobs
        for result in (job.panel, job.arrays)
        if os.path.exists(result)
    ]
    if existing and not overwrite:
        raise ValueError(
            f"{len(existing)} of the results are there already, for one "
            f"{names.shown(existing[0])}: --overwrite replaces them, --resume does the "
            "others; or choose another "
            "output folder."
        )
    return jobs


def predict(model: LoadedModel, jobs: Sequence[Job], batch_size: int = 8) -> int:
    """Does the jobs and returns the number of images that could not be done.

    Those that cannot be read, or whose results cannot be written, are named with the
    reason; the others are done all the same. One image at a
    time is in memory in its own resolution.

    Raises:
      ValueError: the batch size is less than 1.
    """
    if batch_size < 1:
        raise ValueError(f"Expected a batch size of at least 1, got {batch_size}.")
    _make_output(jobs)
    failures: list[str] = []
    # A file has the last line and the names of what could not be read: enough.
    progress = terminal.Progress(
        "predicting", len(jobs), "images", shown=sys.stderr.isatty()
    )
    with progress:
        for start in range(0, len(jobs), batch_size):
            photos = []
            for job in jobs[start : start + batch_size]:
                try:
                    photos.append(_read(job, model.info.image_size))
                except ValueError as error:
                    failures.append(f"Could not read {error}")
                    print(f"Skipped {error}", file=sys.stderr)
                    progress.update()
            failures += _predict_batch(model, photos, progress)
    print(f"Predicted {len(jobs) - len(failures)} of {len(jobs)} images.", flush=True)
    for failure in failures:
        print(failure, file=sys.stderr, flush=True)
    return len(failures)


def arrays_of(info: DataInfo, outputs: Outputs, height: int, width: int) -> Outputs:
    """Returns an image's outputs as arrays of its size, as stored in NAME.npz.

    Class numbers are the likeliest of the resized probabilities; everything else is
    resized bilinearly, normals to unit length again.
    """
    size = (height, width)
    arrays = {
        name: _resized_map(task, outputs, size) for name, task in info.tasks.items()
    }
    scenes = {SCENES: outputs[SCENES]} if SCENES in outputs else {}
    return arrays | scenes


def _resized_map(task: TaskInfo, outputs: Outputs, size: tuple[int, int]) -> np.ndarray:
    if task.class_names:
        return _likeliest(outputs[probabilities_of(task.name)], size)
    values = _resized(outputs[task.name], size)
    return _unit_vectors(values) if task.name in UNIT_VECTORS else values


def _make_output(jobs: Sequence[Job]) -> None:
    """Makes the folder of the results; raises OSError if nothing can be written."""
    folders = sorted({job.panel.parent for job in jobs})
    if folders:
        pathlib.Path(os.path.commonpath(folders)).mkdir(parents=True, exist_ok=True)


def _read(job: Job, network_size: int) -> _Photo:
    if job.problem:
        raise ValueError(f"{names.shown(job.image)}: {job.problem}")
    pixels = image_files.read(job.image)
    height, width = pixels.shape[:2]
    # As the SavedModel does with a raw image; images of one size make a batch.
    network_input = tf.image.resize(
        pixels, (network_size, network_size), antialias=True
    )
    shrunk = Image.fromarray(pixels)
    shrunk.thumbnail((tiles.LARGEST, tiles.LARGEST))
    return _Photo(job, (height, width), network_input.numpy(), np.asarray(shrunk))


def _predict_batch(
    model: LoadedModel, photos: Sequence[_Photo], progress: terminal.Progress
) -> list[str]:
    """Predicts images and writes their results; returns what could not be written."""
    if not photos:
        return []
    failures = []
    batch = model(np.stack([photo.network_input for photo in photos]))
    for index, photo in enumerate(photos):
        outputs = {name: values[index] for name, values in batch.items()}
        try:
            _write(model.info, photo, outputs)
        except NotWritten:
            raise  # So it would be with all others.
        except OSError as error:
            reason = error.strerror or str(error)
            image = names.shown(photo.job.image)
            failures.append(f"Could not write the results of {image}: {reason}")
            print(f"Skipped {image}: {reason}", file=sys.stderr)
        progress.update()
    return failures


def _write(info: DataInfo, photo: _Photo, outputs: Outputs) -> None:
    photo.job.panel.parent.mkdir(parents=True, exist_ok=True)
    # The longer name first: where it cannot be, there is neither.
    whole.write_picture(photo.job.panel, _panel(info, photo, outputs))
    whole.write_arrays(photo.job.arrays, arrays_of(info, outputs, *photo.size))


def _panel(info: DataInfo, photo: _Photo, outputs: Outputs) -> np.ndarray:
    # In the size of the panel from the start: colours of a huge image take gigabytes.
    maps = arrays_of(info, outputs, *photo.thumbnail.shape[:2])
    scene = None
    if SCENES in outputs:
        width = tiles.fit(photo.thumbnail).shape[1]
        scene = scene_text(scene_classes_of(info).describe(outputs[SCENES]), width)
    return panels.prediction_panel(info.tasks, photo.thumbnail, maps, scene)


def scene_text(classes: Sequence[str], width: int) -> str:
    """Names the classes of an image in one line, as many as fit into `width` pixels.

    The first is named in any case; the number of those left out is at the end.
    """
    for number in range(len(classes), 0, -1):
        rest = len(classes) - number
        text = ", ".join(classes[:number]) + f" and {rest} more" * (rest > 0)
        if number == 1 or tiles.text_width(text) <= width:
            return text
    return "no class above 50%"


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes [h, w] or [h, w, C] to (height, width), bilinearly, as float32."""
    if values.ndim == 3:
        channels = [_resized(values[..., c], size) for c in range(values.shape[-1])]
        return np.stack(channels, axis=-1)
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def _likeliest(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns class numbers [height, width] of probabilities [h, w, classes].

    One class is resized at a time: all of a large image at once take gigabytes.
    """
    classes = probabilities.shape[-1]
    best = np.zeros(size, np.min_scalar_type(classes - 1))
    highest = _resized(probabilities[..., 0], size).copy()
    for number in range(1, classes):
        values = _resized(probabilities[..., number], size)
        best[values > highest] = number
        np.maximum(highest, values, out=highest)
    return best


def _unit_vectors(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.float32(1e-12))
