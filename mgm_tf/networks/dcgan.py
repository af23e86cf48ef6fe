"""G and D of DCGAN (Radford et al., 2015), conditional as in appendix A, table 12.

At 128x128 (`base` 64):

    G: dense 128 -> 1024x4x4, transposed convolutions to 512x8x8, 256x16x16, 128x32x32,
       64x64x64, 3x128x128, each after CBN and ReLU; tanh.
    D: convolutions to 64x64x64, 128x32x32, 256x16x16, 512x8x8, 1024x4x4, each followed
       by BN (but the first) and leaky ReLU; dense to 1 plus projection on the class.
"""

import itertools

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel, Pairs
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from mgm_tf.networks.layers.convolution import Convolution, small_normal
from mgm_tf.networks.layers.precision import full, full_dtype
from mgm_tf.networks.layers.recomputation import Block
from mgm_tf.networks.layers.resampling import doublings

_START = 4
_WIDEST = 16  # Multiples of the base width.


class GeneratorBlock(Block):
    """A transposed convolution to twice the size, after the class-wise normalisation.

    Args:
      filters: the number of output channels.
    """

    def __init__(self, filters: int):
        super().__init__()
        self.normalize = ConditionalBatchNormalization()
        self.convolution = keras.layers.Conv2DTranspose(
            filters,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=small_normal(),
        )

    def call(
        self, inputs: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps [N, H, W, C] under [N, classes] to [N, 2H, 2W, filters]."""
        hidden = self.normalize(inputs, condition, training=training)
        return self.convolution(tf.nn.relu(hidden))


class Generator(CompositeModel):
    """G: latent vectors and conditions to images in [-1, 1].

    Interpretation: the original makes images of 64x64; every doubling more adds a stage
    with twice the channels at its small end, up to 16 times `base`.

    Args:
      image_size: the height and width of the images, a power of two from 8.
      base: the number of channels at half the size of the images; 64 in the paper.
    """

    def __init__(self, image_size: int, base: int = 64, name: str | None = None):
        super().__init__(name=name)
        # A 4x4 transposed convolution of one place is a dense layer.
        self.start = keras.layers.Dense(
            _START**2 * base * _multiple(image_size, _START),
            use_bias=False,
            kernel_initializer=small_normal(),
        )
        self.blocks = [
            *(
                GeneratorBlock(base * _multiple(image_size, size))
                for size in doublings(2 * _START, image_size // 2)
            ),
            GeneratorBlock(3),
        ]

    @property
    def normalized_convolutions(self) -> Pairs:
        """The convolution of each block but the last: the next normalises first."""
        return tuple(
            (block.convolution, following.normalize.normalize)
            for block, following in itertools.pairwise(self.blocks)
        )

    def call(
        self, z: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps z [N, z_dim], condition [N, classes] to images [N, H, W, 3]."""
        hidden = self.start(z)
        hidden = tf.reshape(hidden, (-1, _START, _START, hidden.shape[-1] // _START**2))
        for block in self.blocks:
            hidden = block(hidden, condition, training=training)
        return tf.tanh(full(hidden))


class DiscriminatorBlock(Block):
    """A strided convolution to half the size, normalised.

    Args:
      filters: the number of output channels.
    """

    def __init__(self, filters: int):
        super().__init__()
        self.convolution = Convolution(filters, 4, 2, initializer=small_normal())
        self.normalize = BatchNormalization()

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H/2, W/2, filters]."""
        hidden = self.normalize(self.convolution(inputs), training=training)
        return tf.nn.leaky_relu(hidden, 0.2)


class Discriminator(CompositeModel):
    """D: images and conditions to logits of being real.

    Interpretation: the paper does not say how D learns of the class: by a projection
    head, as in the discriminator of SAGAN.

    Args:
      image_size: the height and width of the images, a power of two from 8.
      base: the number of channels after the first convolution; 64 in the paper.
    """

    def __init__(self, image_size: int, base: int = 64, name: str | None = None):
        super().__init__(name=name)
        # The first convolution is not normalised, as in the original.
        self.first = Convolution(base, 4, 2, initializer=small_normal())
        self.blocks = [
            DiscriminatorBlock(base * _multiple(image_size, size))
            for size in reversed(doublings(_START, image_size // 4))
        ]
        # A 4x4 convolution of 4x4 places is a dense layer.
        self.logit = keras.layers.Dense(
            1,
            use_bias=False,
            kernel_initializer=small_normal(),
            dtype=full_dtype(),
        )
        self.embedding = keras.layers.Dense(
            base * _multiple(image_size, _START),
            use_bias=False,
            kernel_initializer=small_normal(),
            dtype=full_dtype(),
        )

    def call(
        self, images: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps images [N, H, W, 3], condition [N, classes] to logits [N]."""
        hidden = tf.nn.leaky_relu(self.first(images), 0.2)
        for block in self.blocks:
            hidden = block(hidden, training=training)
        hidden = full(hidden)
        places = _START**2 * hidden.shape[-1]
        logit = self.logit(tf.reshape(hidden, (-1, places)))[:, 0]
        hidden = tf.reduce_sum(hidden, axis=(1, 2))
        # Miyato and Koyama (2018): D(x, c) = w' h(x) + <V c, h(x)>.
        projection = tf.reduce_sum(self.embedding(condition) * hidden, axis=-1)
        return logit + projection


def _multiple(image_size: int, size: int) -> int:
    """Returns the channels at a size, in multiples of those at half the image size."""
    return min(_WIDEST, image_size // (2 * size))
