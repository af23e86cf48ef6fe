"""Published ResNets as encoders: weights by the names that torchvision and timm use.

Kernels are [filters, C, k, k] there and [k, k, C, filters] here.
"""

from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.convolution import Convolution

# What stands in a file besides the encoder: the classifier, and how often moving
# averages have advanced.
_CLASSIFIER = ("fc.weight", "fc.bias")
_COUNTER = ".num_batches_tracked"
_MOST_NAMES = 8  # in a message


def layers_of(
    network: ResNet,
) -> Iterator[tuple[str, Convolution, str, BatchNormalization]]:
    """Yields each convolution and its normalisation, with their names in a file."""
    yield "conv1", network.stem, "bn1", network.normalize
    for stage, blocks in enumerate(network.stages, 1):
        for place, block in enumerate(blocks):
            name = f"layer{stage}.{place}"
            yield f"{name}.conv1", block.convolution_1, f"{name}.bn1", block.normalize_1
            yield f"{name}.conv2", block.convolution_2, f"{name}.bn2", block.normalize_2
            if block.project:
                name += ".downsample"
                projection, normalize = block.projection, block.normalize_projection
                yield f"{name}.0", projection, f"{name}.1", normalize


def load(network: ResNet, weights: Mapping[str, np.ndarray], source: str) -> None:
    """Gives an encoder published weights: kernels, factors, offsets, moving averages.

    All or nothing: where names or shapes do not match, the encoder is as it was.

    Args:
      network: the encoder, with its variables.
      weights: the weights by torchvision's names; a classifier is left out.
      source: the words with which an error begins.

    Raises:
      ValueError: weights are missing, not expected, of another shape, or not numbers;
        the message names them.
    """
    targets = dict(_targets(network))
    given = {
        name: value
        for name, value in weights.items()
        if name not in _CLASSIFIER and not name.endswith(_COUNTER)
    }
    problems = [
        *_listed("missing", [name for name in targets if name not in given]),
        *_listed("not expected", [name for name in given if name not in targets]),
    ]
    both = [name for name in targets if name in given]
    values = {name: _as_here(given[name]) for name in both}
    problems += [
        f"{name} is {values[name].shape}, not {tuple(targets[name].shape)}"
        for name in both
        if values[name].shape != tuple(targets[name].shape)
    ][:_MOST_NAMES]
    problems += _listed(
        "not finite", [name for name in both if not np.isfinite(values[name]).all()]
    )
    if problems:
        raise ValueError(
            f"{source}: expected a ResNet of {len(network.blocks)} basic blocks by "
            "torchvision's names (shapes as [k, k, C, filters]): "
            f"{'; '.join(problems)}."
        )
    for name, target in targets.items():
        target.assign(values[name])


def _targets(network: ResNet) -> Iterator[tuple[str, keras.Variable]]:
    for kernel, convolution, normalize, normalization in layers_of(network):
        yield f"{kernel}.weight", convolution.kernel
        yield f"{normalize}.weight", normalization.gamma
        yield f"{normalize}.bias", normalization.beta
        yield f"{normalize}.running_mean", normalization.moving_mean
        yield f"{normalize}.running_var", normalization.moving_variance


def _as_here(value: np.ndarray) -> np.ndarray:
    moved = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
    return moved.astype(np.float32)


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    rest = len(names) - _MOST_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return [f"{what} are {', '.join(names[:_MOST_NAMES])}{more}"]
