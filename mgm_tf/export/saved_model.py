"""A versioned SavedModel of trained networks, compared with them before publication.

Endpoints (both: `images` [N, H, W, 3] in 0..255, of any N > 0, H and W):

    serving_default   float32: also what JSON requests, whose integers are numbers, use
    serving_uint8     uint8: a quarter of the bytes
    serve             after `tf.saved_model.load`, a callable that takes either

`predictor.py` describes their outputs, `versions.py` the files of a version.
"""

import json
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import DataInfo
from mgm_tf.export import version_files
from mgm_tf.export.predictor import Predictor, probabilities_of
from mgm_tf.export.versions import (
    FORMAT,
    RECORD,
    SAVED_MODEL,
    Outputs,
    newest_version,
    restore,
)
from mgm_tf.files import whole
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import Categorical, SceneClasses

ENDPOINTS = {"serving_default": tf.float32, "serving_uint8": tf.uint8}
TOLERANCE = 1e-5


@version_files.one_at_a_time
def export(
    networks: Mapping[str, keras.Model],
    tasks: Sequence[Task],
    scene_classes: SceneClasses | None,
    image_size: int,
    directory: str | os.PathLike,
    *,
    fingerprint: str,
    extra: Mapping[str, Any] | None = None,
    sample: np.ndarray | None = None,
) -> pathlib.Path:
    """Writes the next version under `directory` and returns its folder.

    A version appears under its number when it is complete and, loaded again, has given
    what the networks give. If the newest version has the same fingerprint, that one is
    returned and nothing is written; unless a file of it is not as it was exported.

    Args:
      networks, tasks, scene_classes, image_size: as for `Predictor`.
      directory: the folder of the versions.
      fingerprint: a text that differs between weights (run and step, or a hash).
      extra: further JSON values for `mgm.json`.
      sample: a real image, uint8 [H, W, 3], to compare on besides random ones.

    Raises:
      ValueError: the loaded SavedModel answers differently; nothing is published.
    """
    directory = pathlib.Path(directory)
    newest = newest_version(directory)
    if newest and _same(newest, fingerprint):
        print(f"{newest} already holds this model: reused.", flush=True)
        return newest
    predictor = Predictor(networks, tasks, scene_classes, image_size)
    directory.mkdir(parents=True, exist_ok=True)
    # TensorFlow Serving passes over folders whose name is no number.
    with tempfile.TemporaryDirectory(
        prefix=version_files.DRAFTS, dir=directory
    ) as folder:
        draft = pathlib.Path(folder) / "version"
        _write(predictor, draft)
        _write_record(draft, predictor, fingerprint, extra or {})
        check(predictor, draft, sample)
        return _publish(draft, directory)


def check(
    predictor: Predictor, path: pathlib.Path, sample: np.ndarray | None = None
) -> None:
    """Compares the SavedModel in `path` with the networks in this process.

    On random images and on `sample`, one and three at a time, by both endpoints. On the
    CPU: a GPU may choose another algorithm for the same convolution, whose last digits
    differ.

    Raises:
      ValueError: an output differs by more than 1e-5 of max(1, |value|), is missing or
        is not a number. Class numbers are compared where the two likeliest classes
        differ by more than 1e-5 in probability.
    """
    with tf.device("/CPU:0"):
        model = restore(path)
        # As one graph, like the endpoints: TensorFlow fuses operations within a graph,
        # and a network after few steps magnifies the last digits.
        spec = tf.TensorSpec([None, None, None, 3], tf.float32, name="images")
        in_process = tf.function(predictor.__call__, [spec], autograph=False)
        for images in _probes(predictor.image_size, sample):
            expected = _arrays(in_process(tf.constant(images)))
            for endpoint, dtype in ENDPOINTS.items():
                signature = model.signatures[endpoint]
                inputs = tf.constant(images.astype(dtype.as_numpy_dtype))
                outputs = _arrays(signature(images=inputs))
                compare(expected, outputs, predictor.tasks, endpoint)


def compare(
    expected: Outputs, actual: Outputs, tasks: Sequence[Task], where: str
) -> None:
    """Compares the outputs of a SavedModel with those of the networks.

    Args:
      expected: the outputs of the networks.
      actual: the outputs of the SavedModel.
      tasks: the tasks that are predicted.
      where: the words with which an error begins.

    Raises:
      ValueError: the outputs differ, as `check` says.
    """
    if sorted(expected) != sorted(actual):
        names = f"{sorted(actual)}, not {sorted(expected)}"
        raise ValueError(f"{where} has outputs {names}.")
    class_maps = {task.name for task in tasks if task.info.class_names}
    worst = {}
    for name, values in expected.items():
        if values.shape != actual[name].shape:
            shapes = f"{actual[name].shape}, not {values.shape}"
            raise ValueError(f"{where}: {name!r} has shape {shapes}.")
        scale = np.maximum(1.0, np.abs(values))
        difference = np.abs(actual[name].astype(np.float64) - values) / scale
        if name in class_maps:
            difference = difference[_is_decided(expected[probabilities_of(name)])]
        worst[name] = float(difference.max(initial=0.0))
    # `not <=`, because NaN is an error as well.
    wrong = [f"{n} by {d:.2g}" for n, d in worst.items() if not d <= TOLERANCE]
    if wrong:
        raise ValueError(
            f"{where}: the saved model differs from the networks: {', '.join(wrong)}; "
            f"at most {TOLERANCE} was expected. Nothing was published."
        )


def _is_decided(probabilities: np.ndarray) -> np.ndarray:
    """Returns where one class is the likeliest beyond rounding."""
    ordered = np.sort(probabilities, axis=-1)
    if ordered.shape[-1] == 1:
        return np.ones(ordered.shape[:-1], bool)
    return ordered[..., -1] - ordered[..., -2] > TOLERANCE


def _write(predictor: Predictor, path: pathlib.Path) -> None:
    # The archive finds the weights of the endpoints itself. It would store those of
    # networks that it tracks as well twice.
    archive = keras.export.ExportArchive()
    for endpoint, dtype in ENDPOINTS.items():
        spec = tf.TensorSpec([None, None, None, 3], dtype, name="images")
        archive.add_endpoint(endpoint, predictor.__call__, input_signature=[spec])
    serve = tf.function(predictor.__call__, autograph=False)
    for dtype in ENDPOINTS.values():
        spec = tf.TensorSpec([None, None, None, 3], dtype, name="images")
        serve.get_concrete_function(spec)
    archive.add_endpoint("serve", serve)
    archive.write_out(str(path), verbose=False)


def _write_record(
    path: pathlib.Path,
    predictor: Predictor,
    fingerprint: str,
    extra: Mapping[str, Any],
) -> None:
    # Where no scene was learned, there is no scene class.
    scene_classes = predictor.scene_classes or Categorical(())
    info = DataInfo(
        image_size=predictor.image_size,
        tasks={task.name: task.info for task in predictor.tasks},
        scene_names=scene_classes.names,
        label_kind=scene_classes.kind,
    )
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    record = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "versions": versions,
        "data": info.metadata(),
        "extra": dict(extra),
    }
    (path / RECORD).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    whole.write_text(path / RECORD, text + "\n")


def _publish(draft: pathlib.Path, directory: pathlib.Path) -> pathlib.Path:
    version_files.seal(draft)
    while True:
        newest = newest_version(directory)
        path = directory / str(int(newest.name) + 1 if newest else 1)
        try:
            # Fails if another export took the number in the meantime.
            draft.rename(path)
        except OSError:
            if not path.exists():
                raise
        else:
            whole.sync_folder(directory)
            return path


def _same(version: pathlib.Path, fingerprint: str) -> bool:
    record = version / RECORD
    if not (record.is_file() and (version / SAVED_MODEL).is_file()):
        return False
    values = json.loads(record.read_text("utf-8"))
    if (values["format"], values["fingerprint"]) != (FORMAT, fingerprint):
        return False
    fault = version_files.fault(version)
    if fault is not None:
        print(f"{fault}: exported anew.", flush=True)
    return fault is None


def _probes(size: int, sample: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns batches of 3 and 1 images, none of the networks' own size."""
    random = np.random.default_rng(0)
    shape = (3, size + 7, 2 * size + 1, 3)
    three = random.integers(0, 256, shape).astype(np.float32)
    single = three[:1] if sample is None else np.asarray(sample, np.float32)[None]
    return three, single


def _arrays(outputs: Mapping[str, tf.Tensor]) -> Outputs:
    return {name: np.asarray(value) for name, value in outputs.items()}
