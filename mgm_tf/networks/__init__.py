"""The networks of MGM, and `build_networks`, which creates those that a run needs."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import keras
import tensorflow as tf

from mgm_tf.networks import dcgan, sagan
from mgm_tf.networks.decoders import DECODERS, Decoder, Reconstructor
from mgm_tf.networks.encoders import ENCODER_WIDTHS, ENCODERS, FORMS, STEM_WIDTH
from mgm_tf.networks.heads import Embedding, Projector
from mgm_tf.networks.layers.convolution import scaled
from mgm_tf.networks.layers.precision import computing_in
from mgm_tf.networks.refiner import Refiner
from mgm_tf.networks.sharing import SHARING, Parts
from mgm_tf.networks.task_weights import TASK_WEIGHTS

Row = TypeVar("Row")

IMAGE_SIZES = (64, 128, 256)
Z_DIM = 128  # The size of latent vectors.
_GAN_WIDTH = 64

FOLLOWER = "average_generator"

# The networks of figure 2.
FIGURE_2 = (
    "encoder",
    "decoders",
    "refiner",
    "projector",
    "embedding",
    "generator",
    "discriminator",
)

# The classes of G and D, created from (image size, base width, name). Table 12.
GENERATORS: dict[str, tuple[Callable[..., keras.Model], Callable[..., keras.Model]]] = {
    "sagan": (sagan.Generator, sagan.Discriminator),
    "dcgan": (dcgan.Generator, dcgan.Discriminator),
}


# The networks besides M, in the order in which they are built.
_OTHERS = (
    "refiner",
    "projector",
    "reconstructor",
    "embedding",
    "generator",
    FOLLOWER,
    "discriminator",
    "task_weights",
)


def build_networks(
    tasks: Mapping[str, int],
    classes: int,
    image_size: int = 128,
    encoder: str = "resnet18",
    encoder_widths: str = "narrow",
    encoder_form: str = "paper",
    output_stride: int = 16,
    decoder: str = "taskgrouping",
    gan: str = "sagan",
    width: float = 1.0,
    gan_width: float = 0.0,
    z_dim: int = Z_DIM,
    names: Iterable[str] = FIGURE_2,
    sharing: str = "hard",
    groups: tuple[str, ...] = (),
    task_weights: str = "equal",
    costs: Sequence[float] = (),
    precision: str = "float32",
) -> dict[str, keras.Model]:
    """Creates the networks of these names, with their variables.

    Args:
      tasks: the number of channels of each task's prediction, by its name.
      classes, image_size: the number of scene classes; the images' side, `IMAGE_SIZES`.
      encoder, encoder_widths, encoder_form: the encoder's layout, the channels of its
        stages, what weights take for granted; of `ENCODERS`, `ENCODER_WIDTHS`, `FORMS`.
      output_stride: the size of images over that of features, 16 or 32.
      decoder, gan: the layout of decoders, of G and D; of `DECODERS`, `GENERATORS`.
      width, gan_width: the factors on the channels of layers before a mean over the
        image, of all networks but G and D, and of these; 0 for the same.
      z_dim, names: the entries of a latent vector; the networks besides M, `_OTHERS`.
      sharing, groups: how tasks share M, of `SHARING`; those of each group.
      task_weights, costs: of `TASK_WEIGHTS`; see `task_weights.uncertainty`.
      precision: what layers compute in, a key of `precision.POLICIES`.

    Raises:
      ValueError: a name is in no table, or a size or number makes no network.
    """
    _check(tasks, classes, image_size, width)
    widths = [scaled(w, width) for w in _choice(ENCODER_WIDTHS, encoder_widths)]
    layout, stem = _choice(ENCODERS, encoder), scaled(STEM_WIDTH, width)
    form = _choice(FORMS, encoder_form)
    encoder_of = functools.partial(layout, widths, stem, output_stride, form)

    def decoder_of(channels: int) -> Decoder:
        return _choice(DECODERS, decoder)(channels, output_stride, width)

    parts = Parts(tuple(tasks), encoder_of, lambda t: decoder_of(tasks[t]), groups)
    others = _gan_builders(gan, image_size, gan_width or width) | {
        "refiner": functools.partial(Refiner, tasks, classes, widths, stem),
        "projector": functools.partial(Projector, widths[-1]),
        "reconstructor": lambda name: Reconstructor(decoder_of(3), name=name),
        "embedding": functools.partial(Embedding, z_dim),
        "task_weights": functools.partial(_choice(TASK_WEIGHTS, task_weights), costs),
    }
    with computing_in(precision):
        networks = _choice(SHARING, sharing).build(parts) | _built(others, names)
        _create_variables(networks, classes, image_size, z_dim)
    return networks


def _gan_builders(
    gan: str, image_size: int, width: float
) -> dict[str, Callable[..., keras.Model]]:
    base = scaled(_GAN_WIDTH, width)
    generator, discriminator = _choice(GENERATORS, gan)
    return {
        "generator": functools.partial(generator, image_size, base),
        FOLLOWER: functools.partial(generator, image_size, base),
        "discriminator": functools.partial(discriminator, image_size, base),
    }


def _built(
    builders: Mapping[str, Callable[..., keras.Model]], names: Iterable[str]
) -> dict[str, keras.Model]:
    wanted = frozenset(names)
    # In this order, as initial weights are drawn from one stream.
    return {name: builders[name](name=name) for name in _OTHERS if name in wanted}


def _choice(table: Mapping[str, Row], name: str) -> Row:
    if name not in table:
        raise ValueError(f"Expected one of {', '.join(table)}, got {name!r}.")
    return table[name]


def _check(
    tasks: Mapping[str, int], classes: int, image_size: int, width: float
) -> None:
    if not tasks:
        raise ValueError("Expected one task at least, got none.")
    if image_size not in IMAGE_SIZES:
        raise ValueError(f"Expected an image size of {IMAGE_SIZES}, got {image_size}.")
    if classes < 1 or width <= 0:
        raise ValueError(
            f"Expected classes and a positive width, got {classes} and {width}."
        )


def _create_variables(
    networks: Mapping[str, keras.Model], classes: int, image_size: int, z_dim: int
) -> None:
    """Calls the networks once, on inputs of the shapes that they will be called with.

    M comes first: with a seed, its weights are the same whatever else there is.
    """
    images = tf.zeros((2, image_size, image_size, 3))
    condition, z = tf.zeros((2, classes)), tf.zeros((2, z_dim))
    features = networks["encoder"](images)
    predictions = networks["decoders"](features)
    inputs = {
        "refiner": (predictions,),
        "projector": (features,),
        "reconstructor": (features,),
        "embedding": (features,),
        "generator": (z, condition),
        "average_generator": (z, condition),
        "discriminator": (images, condition),
    }
    for name, values in inputs.items():
        if name in networks:
            networks[name](*values)
    if FOLLOWER in networks:
        networks[FOLLOWER].set_weights(networks["generator"].get_weights())


def parameter_counts(networks: Mapping[str, keras.Model]) -> dict[str, int]:
    """Counts the trainable parameters of each network."""
    return {
        name: sum(math.prod(weight.shape) for weight in network.trainable_weights)
        for name, network in networks.items()
    }
