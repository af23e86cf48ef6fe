"""Exported models on disk: the folders of their versions, and their loading.

saved_models/nyuv2/1/                       a version; TF-Serving watches the parent
    saved_model.pb, variables/
    assets.extra/mgm.json                   tasks, scene names, image size, versions
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from datasets.files import records
from datasets.metadata import DataInfo
from mgm_tf.files import tensorflow_files

FORMAT = 1  # of a version on disk; a version of another format is not reused
RECORD = pathlib.Path("assets.extra") / "mgm.json"
SAVED_MODEL = "saved_model.pb"
REMEDY = "Export it again with `python -m mgm_tf.export`."

# name -> array with the images as its first axis, see `predictor.py`
Outputs = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A loaded SavedModel of this program; a call predicts.

    Attributes:
      path: the folder of the version.
      info: the image size, the tasks, the scene names (none where no scene was learned)
        and whether an image has one of them or several.
      record: the content of `mgm.json`.
      model: the restored object of TensorFlow.
    """

    path: pathlib.Path
    info: DataInfo
    record: Mapping[str, Any]
    model: tf.Module

    def __call__(self, images: np.ndarray) -> Outputs:
        """Predicts from `images` [N, H, W, 3], float32 or uint8, in 0..255."""
        outputs = self.model.serve(tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}


def load(directory: str | os.PathLike) -> LoadedModel:
    """Loads the newest version under `directory`, or `directory` if it is a version.

    Raises:
      ValueError: there is no version, or it was not written by `saved_model.export`.
    """
    path = pathlib.Path(directory).expanduser()
    if not (path / SAVED_MODEL).is_file():
        newest = newest_version(path)
        if newest is None:
            raise ValueError(
                f"No saved model in {path}: expected a version folder such as "
                f"{path / '1'} with {SAVED_MODEL}, as `python -m mgm_tf.export` writes."
            )
        path = newest
    if not (path / RECORD).is_file():
        raise ValueError(
            f"{path} is no saved model of this program: {path / RECORD} is missing. "
            "Export it again with `python -m mgm_tf.export`."
        )
    record = read_record(path / RECORD)
    data = record.get("data")
    info = DataInfo.from_metadata(data, f"{path / RECORD}: data", remedy=REMEDY)
    return LoadedModel(path, info, record, restore(path))


def read_record(path: pathlib.Path) -> dict[str, Any]:
    """Reads the record of a version.

    Raises:
      ValueError: it is no JSON object of the format of this program.
    """
    record = records.read(path, REMEDY)
    version = record.get("format") if isinstance(record, dict) else record
    if version != FORMAT:
        raise ValueError(
            f"{path}: expected format {FORMAT}, got {records.shown(version)}. {REMEDY}"
        )
    return record


def newest_version(directory: pathlib.Path) -> pathlib.Path | None:
    """Returns the version folder with the highest number; None without any."""
    if not directory.is_dir():
        return None
    versions = [
        path for path in directory.iterdir() if path.is_dir() and path.name.isdecimal()
    ]
    return max(versions, key=lambda path: int(path.name), default=None)


def restore(path: pathlib.Path) -> tf.Module:
    """Restores the SavedModel in the folder of a version.

    Raises:
      ValueError: its files are damaged.
    """
    try:
        with tensorflow_files.plain(path) as plain:
            return tf.saved_model.load(str(plain))
    except Exception as error:  # of many kinds, by the file and by what it lacks
        reason = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            f"{path}: the saved model cannot be loaded: {reason[0]}. {REMEDY}"
        ) from error
