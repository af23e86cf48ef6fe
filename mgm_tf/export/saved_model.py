"""A versioned SavedModel of trained networks, compared with them before publication.

`signatures.py` lists its signatures, `versions.py` the files of a version. After
`tf.saved_model.load`, `serve` is a callable that takes images as float32 or uint8.
"""

import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import DataInfo
from mgm_tf.export import (
    comparison,
    description,
    inference,
    runtimes,
    signatures,
    version_files,
)
from mgm_tf.export.comparison import arrays, compare, probes, random_images
from mgm_tf.export.inference import Served
from mgm_tf.export.predictor import IMAGE_SIZE, Predictor
from mgm_tf.export.sampler import Sampler
from mgm_tf.export.serving import answer, packages, warm_up
from mgm_tf.export.versions import (
    FORMAT,
    RECORD,
    SAVED_MODEL,
    newest_version,
    read_record,
    restore,
)
from mgm_tf.files import whole
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import Categorical, SceneClasses

CARD = pathlib.Path("assets.extra") / "MODEL_CARD.md"


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
    sampler: Sampler | None = None,
    card: str = "",
    other_runtimes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes the next version under `directory` and returns its folder.

    A version appears under its number when it is complete and, loaded again, has given
    what the networks give. If the newest version has the same fingerprint, the same
    signatures and the files of all these runtimes, that one is returned and nothing is
    written; unless a file of it is not as it was exported.

    Args:
      networks, tasks, scene_classes, image_size: as for `Predictor`.
      directory: the folder of the versions.
      fingerprint: a text that differs between weights (run and step, or a hash).
      extra: further JSON values for `mgm.json`.
      sample: a real image, uint8 [H, W, 3], to compare on besides random ones.
      sampler: the generator, which gets a signature of its own; None without any.
      card: the model card, `MODEL_CARD.md`; empty for none.
      other_runtimes: further runtimes to export for, keys of `runtimes.RUNTIMES`.

    Raises:
      ValueError: the loaded SavedModel, or another runtime, answers differently, or a
        runtime is not installed; nothing is published.
    """
    directory = pathlib.Path(directory)
    predictor = Predictor(networks, tasks, scene_classes, image_size)
    rows = signatures.signatures_of(predictor, sampler)
    newest = newest_version(directory)
    if newest and _same(newest, fingerprint, rows, other_runtimes):
        print(f"{newest} already holds this model: reused.", flush=True)
        return newest
    whole.make_folder(directory)
    # TensorFlow Serving passes over folders whose name is no number.
    with tempfile.TemporaryDirectory(
        prefix=version_files.DRAFTS, dir=directory
    ) as folder:
        draft = pathlib.Path(folder) / "version"
        served = inference.served(predictor, sampler, sample)
        _write(served, draft)
        _write_record(draft, served, rows, fingerprint, extra or {})
        model = _checked(served, draft, sample)
        description.write(predictor, draft, [row.name for row in rows])
        answer.write(draft, model)
        _write_warm_up(draft, rows, image_size)
        if card:
            whole.write_text(draft / CARD, card)
        if other_runtimes:
            runtimes.write(served.predictor, other_runtimes, draft, sample)
        return _publish(draft, directory)


def _checked(
    served: Served, draft: pathlib.Path, sample: np.ndarray | None
) -> tf.Module:
    """Returns the draft, loaded; ValueError if it does not answer as it should."""
    try:
        return check(served.predictor, draft, sample, served.sampler)
    except comparison.Differs as error:
        raise ValueError(f"The saved model's {error} Nothing was published.") from error


def check(
    predictor: Predictor,
    path: pathlib.Path,
    sample: np.ndarray | None = None,
    sampler: Sampler | None = None,
) -> tf.Module:
    """Compares the SavedModel in `path` with what it is of, in this process.

    On random images and on `sample`, one and three at a time, by all signatures. On the
    CPU: a GPU may choose another algorithm for the same convolution, whose last digits
    differ.

    Returns:
      The SavedModel, restored.

    Raises:
      ValueError: an output differs by more than 1e-5 of max(1, |value|), is missing or
        is not a number. Class numbers are compared where the two likeliest classes
        differ by more than 1e-5 in probability.
    """
    with tf.device("/CPU:0"):
        model = restore(path)
        # As one graph, like the endpoints: TensorFlow fuses operations within a graph,
        # and a network after few steps magnifies the last digits.
        spec = signatures.image_spec(tf.float32)
        in_process = tf.function(predictor.__call__, [spec], autograph=False)
        for images in probes(predictor.image_size, sample):
            expected = arrays(in_process(tf.constant(images)))
            files = [
                tf.io.encode_png(image).numpy() for image in images.astype(np.uint8)
            ]
            inputs = {
                name: tf.constant(images.astype(dtype.as_numpy_dtype))
                for name, dtype in signatures.RAW.items()
            } | {signatures.BYTES: tf.constant(files)}
            for name, values in inputs.items():
                outputs = arrays(model.signatures[name](values))
                compare(expected, outputs, predictor.tasks, name)
        _check_full_size(in_process, predictor, model)
        _check_features(predictor, model)
        if sampler is not None:
            comparison.compare_samples(sampler, model.signatures[signatures.SAMPLE])
    return model


def _check_full_size(
    in_process: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    predictor: Predictor,
    model: tf.Module,
) -> None:
    """Compares outputs in the size of an image that is of the network's size."""
    size = predictor.image_size
    (image,) = random_images((1, size, size, 3))
    expected = arrays(in_process(tf.constant(image[None])))
    png = tf.io.encode_png(image.astype(np.uint8))
    outputs = arrays(model.signatures[signatures.BYTES_FULL](png[None]))
    sizes = {IMAGE_SIZE: np.array([[size, size]])}
    probabilities = {
        name: values for name, values in expected.items() if name not in outputs
    }
    compare(
        expected | sizes,
        outputs | probabilities,
        predictor.tasks,
        signatures.BYTES_FULL,
    )


def _check_features(predictor: Predictor, model: tf.Module) -> None:
    images = tf.constant(probes(predictor.image_size, None)[1])
    spec = signatures.image_spec(tf.float32)
    features = tf.function(predictor.features, [spec], autograph=False)
    outputs = arrays(model.signatures[signatures.FEATURES](images))
    compare(arrays(features(images)), outputs, (), signatures.FEATURES)


def _write(served: Served, path: pathlib.Path) -> None:
    # The archive finds the weights of the endpoints itself. It would store those of
    # networks that it tracks as well twice.
    archive = keras.export.ExportArchive()
    for row in signatures.signatures_of(served.predictor, served.sampler):
        archive.add_endpoint(row.name, row.function, input_signature=list(row.inputs))
    serve = tf.function(served.predictor.__call__, autograph=False)
    for dtype in signatures.RAW.values():
        serve.get_concrete_function(signatures.image_spec(dtype))
    archive.add_endpoint("serve", serve)
    archive.write_out(str(path), verbose=False)


def _write_record(
    path: pathlib.Path,
    served: Served,
    rows: Sequence[signatures.Signature],
    fingerprint: str,
    extra: Mapping[str, Any],
) -> None:
    predictor = served.predictor
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
        "folded": served.is_folded,
        "signatures": [row.name for row in rows],
        "data": info.metadata(),
        "extra": dict(extra),
    }
    (path / RECORD).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    whole.write_text(path / RECORD, text + "\n")


def _write_warm_up(
    path: pathlib.Path, rows: Sequence[signatures.Signature], image_size: int
) -> None:
    try:
        warm_up.write(path, rows, image_size)
    except packages.NotInstalled as error:
        print(f"Without warm-up: {error}", flush=True)


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


def _same(
    version: pathlib.Path,
    fingerprint: str,
    rows: Sequence[signatures.Signature],
    other_runtimes: Sequence[str],
) -> bool:
    record = version / RECORD
    if not (record.is_file() and (version / SAVED_MODEL).is_file()):
        return False
    try:
        values = read_record(record)
    except ValueError as error:
        print(f"{error} It is exported anew, as the next version.", flush=True)
        return False
    # Versions of before the list have fewer signatures, others nothing folded.
    found = values.get("fingerprint"), values.get("signatures")
    if found != (fingerprint, [row.name for row in rows]) or "folded" not in values:
        return False
    if not runtimes.written(version).issuperset(other_runtimes):
        return False
    fault = version_files.fault(version)
    if fault is not None:
        print(f"{fault}: exported anew.", flush=True)
    return fault is None
