"""Trained networks as they are exported: normalization folded into convolutions."""

import dataclasses

import numpy as np
import tensorflow as tf

from mgm_tf.export import comparison, signatures
from mgm_tf.export.predictor import Predictor
from mgm_tf.export.sampler import Sampler
from mgm_tf.networks.folding import FoldedNetwork

# Other numbers are multiplied and added: ten times what a SavedModel may differ by.
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Served:
    """What the signatures of an exported model compute with.

    Attributes:
      predictor: the networks that predict.
      sampler: the generator; None where there is none.
      is_folded: whether normalization is folded into convolutions.
    """

    predictor: Predictor
    sampler: Sampler | None
    is_folded: bool


def served(
    predictor: Predictor, sampler: Sampler | None, sample: np.ndarray | None = None
) -> Served:
    """Returns the networks without the normalizations behind convolutions.

    Where they differ from the networks by more than rounding, as those of a few steps
    may that divide by a variance of nearly nothing, it says so and returns these.

    Args:
      predictor, sampler: the trained networks.
      sample: a real image, uint8 [H, W, 3], to compare on besides random ones.
    """
    folded = Served(
        Predictor(
            {name: FoldedNetwork(each) for name, each in predictor.networks.items()},
            predictor.tasks,
            predictor.scene_classes,
            predictor.image_size,
        ),
        sampler and dataclasses.replace(sampler, generator=_folded(sampler)),
        is_folded=True,
    )
    try:
        _compare_predictions(predictor, folded.predictor, sample)
        if sampler is not None and folded.sampler is not None:
            comparison.compare_samples(sampler, folded.sampler)
    except comparison.Differs as error:
        print(f"Normalization stays apart from convolutions: {error}", flush=True)
        return Served(predictor, sampler, is_folded=False)
    return folded


def _folded(sampler: Sampler) -> FoldedNetwork:
    return FoldedNetwork(sampler.generator)


def _compare_predictions(
    predictor: Predictor, folded: Predictor, sample: np.ndarray | None
) -> None:
    spec = signatures.image_spec(tf.float32)
    with tf.device("/CPU:0"):
        expected, actual = (
            tf.function(each.__call__, [spec], autograph=False)
            for each in (predictor, folded)
        )
        for images in comparison.probes(predictor.image_size, sample):
            comparison.compare(
                comparison.arrays(expected(tf.constant(images))),
                comparison.arrays(actual(tf.constant(images))),
                predictor.tasks,
                "the folded model",
                TOLERANCE,
            )
