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
from mgm_tf.export import description, runtimes, signatures, version_files
from mgm_tf.export.predictor import IMAGE_SIZE, Predictor, probabilities_of
from mgm_tf.export.sampler import IMAGES, Sampler
from mgm_tf.export.serving import answer, packages, warm_up
from mgm_tf.export.versions import (
    FORMAT,
    RECORD,
    SAVED_MODEL,
    Outputs,
    newest_version,
    read_record,
    restore,
)
from mgm_tf.files import whole
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import Categorical, SceneClasses

TOLERANCE = 1e-5
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
      other_runtimes: the runtimes that the networks are exported for as well, keys of
        `runtimes.RUNTIMES`.

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
    directory.mkdir(parents=True, exist_ok=True)
    # TensorFlow Serving passes over folders whose name is no number.
    with tempfile.TemporaryDirectory(
        prefix=version_files.DRAFTS, dir=directory
    ) as folder:
        draft = pathlib.Path(folder) / "version"
        _write(predictor, rows, draft)
        _write_record(draft, predictor, rows, fingerprint, extra or {})
        model = check(predictor, draft, sample, sampler)
        description.write(predictor, draft, [row.name for row in rows])
        answer.write(draft, model)
        _write_warm_up(draft, rows, image_size)
        if card:
            whole.write_text(draft / CARD, card)
        if other_runtimes:
            runtimes.write(predictor, other_runtimes, draft, sample)
        return _publish(draft, directory)


def check(
    predictor: Predictor,
    path: pathlib.Path,
    sample: np.ndarray | None = None,
    sampler: Sampler | None = None,
) -> tf.Module:
    """Compares the SavedModel in `path` with the networks in this process.

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
        for images in _probes(predictor.image_size, sample):
            expected = _arrays(in_process(tf.constant(images)))
            files = [
                tf.io.encode_png(image).numpy() for image in images.astype(np.uint8)
            ]
            inputs = {
                name: tf.constant(images.astype(dtype.as_numpy_dtype))
                for name, dtype in signatures.RAW.items()
            } | {signatures.BYTES: tf.constant(files)}
            for name, values in inputs.items():
                outputs = _arrays(model.signatures[name](values))
                compare(expected, outputs, predictor.tasks, name)
        _check_full_size(in_process, predictor, model)
        _check_features(predictor, model)
        if sampler is not None:
            _check_samples(sampler, model)
    return model


def _check_full_size(
    in_process: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    predictor: Predictor,
    model: tf.Module,
) -> None:
    """Compares outputs in the size of an image that is of the network's size."""
    size = predictor.image_size
    (image,) = _random_images((1, size, size, 3))
    expected = _arrays(in_process(tf.constant(image[None])))
    png = tf.io.encode_png(image.astype(np.uint8))
    outputs = _arrays(model.signatures[signatures.BYTES_FULL](png[None]))
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
    images = tf.constant(_probes(predictor.image_size, None)[1])
    spec = signatures.image_spec(tf.float32)
    features = tf.function(predictor.features, [spec], autograph=False)
    outputs = _arrays(model.signatures[signatures.FEATURES](images))
    compare(_arrays(features(images)), outputs, (), signatures.FEATURES)


def _check_samples(sampler: Sampler, model: tf.Module) -> None:
    """Compares generated images, whose bytes may differ by one in rounding."""
    scene, noise = sampler.specs
    inputs = (
        tf.ones([2, *scene.shape[1:]], scene.dtype),
        tf.constant(
            np.random.default_rng(0).standard_normal((2, noise.shape[1])), noise.dtype
        ),
    )
    in_process = tf.function(sampler.__call__, sampler.specs, autograph=False)
    expected = in_process(*inputs)[IMAGES].numpy().astype(int)
    named = {
        spec.name: values for spec, values in zip(sampler.specs, inputs, strict=True)
    }
    images = model.signatures[signatures.SAMPLE](**named)[IMAGES].numpy()
    worst = np.abs(images - expected).max()
    if worst > 1:
        raise ValueError(
            f"{signatures.SAMPLE}: the saved model differs from the generator by up to "
            f"{worst} of 255; at most 1 was expected. Nothing was published."
        )


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


def _write(
    predictor: Predictor, rows: Sequence[signatures.Signature], path: pathlib.Path
) -> None:
    # The archive finds the weights of the endpoints itself. It would store those of
    # networks that it tracks as well twice.
    archive = keras.export.ExportArchive()
    for row in rows:
        archive.add_endpoint(row.name, row.function, input_signature=list(row.inputs))
    serve = tf.function(predictor.__call__, autograph=False)
    for dtype in signatures.RAW.values():
        serve.get_concrete_function(signatures.image_spec(dtype))
    archive.add_endpoint("serve", serve)
    archive.write_out(str(path), verbose=False)


def _write_record(
    path: pathlib.Path,
    predictor: Predictor,
    rows: Sequence[signatures.Signature],
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
    # Versions of before the list have fewer signatures.
    found = values.get("fingerprint"), values.get("signatures")
    if found != (fingerprint, [row.name for row in rows]):
        return False
    if not runtimes.written(version).issuperset(other_runtimes):
        return False
    fault = version_files.fault(version)
    if fault is not None:
        print(f"{fault}: exported anew.", flush=True)
    return fault is None


def _probes(size: int, sample: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns batches of 3 and 1 images, none of the networks' own size."""
    three = _random_images((3, size + 7, 2 * size + 1, 3))
    single = three[:1] if sample is None else np.asarray(sample, np.float32)[None]
    return three, single


def _random_images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


def _arrays(outputs: Mapping[str, tf.Tensor]) -> Outputs:
    return {name: np.asarray(value) for name, value in outputs.items()}
