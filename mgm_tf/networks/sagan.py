"""G and D of the self-attention GAN (Zhang et al., 2019), with CBN of equation (1).

A generator starts at 4x4 and doubles up to the image, a discriminator halves down to
4x4; both attend to themselves at 32x32. At 128x128 (`base` 64):

    G: dense 128 -> 1024x4x4, blocks to 1024x8x8, 512x16x16, 256x32x32 | attention |
       128x64x64, 64x128x128, BN, ReLU, convolution to 3, tanh.
    D: blocks to 64x64x64, 128x32x32 | attention | 256x16x16, 512x8x8, 1024x4x4,
       1024x4x4, ReLU, sum over the image, dense to 1 plus projection on the class.
"""

import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel, Pairs
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from mgm_tf.networks.layers.precision import full, full_dtype
from mgm_tf.networks.layers.recomputation import Block
from mgm_tf.networks.layers.resampling import doublings, downsample, upsample
from mgm_tf.networks.layers.self_attention import SelfAttention
from mgm_tf.networks.layers.spectral_normalization import (
    SpectralConvolution,
    SpectralDense,
    SpectralEmbedding,
)

_START = 4
_ATTENTION = 32
_WIDEST = 16  # Multiples of the base width.


class GeneratorBlock(Block):
    """A residual block to twice the size, conditioned on the class.

    Args:
      width: the number of output channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.normalize_1 = ConditionalBatchNormalization()
        self.convolution_1 = SpectralConvolution(width)
        self.normalize_2 = ConditionalBatchNormalization()
        self.convolution_2 = SpectralConvolution(width)
        self.shortcut = SpectralConvolution(width, 1)

    @property
    def normalized_convolutions(self) -> Pairs:
        """The first convolution; what comes in, and the sum at the end, are of two."""
        return ((self.convolution_1, self.normalize_2.normalize),)

    def call(
        self, inputs: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps [N, H, W, C] under [N, classes] to [N, 2H, 2W, width]."""
        hidden = self.normalize_1(inputs, condition, training=training)
        hidden = self.convolution_1(upsample(tf.nn.relu(hidden)))
        hidden = self.normalize_2(hidden, condition, training=training)
        hidden = self.convolution_2(tf.nn.relu(hidden))
        # A 1x1 convolution commutes with doubling; before it, it costs a fourth.
        return hidden + upsample(self.shortcut(inputs))


class Generator(CompositeModel):
    """G: latent vectors and conditions to images in [-1, 1].

    Args:
      image_size: the height and width of the images, a power of two from 8.
      base: the number of channels at the size of the images; 64 in the paper.
    """

    def __init__(self, image_size: int, base: int = 64, name: str | None = None):
        super().__init__(name=name)
        self.start = SpectralDense(_START**2 * base * _multiple(image_size, _START))
        self.blocks = [
            GeneratorBlock(base * _multiple(image_size, size))
            for size in doublings(2 * _START, image_size)
        ]
        self.attention = SelfAttention()
        self.normalize = BatchNormalization(momentum=0.9999)
        self.to_rgb = SpectralConvolution(3)

    def call(
        self, z: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Maps z [N, z_dim], condition [N, classes] to images [N, H, W, 3]."""
        hidden = self.start(z)
        hidden = tf.reshape(hidden, (-1, _START, _START, hidden.shape[-1] // _START**2))
        for block in self.blocks:
            hidden = block(hidden, condition, training=training)
            if hidden.shape[1] == _ATTENTION:
                hidden = self.attention(hidden)
        hidden = tf.nn.relu(self.normalize(hidden, training=training))
        return tf.tanh(full(self.to_rgb(hidden)))


class FirstBlock(Block):
    """The residual block on images, to half their size: nothing activates its input.

    Args:
      width: the number of output channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.convolution_1 = SpectralConvolution(width)
        self.convolution_2 = SpectralConvolution(width)
        self.shortcut = SpectralConvolution(width, 1)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, 3] to [N, H/2, W/2, width]."""
        hidden = self.convolution_2(tf.nn.relu(self.convolution_1(images)))
        return downsample(hidden) + self.shortcut(downsample(images))


class DiscriminatorBlock(Block):
    """A residual block to half the size.

    Args:
      width: the number of output channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.convolution_1 = SpectralConvolution(width)
        self.convolution_2 = SpectralConvolution(width)
        self.shortcut = SpectralConvolution(width, 1)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H/2, W/2, width]."""
        hidden = self.convolution_1(tf.nn.relu(inputs))
        hidden = self.convolution_2(tf.nn.relu(hidden))
        # A 1x1 convolution commutes with means; after them, it costs a fourth.
        return downsample(hidden) + self.shortcut(downsample(inputs))


class LastBlock(Block):
    """A residual block that keeps size and width: its shortcut is the identity.

    The reference has a 1x1 convolution here that it never uses, and counts it.

    Args:
      width: the number of input and of output channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.convolution_1 = SpectralConvolution(width)
        self.convolution_2 = SpectralConvolution(width)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, H, W, width] to the same."""
        hidden = self.convolution_1(tf.nn.relu(inputs))
        return inputs + self.convolution_2(tf.nn.relu(hidden))


class Discriminator(CompositeModel):
    """D: images and conditions to logits of being real, with a projection head.

    Args:
      image_size: the height and width of the images, a power of two from 8.
      base: the number of channels after the first block; 64 in the paper.
    """

    def __init__(self, image_size: int, base: int = 64, name: str | None = None):
        super().__init__(name=name)
        widest = base * _multiple(image_size, 2 * _START)
        self.blocks = [
            FirstBlock(base),
            *(
                DiscriminatorBlock(base * _multiple(image_size, 2 * size))
                for size in reversed(doublings(_START, image_size // 4))
            ),
            LastBlock(widest),
        ]
        self.attention = SelfAttention()
        self.logit = SpectralDense(1, full_dtype())
        self.embedding = SpectralEmbedding(widest, full_dtype())

    def call(self, images: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """Maps images [N, H, W, 3], condition [N, classes] to logits [N]."""
        hidden = images
        for block in self.blocks:
            hidden = block(hidden)
            if hidden.shape[1] == _ATTENTION:
                hidden = self.attention(hidden)
        hidden = tf.reduce_sum(tf.nn.relu(full(hidden)), axis=(1, 2))
        # Miyato and Koyama (2018): D(x, c) = w' h(x) + b + <V c, h(x)>.
        projection = tf.reduce_sum(self.embedding(condition) * hidden, axis=-1)
        return self.logit(hidden)[:, 0] + projection


def _multiple(image_size: int, size: int) -> int:
    """Returns the channels at a size, in multiples of those at the image's size."""
    return min(_WIDEST, image_size // size)
