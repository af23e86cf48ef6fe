"""Trained networks of other runs, combined to annotate or synthesize images."""

import keras
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel


class Annotator(CompositeModel):
    """An oracle: the predictions of a trained M, as at test time (section 2).

    Args:
      encoder: the trained encoder E of the other run.
      decoders: the trained decoders of the other run.
    """

    def __init__(self, encoder: keras.Model, decoders: keras.Model):
        super().__init__(name="oracle")
        self.encoder = encoder
        self.decoders = decoders
        self.built = True  # as its parts are

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Maps images [N, H, W, 3] to {task: prediction [N, H, W, channels]}.

        An oracle is never in training, whatever `training` says.
        """
        return self.decoders(self.encoder(images, training=False), training=False)


class Synthesizer(CompositeModel):
    """A trained G with the networks of its latent vectors (MGM-Combine, table 15).

    Args:
      encoder: the trained encoder E of the other run.
      embedding: the embedding of that run; None if its G works on noise alone.
      generator: the trained generator G of that run.
    """

    def __init__(
        self,
        encoder: keras.Model,
        embedding: keras.Model | None,
        generator: keras.Model,
    ):
        super().__init__(name="synthesizer")
        self.encoder = encoder
        self.embedding = embedding
        self.generator = generator
        self.built = True  # as its parts are

    def call(
        self,
        images: tf.Tensor,
        noise: tf.Tensor,
        condition: tf.Tensor,
        training: bool = False,
    ) -> tf.Tensor:
        """Maps images [N, H, W, 3], noise [N, z], conditions [N, classes] to images."""
        latent = noise
        if self.embedding is not None:
            features = self.encoder(images, training=training)
            latent = latent + self.embedding(features, training=training)
        return self.generator(latent, condition, training=training)
