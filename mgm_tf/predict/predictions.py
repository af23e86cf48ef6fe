"""Predictions of an exported model for image files, in each image's own resolution.

For each image, in the output folder:

    NAME.panel.png    the image and every prediction as pictures
    NAME.npz          the arrays, by the names of the model's outputs, [H, W] or
                      [H, W, C] with H and W of the image (upright):
                      `segmentation` (the smallest unsigned integers that hold the
                      classes), `depth`, `normals`, … float32; `scene_probabilities`
                      [scenes], in the order of `scene_names` in the model's `mgm.json`.
                      Class probabilities of pixels are left out: they would be large.

    NAME.depth.png, …  picture files of the maps (`map_files.py`)
    NAME.ply          a point cloud of the depth (`point_cloud.py`)

NAME is the stem of the image, in the same subfolder; with its suffix where two images
share a stem.
"""

import dataclasses
import os
import pathlib
import sys
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from datasets.files import names
from datasets.metadata import DataInfo
from mgm_tf.errors import NotWritten
from mgm_tf.export.predictor import SCENES
from mgm_tf.export.versions import LoadedModel, Outputs
from mgm_tf.files import whole
from mgm_tf.plotting import panels, terminal, tiles
from mgm_tf.predict import image_files, map_files, point_cloud
from mgm_tf.predict.maps import arrays_of
from mgm_tf.predict.point_cloud import Intrinsics
from mgm_tf.tasks.scenes import scene_classes_of

DEPTH, NORMALS = "depth", "normals"
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

    @property
    def base(self) -> pathlib.Path:
        """The path of its results without what they end with."""
        return self.panel.with_name(self.panel.name.removesuffix(image_files.PANEL))

    def is_done(self, ends: Sequence[str] = (image_files.PANEL, ".npz")) -> bool:
        """Returns whether the results that end so are there, and whole."""
        return all(_is_whole(pathlib.Path(f"{self.base}{end}")) for end in ends)


def _is_whole(path: pathlib.Path) -> bool:
    if not path.is_file():
        return False
    check = {".npz": zipfile.is_zipfile, ".png": _is_whole_picture}.get(path.suffix)
    return check is None or check(path)


def _is_whole_picture(path: pathlib.Path) -> bool:
    return path.read_bytes().endswith(PNG_END)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The results that are wanted of an image.

    Attributes:
      kinds: their kinds, keys of `WRITERS`.
      intrinsics: the camera, which point clouds need; else None.
    """

    kinds: tuple[str, ...] = ("panel", "npz")
    intrinsics: Intrinsics | None = None

    def check(self, info: DataInfo) -> None:
        """Raises ValueError if a model cannot give, or nobody knows, what is wanted."""
        if "ply" in self.kinds and DEPTH not in info.tasks:
            raise ValueError(
                f"--results=ply needs {DEPTH}; this model predicts "
                f"{', '.join(info.tasks)}."
            )
        if "ply" in self.kinds and self.intrinsics is None:
            raise ValueError(
                "--results=ply needs --intrinsics=fx,fy,cx,cy, the camera in pixels of "
                "the image."
            )


DEFAULT = Wanted()


@dataclasses.dataclass(frozen=True)
class Photo:
    """The parts of an image that are kept until its results are written.

    Attributes:
      job: the job of the image.
      size: the height and the width of the image.
      network_input: the image at the network's size, float32 [S, S, 3] in 0..255.
      thumbnail: the image at the size of the panel, uint8 [H, W, 3].
      pixels: returns the image again, uint8 [H, W, 3].
    """

    job: Job
    size: tuple[int, int]
    network_input: np.ndarray
    thumbnail: np.ndarray
    pixels: Callable[[], np.ndarray]


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


def predict(
    model: LoadedModel,
    jobs: Sequence[Job],
    batch_size: int = 8,
    wanted: Wanted = DEFAULT,
) -> int:
    """Does the jobs and returns the number of images that could not be done.

    Those that cannot be read, or whose results cannot be written, are named with the
    reason; the others are done all the same. One image at a
    time is in memory in its own resolution.

    Raises:
      ValueError: the batch size is less than 1.
    """
    wanted.check(model.info)
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
            failures += _predict_batch(model, photos, progress, wanted)
    print(f"Predicted {len(jobs) - len(failures)} of {len(jobs)} images.", flush=True)
    for failure in failures:
        print(failure, file=sys.stderr, flush=True)
    return len(failures)


def _make_output(jobs: Sequence[Job]) -> None:
    """Makes the folder of the results; raises NotWritten."""
    folders = sorted({job.panel.parent for job in jobs})
    if folders:
        whole.make_folder(pathlib.Path(os.path.commonpath(folders)))


def _read(job: Job, network_size: int) -> Photo:
    if job.problem:
        raise ValueError(f"{names.shown(job.image)}: {job.problem}")
    pixels = image_files.read(job.image)
    return photo_of(job, pixels, network_size, lambda: image_files.read(job.image))


def photo_of(
    job: Job, pixels: np.ndarray, network_size: int, again: Callable[[], np.ndarray]
) -> Photo:
    """Returns what is kept of an image, uint8 [H, W, 3]; `again` returns it again."""
    height, width = pixels.shape[:2]
    # As the SavedModel does with a raw image; images of one size make a batch.
    network_input = tf.image.resize(
        pixels, (network_size, network_size), antialias=True
    )
    shrunk = Image.fromarray(pixels)
    shrunk.thumbnail((tiles.LARGEST, tiles.LARGEST))
    thumbnail = np.asarray(shrunk)
    return Photo(job, (height, width), network_input.numpy(), thumbnail, again)


def outputs_of(model: LoadedModel, photos: Sequence[Photo]) -> list[Outputs]:
    """Predicts images as one batch; returns the outputs of each."""
    batch = model(np.stack([photo.network_input for photo in photos]))
    return [
        {name: values[index] for name, values in batch.items()}
        for index in range(len(photos))
    ]


def _predict_batch(
    model: LoadedModel,
    photos: Sequence[Photo],
    progress: terminal.Progress,
    wanted: Wanted,
) -> list[str]:
    """Predicts images and writes their results; returns what could not be written."""
    if not photos:
        return []
    failures = []
    for photo, outputs in zip(photos, outputs_of(model, photos), strict=True):
        try:
            write(model.info, photo, outputs, wanted)
        except NotWritten:
            raise  # So it would be with all others.
        except OSError as error:
            reason = error.strerror or str(error)
            image = names.shown(photo.job.image)
            failures.append(f"Could not write the results of {image}: {reason}")
            print(f"Skipped {image}: {reason}", file=sys.stderr)
        progress.update()
    return failures


def write(info: DataInfo, photo: Photo, outputs: Outputs, wanted: Wanted) -> None:
    """Writes the results of an image that are wanted."""
    photo.job.panel.parent.mkdir(parents=True, exist_ok=True)
    # In this order the longest name comes first: where it cannot be, there is none.
    for kind in wanted.kinds:
        WRITERS[kind](info, photo, outputs, wanted)


def _write_panel(
    info: DataInfo, photo: Photo, outputs: Outputs, wanted: Wanted
) -> None:
    whole.write_picture(photo.job.panel, panel_of(info, photo.thumbnail, outputs))


def _write_arrays(
    info: DataInfo, photo: Photo, outputs: Outputs, wanted: Wanted
) -> None:
    whole.write_arrays(photo.job.arrays, arrays_of(info, outputs, *photo.size))


def _write_maps(info: DataInfo, photo: Photo, outputs: Outputs, wanted: Wanted) -> None:
    map_files.write(photo.job.base, info, arrays_of(info, outputs, *photo.size))


def _write_points(
    info: DataInfo, photo: Photo, outputs: Outputs, wanted: Wanted
) -> None:
    if wanted.intrinsics is None:
        raise ValueError("A point cloud needs the camera of its image.")
    needed = [name for name in (DEPTH, NORMALS) if name in info.tasks]
    few = dataclasses.replace(info, tasks={name: info.tasks[name] for name in needed})
    maps = arrays_of(few, outputs, *photo.size)
    path = photo.job.base.with_name(photo.job.base.name + ".ply")
    normals = maps.get(NORMALS)
    point_cloud.write(path, maps[DEPTH], photo.pixels(), wanted.intrinsics, normals)


# --results: the kind of result -> what writes it
WRITERS: dict[str, Callable[[DataInfo, Photo, Outputs, Wanted], None]] = {
    "panel": _write_panel,
    "npz": _write_arrays,
    "png": _write_maps,
    "ply": _write_points,
}


def result_ends(info: DataInfo, kinds: Sequence[str]) -> list[str]:
    """Returns what the files of an image end with, for these kinds of results."""
    ends = {
        "panel": (image_files.PANEL,),
        "npz": (".npz",),
        "png": map_files.names(info),
        "ply": (".ply",),
    }
    return [end for kind in kinds for end in ends[kind]]


def panel_of(
    info: DataInfo,
    thumbnail: np.ndarray,
    outputs: Outputs,
    ends: panels.Ends | None = None,
) -> np.ndarray:
    """Draws an image, uint8 [H, W, 3], and all that is predicted of it.

    Args:
      info: the tasks and the scene classes.
      thumbnail: the image in the size of the panel.
      outputs: the outputs for the image.
      ends: the ends of the tasks' colour scales; None: those of its own values.
    """
    # In the size of the panel from the start: colours of a huge image take gigabytes.
    maps = arrays_of(info, outputs, *thumbnail.shape[:2])
    scene = None
    if SCENES in outputs:
        width = tiles.fit(thumbnail).shape[1]
        scene = scene_text(scene_classes_of(info).describe(outputs[SCENES]), width)
    return panels.prediction_panel(info.tasks, thumbnail, maps, scene, ends)


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
