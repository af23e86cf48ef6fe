"""Networks of a layer or two each, of the layers and with the interfaces of the real.

They are smooth and shallow: what rounding does to them stays rounding. In the real ones
a difference in the last digit becomes one in the third, where it turns a ReLU over.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.heads import Embedding
from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.batch_normalization import BatchNormalization
from mgm_tf.networks.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from mgm_tf.networks.layers.convolution import Convolution
from mgm_tf.networks.layers.precision import full_dtype
from mgm_tf.networks.layers.resampling import downsample, global_average, upsample
from mgm_tf.networks.layers.self_attention import SelfAttention
from mgm_tf.networks.layers.spectral_normalization import (
    SpectralConvolution,
    SpectralDense,
    SpectralEmbedding,
)
from mgm_tf.networks.pretrained import Annotator, Synthesizer
from mgm_tf.networks.task_weights import TASK_WEIGHTS
from tests import toy

_COARSE = 8
Z_DIM = 6


class _Encoder(CompositeModel):
    def __init__(self) -> None:
        super().__init__(name="encoder")
        self.convolution = Convolution(5, 9, toy.SIZE // _COARSE)
        self.normalize = BatchNormalization()

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = self.normalize(self.convolution(images), training=training)
        return tf.tanh(hidden)


class _Decoders(CompositeModel):
    def __init__(self, channels: Mapping[str, int]) -> None:
        super().__init__(name="decoders")
        self.normalize = BatchNormalization()
        self.convolutions = {
            name: Convolution(number, use_bias=True)
            for name, number in channels.items()
        }

    def call(self, features: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        hidden = tf.tanh(self.normalize(features, training=training))
        return {
            name: upsample(upsample(upsample(convolution(hidden))))
            for name, convolution in self.convolutions.items()
        }


class _Refiner(CompositeModel):
    def __init__(self) -> None:
        super().__init__(name="refiner")
        self.convolution = Convolution(4, 9, toy.SIZE // _COARSE)
        self.normalize = BatchNormalization()
        self.logits = keras.layers.Dense(toy.SCENE_CLASSES.size)

    def call(
        self, predictions: Mapping[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        hidden = self.convolution(tf.concat(list(predictions.values()), axis=-1))
        hidden = tf.tanh(self.normalize(hidden, training=training))
        return self.logits(global_average(hidden))


class _Reconstructor(CompositeModel):
    def __init__(self) -> None:
        super().__init__(name="reconstructor")
        self.convolution = Convolution(3, use_bias=True)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.tanh(upsample(upsample(upsample(self.convolution(features)))))


class _Projector(CompositeModel):
    def __init__(self) -> None:
        super().__init__(name="projector")
        self.dense = keras.layers.Dense(7)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        return self.dense(global_average(features))


class _Generator(CompositeModel):
    def __init__(self, name: str = "generator") -> None:
        super().__init__(name=name)
        self.start = SpectralDense(_COARSE**2 * 4)
        self.normalize_1 = ConditionalBatchNormalization()
        self.attention = SelfAttention()
        self.normalize_2 = BatchNormalization()
        self.to_rgb = SpectralConvolution(3)

    def call(
        self, z: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        hidden = tf.reshape(self.start(z), (-1, _COARSE, _COARSE, 4))
        hidden = tf.tanh(self.normalize_1(hidden, condition, training=training))
        hidden = self.normalize_2(self.attention(hidden), training=training)
        return tf.tanh(self.to_rgb(upsample(upsample(upsample(hidden)))))


class _Discriminator(CompositeModel):
    def __init__(self) -> None:
        super().__init__(name="discriminator")
        self.convolution = SpectralConvolution(4)
        self.normalize = BatchNormalization()
        self.attention = SelfAttention()
        self.logit = SpectralDense(1, full_dtype())
        self.embedding = SpectralEmbedding(4, full_dtype())

    def call(
        self, images: tf.Tensor, condition: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        hidden = self.convolution(downsample(downsample(downsample(images))))
        hidden = tf.tanh(self.normalize(hidden, training=training))
        hidden = global_average(self.attention(hidden))
        projection = tf.reduce_sum(self.embedding(condition) * hidden, axis=-1)
        return self.logit(hidden)[:, 0] + projection


def small_networks(
    names: Sequence[str], task_weights: str = "uncertainty"
) -> dict[str, keras.Model]:
    """All networks, for the tasks of these names, built and shaken."""
    keras.utils.set_random_seed(0)
    channels = {task.name: task.output_channels for task in toy.tasks_of(names)}
    networks = {
        "encoder": _Encoder(),
        "decoders": _Decoders(channels),
        "refiner": _Refiner(),
        "projector": _Projector(),
        "reconstructor": _Reconstructor(),
        "embedding": Embedding(Z_DIM, name="embedding"),
        "generator": _Generator(),
        "average_generator": _Generator("average_generator"),
        "discriminator": _Discriminator(),
        "task_weights": TASK_WEIGHTS[task_weights](toy.costs(names)),
        "oracle": Annotator(_Encoder(), _Decoders(channels)),
        "synthesizer_1": Synthesizer(_Encoder(), Embedding(Z_DIM), _Generator()),
        # Of noise alone: its encoder is not asked.
        "synthesizer_2": Synthesizer(CompositeModel(), None, _Generator()),
    }
    images = tf.zeros((2, toy.SIZE, toy.SIZE, 3))
    condition, noise = tf.zeros((2, toy.SCENE_CLASSES.size)), tf.zeros((2, Z_DIM))
    features = networks["encoder"](images)
    networks["refiner"](networks["decoders"](features))
    networks["projector"](features)
    networks["reconstructor"](features)
    networks["embedding"](features)
    networks["generator"](noise, condition)
    networks["average_generator"](noise, condition)
    networks["discriminator"](images, condition)
    networks["oracle"](images)
    networks["synthesizer_1"](images, noise, condition)
    networks["synthesizer_2"](images, noise, condition)
    networks = toy.noted(toy.shaken(networks))
    # The hinge has a corner at 1: with D to one side of it, its bias has no gradient.
    networks["discriminator"].logit.bias.assign([1.0])
    return networks
