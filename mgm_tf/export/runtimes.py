"""Exports for other runtimes: LiteRT (phones, boards) and ONNX.

Neither has the antialiased resizing of the SavedModel: images come in the network's
size, `images` [N, S, S, 3] float32 in 0..255. Outputs are those of `predictor.py`. Each
file is compared with the networks before it is there, and timed beside them.

    assets.extra/model.tflite, model.onnx    in the folder of a version
    assets.extra/runtimes.json               how they compare: differences, milliseconds
"""

import contextlib
import dataclasses
import logging
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.export.predictor import Predictor, probabilities_of
from mgm_tf.export.versions import Outputs
from mgm_tf.files import reading, whole

RECORD = "runtimes.json"
FOLDER = "assets.extra"  # which TensorFlow Serving leaves alone
INPUT = "images"
# Other kernels add in another order: a hundred times what the SavedModel may differ by.
TOLERANCE = 1e-3
_ROUNDS = 30
_OPSET = 18  # of ONNX

Run = Callable[[np.ndarray], Outputs]


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A runtime: a row of `RUNTIMES`.

    Attributes:
      file: the name of its file.
      convert: makes the file of networks.
      load: makes a file predict, on one thread.
    """

    file: str
    convert: Callable[[Predictor], bytes]
    load: Callable[[bytes], Run]


def write(
    predictor: Predictor,
    names: Sequence[str],
    draft: pathlib.Path,
    sample: np.ndarray | None = None,
) -> None:
    """Writes the files of runtimes into the folder of a version that is in the making.

    Args:
      predictor: the networks.
      names: the names of the runtimes, keys of `RUNTIMES`.
      draft: the folder of the version.
      sample: a real image, uint8 [H, W, 3], to compare on besides a random one.

    Raises:
      ValueError: a runtime is not installed, or answers differently; its file is not
        written then.
    """
    images = _probes(predictor, sample)
    expected = _in_tensorflow(predictor)
    folder = draft / FOLDER
    record: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(names):
        runtime = RUNTIMES[name]
        content = _installed(name, runtime.convert, predictor)
        run = _installed(name, runtime.load, content)
        differences = [
            _differences(expected(each), run(each), predictor, name) for each in images
        ]
        largest = {
            key: max(each[key] for each in differences) for key in differences[0]
        }
        _check(largest, name)
        whole.write_bytes(folder / runtime.file, content)
        record[runtime.file] = {
            "bytes": len(content),
            "differences": largest,
            "milliseconds": round(_milliseconds(run, images[0]), 2),
            "milliseconds_of_tensorflow": round(_milliseconds(expected, images[0]), 2),
        }
    whole.write_json(folder / RECORD, record)


def written(version: pathlib.Path) -> set[str]:
    """Returns the names of the runtimes that a version has files of."""
    folder = version / FOLDER
    return {name for name, row in RUNTIMES.items() if (folder / row.file).is_file()}


def record_of(version: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Reads what a version says of its files for other runtimes.

    Returns:
      Of each file its size, the largest difference from the networks by output, and the
      milliseconds of an image for it and for them; nothing where there is no file.

    Raises:
      DamagedFile: `runtimes.json` is no JSON object.
    """
    path = version / FOLDER / RECORD
    if not path.exists():
        return {}
    return reading.read_json(path, remedy="Export it again.")


def text(record: dict[str, dict[str, Any]]) -> str:
    """Returns what `record_of` returns in words, a line for each file."""
    return "\n".join(
        f"{file}: {facts['bytes'] / 1e6:.1f} MB, differs by at most "
        f"{max(facts['differences'].values()):.1e}; {facts['milliseconds']:.1f} ms an "
        f"image on one thread, TensorFlow {facts['milliseconds_of_tensorflow']:.1f} ms."
        for file, facts in record.items()
    )


# --- The runtimes -------------------------------------------------------------------


def _to_litert(predictor: Predictor) -> bytes:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        archive = keras.export.ExportArchive()
        archive.add_endpoint(
            "serving_default",
            predictor.of_resized,
            input_signature=[_spec(predictor)],
        )
        archive.write_out(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def _litert(content: bytes) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner("serving_default")
    return lambda images: runner(**{INPUT: images})


def _to_onnx(predictor: Predictor) -> bytes:
    import tf2onnx

    # It tells of every step.
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    function = tf.function(
        predictor.of_resized, input_signature=[_spec(predictor)], autograph=False
    )
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=[_spec(predictor)], opset=_OPSET
    )
    return model.SerializeToString()


def _onnx(content: bytes) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(
        zip(names, session.run(names, {INPUT: images}), strict=True)
    )


RUNTIMES = {
    "litert": Runtime("model.tflite", _to_litert, _litert),
    "onnx": Runtime("model.onnx", _to_onnx, _onnx),
}


# --- Parts --------------------------------------------------------------------------


def _spec(predictor: Predictor) -> tf.TensorSpec:
    size = predictor.image_size
    return tf.TensorSpec([None, size, size, 3], tf.float32, name=INPUT)


def _in_tensorflow(predictor: Predictor) -> Run:
    function = tf.function(
        predictor.of_resized, input_signature=[_spec(predictor)], autograph=False
    )
    return lambda images: {
        name: value.numpy() for name, value in function(tf.constant(images)).items()
    }


def _probes(predictor: Predictor, sample: np.ndarray | None) -> list[np.ndarray]:
    """Returns batches of one and of two images in the network's size."""
    size = (predictor.image_size, predictor.image_size)
    random = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype(np.float32)
    first = random[:1]
    if sample is not None:
        first = tf.image.resize(sample[None], size, antialias=True).numpy()
    return [first, np.concatenate([first, random[1:]])]


def _differences(
    expected: Outputs, actual: Outputs, predictor: Predictor, name: str
) -> dict[str, float]:
    """Returns the largest difference of each output, of max(1, |value|).

    Class numbers are compared where the two likeliest classes are further apart in
    probability than outputs may differ.
    """
    if sorted(expected) != sorted(actual):
        raise ValueError(
            f"{name} has outputs {sorted(actual)}, expected {sorted(expected)}."
        )
    class_maps = {task.name for task in predictor.tasks if task.info.class_names}
    worst = {}
    for key, values in expected.items():
        scale = np.maximum(1.0, np.abs(values))
        difference = np.abs(actual[key].astype(np.float64) - values) / scale
        if key in class_maps:
            ordered = np.sort(expected[probabilities_of(key)], axis=-1)
            second = ordered[..., -2] if ordered.shape[-1] > 1 else -1.0
            difference = difference[ordered[..., -1] - second > TOLERANCE]
        worst[key] = float(difference.max(initial=0.0))
    return worst


def _check(differences: dict[str, float], name: str) -> None:
    # `not <=`, because NaN is an error as well.
    wrong = [f"{k} by {v:.2g}" for k, v in differences.items() if not v <= TOLERANCE]
    if wrong:
        raise ValueError(
            f"{name} differs from the networks: {', '.join(wrong)}; at most "
            f"{TOLERANCE} was expected. Nothing was published."
        )


def _installed(name: str, act: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return act(argument)
    except ImportError as error:
        raise ValueError(
            f"--runtime={name} needs {error.name}: pip install -r "
            "requirements-runtimes.txt"
        ) from error


def _milliseconds(run: Run, images: np.ndarray) -> float:
    """Returns the median time of a prediction."""
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run(images)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
