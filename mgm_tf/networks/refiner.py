"""R, the refinement network: predictions into the scene (section 3.2, appendix A)."""

from collections.abc import Iterable, Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.encoders import STEM_WIDTH, ResNet
from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.precision import full_dtype
from mgm_tf.networks.layers.resampling import global_average

_RESNET_10 = (1, 1, 1, 1)
_HIDDEN = 128


class Refiner(CompositeModel):
    """A ResNet-10 for each prediction, and a classifier of their joint features.

    Args:
      tasks: the names of the predictions.
      classes: the number of scene classes.
      widths: the widths of the four stages, as in the encoder.
      stem_width: the number of channels of the first convolution.
    """

    def __init__(
        self,
        tasks: Iterable[str],
        classes: int,
        widths: Sequence[int],
        stem_width: int = STEM_WIDTH,
        name: str | None = None,
    ):
        super().__init__(name=name)
        # Interpretation: ResNet-10 as He et al. have it, output stride 32: a mean over
        # the image follows, which the finer map of the encoder would serve nothing.
        self.encoders = {
            task: ResNet(_RESNET_10, widths, stem_width, output_stride=32)
            for task in tasks
        }
        full = full_dtype()
        self.hidden = keras.layers.Dense(_HIDDEN, activation="relu", dtype=full)
        # Logits are linear; a ReLU on them (as the authors' code has it) could never
        # tell two scenes apart by what speaks against them.
        self.logits = keras.layers.Dense(classes, dtype=full)

    def call(
        self, predictions: Mapping[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Maps {task: prediction [N, H, W, channels]} to logits [N, classes].

        Interpretation: predictions come as the decoders give them, logits of the
        semantic classes included.
        """
        features = [
            global_average(encoder(predictions[task], training=training))
            for task, encoder in self.encoders.items()
        ]
        return self.logits(self.hidden(tf.concat(features, axis=-1)))
