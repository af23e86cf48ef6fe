"""The networks of MGM, and `build_networks`, which makes all that a run needs."""

import math
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from mgm_tf.networks import dcgan, sagan
from mgm_tf.networks.decoders import DECODERS, Decoders
from mgm_tf.networks.embedding import Embedding
from mgm_tf.networks.encoders import ENCODER_WIDTHS, ENCODERS, STEM_WIDTH
from mgm_tf.networks.projector import Projector
from mgm_tf.networks.refiner import Refiner
from mgm_tf.networks.widths import scaled

IMAGE_SIZES = (64, 128, 256)
_GAN_WIDTH = 64

# Each: the classes of G and D, made from (image size, base width). Table 12.
GENERATORS: dict[str, tuple[Callable[..., keras.Model], Callable[..., keras.Model]]] = {
    "sagan": (sagan.Generator, sagan.Discriminator),
    "dcgan": (dcgan.Generator, dcgan.Discriminator),
}


def build_networks(
    tasks: Mapping[str, int],
    classes: int,
    image_size: int = 128,
    encoder: str = "resnet18",
    encoder_widths: str = "narrow",
    output_stride: int = 16,
    decoder: str = "taskgrouping",
    gan: str = "sagan",
    width: float = 1.0,
    z_dim: int = 128,
) -> dict[str, keras.Model]:
    """All networks of figure 2 by name, with their variables.

    Args:
      tasks: task name -> channels of its prediction.
      classes: scenes.
      image_size: height and width of the images, one of `IMAGE_SIZES`.
      encoder: of `ENCODERS`.
      encoder_widths: of `ENCODER_WIDTHS`.
      output_stride: image size / feature size, 16 or 32.
      decoder: of `DECODERS`.
      gan: of `GENERATORS`.
      width: factor on the width of every hidden layer but those that follow a mean
        over the image.
      z_dim: size of latent vectors.

    Raises:
      ValueError: with settings that make no networks.
    """
    _check(tasks, classes, image_size, width)
    widths = [scaled(w, width) for w in _choice(ENCODER_WIDTHS, encoder_widths)]
    stem, base = scaled(STEM_WIDTH, width), scaled(_GAN_WIDTH, width)
    make_decoder = _choice(DECODERS, decoder)
    generator, discriminator = _choice(GENERATORS, gan)
    networks = {
        "encoder": _choice(ENCODERS, encoder)(
            widths, stem, output_stride, name="encoder"
        ),
        "decoders": Decoders(
            {
                task: make_decoder(channels, output_stride, width)
                for task, channels in tasks.items()
            },
            name="decoders",
        ),
        "refiner": Refiner(tasks, classes, widths, stem, name="refiner"),
        "projector": Projector(widths[-1], name="projector"),
        "embedding": Embedding(z_dim, name="embedding"),
        "generator": generator(image_size, base, name="generator"),
        "discriminator": discriminator(image_size, base, name="discriminator"),
    }
    _create_variables(networks, classes, image_size, z_dim)
    return networks


def _choice(table, name):
    if name not in table:
        raise ValueError(f"Expected one of {', '.join(table)}, got {name!r}.")
    return table[name]


def _check(tasks, classes, image_size, width):
    if not tasks:
        raise ValueError("Expected one task at least, got none.")
    if image_size not in IMAGE_SIZES:
        raise ValueError(f"Expected an image size of {IMAGE_SIZES}, got {image_size}.")
    if classes < 1 or width <= 0:
        raise ValueError(
            f"Expected classes and a positive width, got {classes} and {width}."
        )


def _create_variables(networks, classes, image_size, z_dim):
    """Calls every network once, on what it will be called with."""
    images = tf.zeros((2, image_size, image_size, 3))
    condition = tf.zeros((2, classes))
    features = networks["encoder"](images)
    networks["refiner"](networks["decoders"](features))
    networks["projector"](features)
    networks["embedding"](features)
    networks["generator"](tf.zeros((2, z_dim)), condition)
    networks["discriminator"](images, condition)


def parameter_counts(networks: Mapping[str, keras.Model]) -> dict[str, int]:
    """The number of trainable parameters of each network."""
    return {
        name: sum(math.prod(weight.shape) for weight in network.trainable_weights)
        for name, network in networks.items()
    }
