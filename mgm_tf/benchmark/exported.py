"""How long the signatures of an exported model take, by the number of images.

Beside each, in turn with it, the same function of the same networks in this process,
whose batch normalization is not folded into convolutions: the ratio of both is what the
export has gained. The networks in this process are of the settings in the model's
record and have the weights of their seed, on which their speed does not depend.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mgm_tf.benchmark.prediction import BATCH_SIZES
from mgm_tf.benchmark.reading import Windows
from mgm_tf.benchmark.timing import first_call, in_turn, ratios
from mgm_tf.config import saved
from mgm_tf.export import signatures, versions
from mgm_tf.export.predictor import Predictor
from mgm_tf.export.sampler import LatentDistribution, Sampler
from mgm_tf.export.serving import warm_up
from mgm_tf.export.trained_generator import GENERATOR
from mgm_tf.networks import Z_DIM
from mgm_tf.plotting import terminal
from mgm_tf.train.experiment import Experiment

PHOTO = (480, 640)  # pixels of the files that are sent, height and width

COLUMNS = (
    terminal.Column("signature", 20),
    terminal.Column("images at once", 14, right=True),
    terminal.Column("milliseconds", 26, right=True),
    terminal.Column("CPU ms", 10, right=True),
    terminal.Column("images/s", 10, right=True),
    terminal.Column("in process", 26, right=True),
    terminal.Column("", 24),
)

Functions = Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]


def measure(
    path: pathlib.Path,
    windows: Windows,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    in_process: Functions | None = None,
) -> tuple[dict, str]:
    """Measures every signature of an exported model; returns the record and a table.

    Raw images are of the size that the networks see, files are JPEGs of `PHOTO`.

    Args:
      path: the folder of the model.
      windows: how times are measured.
      batch_sizes: the numbers of images at once.
      in_process: signature -> the same function in this process; by default of the
        networks of the settings in the model's record, if it has such.

    Raises:
      ValueError: there is no model.
    """
    model = versions.load(path)
    functions = _in_process(model) if in_process is None else in_process
    record: dict[str, dict] = {}
    rows: list[Sequence[str] | str] = []
    for name in signatures.NAMES:
        signature = model.model.signatures.get(name)
        if signature is None:
            continue
        record[name] = {}
        for number in batch_sizes:
            inputs = _inputs(signature, number, model.info.image_size)
            acts = {"exported": _act(signature, inputs)}
            if name in functions:
                acts["in_process"] = _act(functions[name], inputs)
            record[name][str(number)] = row = _measured(acts, number, windows)
            rows.append((name, str(number), *_cells(row)))
    return record, terminal.table(COLUMNS, rows)


def _measured(
    acts: Mapping[str, Callable[[], object]], number: int, windows: Windows
) -> dict:
    for act in acts.values():
        first_call(act)
    timings = in_turn(acts, windows.number, windows.seconds)
    timing = timings["exported"]
    row = {"timing": timing, "images_per_second": number / timing.median}
    if "in_process" in timings:
        beside = timings["in_process"]
        row |= {"in_process": beside, "ratio": ratios(timing, beside)}
    return row


def _cells(row: dict) -> tuple[str, ...]:
    cells = (
        str(row["timing"]),
        f"{1e3 * row['timing'].cpu_median:,.1f}",
        f"{row['images_per_second']:,.1f}",
    )
    if "ratio" not in row:
        return (*cells, "", "")
    median, low, high = row["ratio"]
    return (*cells, str(row["in_process"]), f"x {median:.2f} ({low:.2f}-{high:.2f})")


def _in_process(model: versions.LoadedModel) -> Functions:
    """Returns the functions of the networks that a model's record describes."""
    settings = model.record.get("extra", {}).get("settings")
    if settings is None:
        return {}
    experiment = Experiment(saved.of_record(model.path / versions.RECORD, settings))
    scene_classes = experiment.data.scene_classes
    predictor = Predictor(
        experiment.networks,
        experiment.tasks,
        scene_classes if model.info.scene_names else None,
        model.info.image_size,
    )
    sampler = None
    if signatures.SAMPLE in model.model.signatures:
        latents = LatentDistribution.of(np.zeros((1, Z_DIM)))
        sampler = Sampler(experiment.networks[GENERATOR], scene_classes, latents)
    return {
        row.name: tf.function(row.function, row.inputs, autograph=False)
        for row in signatures.signatures_of(predictor, sampler)
    }


def _act(
    function: Callable[..., Mapping[str, tf.Tensor]], inputs: Mapping[str, tf.Tensor]
) -> Callable[[], object]:
    def act() -> None:
        # A GPU is done when its results are there.
        tf.nest.map_structure(lambda tensor: tensor.numpy(), function(**inputs))

    return act


def _inputs(signature: Any, number: int, image_size: int) -> dict[str, tf.Tensor]:
    specs = signature.structured_input_signature[1]
    return {
        name: _input(name, spec, number, image_size) for name, spec in specs.items()
    }


def _input(name: str, spec: tf.TensorSpec, number: int, image_size: int) -> tf.Tensor:
    return tf.cast(_MADE[name](number, spec, image_size), spec.dtype)


def _files(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    photo = tf.image.resize(warm_up.picture(max(PHOTO)), PHOTO)
    return tf.stack([tf.io.encode_jpeg(tf.cast(photo, tf.uint8))] * number)


def _images(number: int, spec: tf.TensorSpec, image_size: int) -> np.ndarray:
    return np.stack([warm_up.picture(image_size)] * number)


def _scenes(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    return tf.ones([number, *spec.shape[1:]])


def _noise(number: int, spec: tf.TensorSpec, image_size: int) -> tf.Tensor:
    return tf.random.stateless_normal([number, *spec.shape[1:]], (0, 0))


# The inputs of signatures, by their names.
_MADE: dict[str, Callable[[int, tf.TensorSpec, int], Any]] = {
    "images": _images,
    "image_bytes": _files,
    "scene": _scenes,
    "noise": _noise,
}
