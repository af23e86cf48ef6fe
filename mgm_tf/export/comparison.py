"""The comparison of an exported model's outputs with those of the networks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from mgm_tf.export.predictor import probabilities_of
from mgm_tf.export.sampler import IMAGES, Sampler
from mgm_tf.export.signatures import SAMPLE
from mgm_tf.export.versions import Outputs
from mgm_tf.tasks.dense import Task

TOLERANCE = 1e-5


class Differs(ValueError):
    """An exported model answers otherwise than the networks."""


def compare(
    expected: Outputs,
    actual: Outputs,
    tasks: Sequence[Task],
    where: str,
    tolerance: float = TOLERANCE,
) -> None:
    """Compares the outputs of a SavedModel with those of the networks.

    Args:
      expected: the outputs of the networks.
      actual: the outputs of the SavedModel.
      tasks: the tasks that are predicted.
      where: the words with which an error begins.
      tolerance: what outputs may differ by, of max(1, |value|).

    Raises:
      Differs: an output differs by more, is missing or is not a number. Class numbers
        are compared where the two likeliest classes differ by more in probability.
    """
    if sorted(expected) != sorted(actual):
        names = f"{sorted(actual)}, not {sorted(expected)}"
        raise Differs(f"{where} has outputs {names}.")
    class_maps = {task.name for task in tasks if task.info.class_names}
    worst = {}
    for name, values in expected.items():
        if values.shape != actual[name].shape:
            shapes = f"{actual[name].shape}, not {values.shape}"
            raise Differs(f"{where}: {name!r} has shape {shapes}.")
        scale = np.maximum(1.0, np.abs(values))
        difference = np.abs(actual[name].astype(np.float64) - values) / scale
        if name in class_maps:
            difference = difference[
                _is_decided(expected[probabilities_of(name)], tolerance)
            ]
        worst[name] = float(difference.max(initial=0.0))
    # `not <=`, because NaN is an error as well.
    wrong = [f"{n} by {d:.2g}" for n, d in worst.items() if not d <= tolerance]
    if wrong:
        raise Differs(
            f"{where} differs from the networks: {', '.join(wrong)}; at most "
            f"{tolerance} was expected."
        )


def _is_decided(probabilities: np.ndarray, tolerance: float) -> np.ndarray:
    """Returns where one class is the likeliest by more than the tolerance."""
    ordered = np.sort(probabilities, axis=-1)
    if ordered.shape[-1] == 1:
        return np.ones(ordered.shape[:-1], bool)
    return ordered[..., -1] - ordered[..., -2] > tolerance


def compare_samples(
    sampler: Sampler, other: Callable[..., Mapping[str, tf.Tensor]]
) -> None:
    """Compares generated images, whose bytes may differ by one in rounding.

    Args:
      sampler: a generator.
      other: the signature of a SavedModel, or another sampler.

    Raises:
      Differs: a byte differs by more.
    """
    scene, noise = sampler.specs
    inputs = {
        scene.name: tf.ones([2, *scene.shape[1:]], scene.dtype),
        noise.name: tf.constant(
            np.random.default_rng(0).standard_normal((2, noise.shape[1])), noise.dtype
        ),
    }
    in_process = tf.function(sampler.__call__, sampler.specs, autograph=False)
    expected = in_process(**inputs)[IMAGES].numpy().astype(int)
    worst = np.abs(other(**inputs)[IMAGES].numpy() - expected).max()
    if worst > 1:
        raise Differs(
            f"{SAMPLE} differs from the generator by up to {worst} of 255; at most 1 "
            "was expected."
        )


def probes(size: int, sample: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns batches of 3 and 1 images, none of the networks' own size."""
    three = random_images((3, size + 7, 2 * size + 1, 3))
    single = three[:1] if sample is None else np.asarray(sample, np.float32)[None]
    return three, single


def random_images(shape: tuple[int, ...]) -> np.ndarray:
    """Returns float32 images in 0..255, the same every time."""
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


def arrays(outputs: Mapping[str, tf.Tensor]) -> Outputs:
    """Returns the values of tensors."""
    return {name: np.asarray(value) for name, value in outputs.items()}
