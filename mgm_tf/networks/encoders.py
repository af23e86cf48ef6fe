"""E: residual networks that turn images into features (appendix A)."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel, Pairs
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.convolution import Convolution, kaiming
from mgm_tf.networks.layers.recomputation import Block
from mgm_tf.networks.layers.resampling import max_pool

# Widths of the four stages. "narrow" is the paper's (appendix A), "standard" that of
# He et al. (2016), table 1.
ENCODER_WIDTHS: dict[str, tuple[int, ...]] = {
    "narrow": (48, 96, 192, 360),
    "standard": (64, 128, 256, 512),
}
STEM_WIDTH = 64

# Strides of the four stages; stem and pooling before them have 2 each.
# Interpretation: features of 8x8 from images of 128x128 (appendix A) need stride 16
# where ResNet-18 has 32: the last stage keeps its size, as in Taskonomy's own encoder.
_STRIDES = {16: (1, 2, 2, 1), 32: (1, 2, 2, 2)}


@dataclasses.dataclass(frozen=True)
class Form:
    """What weights take for granted of an encoder, besides the shapes of its layers.

    Attributes:
      mean: the mean of each channel by which images in 0..1 are normalised; none where
        the first convolution sees them in -1..1.
      deviation: the standard deviation of each channel, likewise.
      dilates: whether the convolutions behind a stride that is left out see every
        second pixel. Then the features, at every second place, are those with the
        stride.
    """

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    dilates: bool = False

    def inputs(self, images: tf.Tensor) -> tf.Tensor:
        """Maps images [N, H, W, C] in -1..1 to what the first convolution sees."""
        if not self.mean:
            return images
        return ((images + 1) / 2 - self.mean) / self.deviation


PAPER = Form()
FORMS = {
    "paper": PAPER,
    # Of weights that were trained on ImageNet, as torchvision and timm publish them.
    "imagenet": Form((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), dilates=True),
}


class BasicBlock(Block):
    """Two 3x3 convolutions and a shortcut (He et al., 2016).

    Args:
      width: the number of output channels.
      stride: the stride of the first convolution.
      project: whether the shortcut is a 1x1 convolution rather than the identity.
      dilations: the dilations of the two convolutions.
    """

    def __init__(
        self,
        width: int,
        stride: int,
        project: bool,
        dilations: tuple[int, int] = (1, 1),
    ):
        super().__init__()
        first, second = dilations
        self.convolution_1 = Convolution(
            width, 3, stride, initializer=kaiming(), dilation=first
        )
        self.normalize_1 = BatchNormalization()
        self.convolution_2 = Convolution(
            width, 3, initializer=kaiming(), dilation=second
        )
        self.normalize_2 = BatchNormalization()
        self.project = project
        if project:
            self.projection = Convolution(width, 1, stride, initializer=kaiming())
            self.normalize_projection = BatchNormalization()

    @property
    def normalized_convolutions(self) -> Pairs:
        """The convolutions, and that of the shortcut if there is one."""
        pairs = (
            (self.convolution_1, self.normalize_1),
            (self.convolution_2, self.normalize_2),
        )
        if not self.project:
            return pairs
        return (*pairs, (self.projection, self.normalize_projection))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H / stride, W / stride, width]."""
        residual = self.residual(inputs, training)
        return tf.nn.relu(residual + self.shortcut(inputs, training))

    def residual(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns what the convolutions add to the shortcut, of the output's shape."""
        hidden = self.normalize_1(self.convolution_1(inputs), training=training)
        hidden = self.convolution_2(tf.nn.relu(hidden))
        return self.normalize_2(hidden, training=training)

    def shortcut(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the inputs, projected to the output's shape where that differs."""
        if not self.project:
            return inputs
        return self.normalize_projection(self.projection(inputs), training=training)


def through(
    blocks: Iterable[BasicBlock], hidden: tf.Tensor, training: bool = False
) -> tf.Tensor:
    """Passes [N, H, W, C] through blocks, one after the other."""
    for block in blocks:
        hidden = block(hidden, training=training)
    return hidden


class ResNet(CompositeModel):
    """A residual network without its classifier.

    Args:
      blocks: the number of `BasicBlock`s in each of the four stages.
      widths: the number of channels of each of the four stages.
      stem_width: the number of channels of the first convolution.
      output_stride: the size of images over that of features, 16 or 32.
      form: what its weights take for granted.

    Raises:
      ValueError: the output stride is neither 16 nor 32.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        widths: Sequence[int],
        stem_width: int = STEM_WIDTH,
        output_stride: int = 16,
        form: Form = PAPER,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if output_stride not in _STRIDES:
            raise ValueError(
                f"Expected an output stride of {sorted(_STRIDES)}, got {output_stride}."
            )
        self._form = form
        self.stem = Convolution(stem_width, 7, 2, initializer=kaiming())
        self.normalize = BatchNormalization()
        parts = []
        before = stem_width
        dilation = 1
        for number, width, first, published in zip(
            blocks, widths, _STRIDES[output_stride], _STRIDES[32], strict=True
        ):
            behind = dilation * (published // first if form.dilates else 1)
            for place in range(number):
                stride = 1 if place else first
                project = stride != 1 or before != width
                # The convolution that had the stride reads the pixels it always did.
                dilations = (behind if place else dilation, behind)
                parts.append(BasicBlock(width, stride, project, dilations))
                before = width
            dilation = behind
        self.blocks = parts
        self._ends = tuple(itertools.accumulate(blocks))

    @property
    def normalized_convolutions(self) -> Pairs:
        """The first convolution; blocks name their own."""
        return ((self.stem, self.normalize),)

    @property
    def stages(self) -> list[list[BasicBlock]]:
        """Returns the blocks of each of the four stages."""
        starts = (0, *self._ends)
        return [self.blocks[a:b] for a, b in itertools.pairwise(starts)]

    def begin(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps images to the first block's input [N, H / 4, W / 4, stem_width]."""
        stem = self.stem(self._form.inputs(images))
        hidden = self.normalize(stem, training=training)
        return max_pool(tf.nn.relu(hidden))

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [N, H, W, C] to [N, H / output_stride, W / output_stride, width]."""
        return through(self.blocks, self.begin(images, training), training)


# Interpretation: the paper's text says ResNet-18; the larger baselines ST_l and MT_l of
# table 8 have ResNet-34.
ENCODERS: dict[str, Callable[..., keras.Model]] = {
    "resnet10": functools.partial(ResNet, (1, 1, 1, 1)),
    "resnet18": functools.partial(ResNet, (2, 2, 2, 2)),
    "resnet34": functools.partial(ResNet, (3, 4, 6, 3)),
}
