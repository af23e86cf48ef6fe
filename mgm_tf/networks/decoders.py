"""The decoders of M: features into one prediction for each task (appendix A)."""

import functools
from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeLayer, CompositeModel, Pairs
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.convolution import Convolution, kaiming, scaled
from mgm_tf.networks.layers.precision import full_dtype
from mgm_tf.networks.layers.recomputation import Block


class Stage(CompositeLayer):
    """A convolution that is normalised and activated.

    Args:
      convolution: the layer, transposed or not.
      activation: the function that follows the normalisation.
    """

    def __init__(
        self,
        convolution: keras.layers.Layer,
        activation: Callable[[tf.Tensor], tf.Tensor] = tf.nn.relu,
    ):
        super().__init__()
        self.convolution = convolution
        self.normalize = BatchNormalization()
        self.activation = activation

    @property
    def normalized_convolutions(self) -> Pairs:
        """The convolution."""
        return ((self.convolution, self.normalize),)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [N, H, W, C] to the shape that the convolution gives."""
        hidden = self.normalize(self.convolution(inputs), training=training)
        return self.activation(hidden)


class Decoder(Block):
    """A sequence of stages, and a linear convolution for the prediction.

    Args:
      stages: the stages in their order.
      channels: the number of channels of the prediction.
    """

    def __init__(self, stages: Sequence[Stage], channels: int):
        super().__init__()
        self.stages = list(stages)
        # No activation follows, so none is compensated for: not `kaiming`.
        # Interpretation: Taskonomy's tanh is left out, metres of depth are beyond it.
        # In full precision: bfloat16 has steps of 3 cm at a depth of 4 m.
        self.prediction = Convolution(channels, use_bias=True, dtype=full_dtype())

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps features [N, h, w, C] to a prediction [N, H, W, channels]."""
        for stage in self.stages:
            features = stage(features, training=training)
        return self.prediction(features)


def _doubling(filters: int, size: int, use_bias: bool) -> keras.layers.Layer:
    """Creates a transposed convolution to twice the size."""
    return keras.layers.Conv2DTranspose(
        filters,
        size,
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=kaiming(),
    )


# Widths of the stages, each of which doubles the size, by the stride of the features.
_TASKGROUPING_WIDTHS = {16: (256, 128, 64, 32), 32: (256, 128, 64, 48, 32)}


def taskgrouping(channels: int, output_stride: int, width: float = 1.0) -> Decoder:
    """Creates the decoder of Standley et al. (2020), which the authors ran.

    Interpretation: it is built for stride 32; from stride 16 one of its doublings is
    left out.
    """
    widths = [scaled(w, width) for w in _TASKGROUPING_WIDTHS[output_stride]]

    def convolution(filters: int) -> Convolution:
        return Convolution(filters, use_bias=True, initializer=kaiming())

    stages = []
    for w in widths[:-1]:
        stages += [Stage(_doubling(w, 2, True)), Stage(convolution(w))]
    return Decoder([*stages, Stage(_doubling(widths[-1], 2, True))], channels)


_leaky_relu = functools.partial(tf.nn.leaky_relu, alpha=0.2)
# The layers of `decoder_fc_15_layer` in Taskonomy's code: conv2-7, then four pairs of
# a transposed convolution and a convolution (deconv8 to deconv14); "output" follows.
_TASKONOMY_FIRST = (1024, 1024, 512, 256, 256, 128)
_TASKONOMY_DOUBLINGS = ((64, 64), (32, 32), (16, 32), (16,))


def taskonomy(channels: int, output_stride: int, width: float = 1.0) -> Decoder:
    """Creates the decoder of Zamir et al. (2018), which the paper names.

    Raises:
      ValueError: the features have another output stride than 16.
    """
    if output_stride != 16:
        raise ValueError(
            "The decoder of Taskonomy doubles four times and needs features of output "
            f"stride 16, got {output_stride}."
        )

    def convolution(filters: int) -> Stage:
        layer = Convolution(scaled(filters, width), initializer=kaiming())
        return Stage(layer, _leaky_relu)

    stages = [convolution(filters) for filters in _TASKONOMY_FIRST]
    for first, *others in _TASKONOMY_DOUBLINGS:
        stages.append(Stage(_doubling(scaled(first, width), 3, False), _leaky_relu))
        stages += [convolution(filters) for filters in others]
    return Decoder(stages, channels)


# Each: (channels, output_stride, width factor) -> decoder.
DECODERS: dict[str, Callable[[int, int, float], Decoder]] = {
    "taskgrouping": taskgrouping,
    "taskonomy": taskonomy,
}


class Decoders(CompositeModel):
    """One decoder for each task.

    Args:
      decoders: the decoder of each task by its name.
    """

    def __init__(self, decoders: Mapping[str, Decoder], name: str | None = None):
        super().__init__(name=name)
        self.decoders = dict(decoders)

    def call(
        self, features: tf.Tensor | Mapping[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        """Maps features [N, h, w, C] to {task name: prediction [N, H, W, channels]}.

        The features are those that all tasks share, or each task's own by its name.
        """
        apart = isinstance(features, Mapping)
        return {
            task: decoder(features[task] if apart else features, training=training)
            for task, decoder in self.decoders.items()
        }


class Reconstructor(CompositeModel):
    """A decoder of features into the image that they came from (MGM_recon, table 4).

    Interpretation: it is a decoder as of the tasks, whose prediction is the image.

    Args:
      decoder: a decoder with three output channels.
    """

    def __init__(self, decoder: Decoder, name: str | None = None):
        super().__init__(name=name)
        self.decoder = decoder

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps features [N, h, w, C] to images [N, H, W, 3], about in [-1, 1]."""
        return self.decoder(features, training=training)
