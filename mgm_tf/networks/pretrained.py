"""Trained networks of other runs, put together for the images of this one."""

import keras

from mgm_tf.networks.layers.base import CompositeModel


class Annotator(CompositeModel):
    """An oracle: the predictions of a trained M, as at test time (section 2).

    Args:
      encoder, decoders: of the other run.
    """

    def __init__(self, encoder: keras.Model, decoders: keras.Model):
        super().__init__(name="oracle")
        self.encoder = encoder
        self.decoders = decoders
        self.built = True  # as its parts are

    def call(self, images, training=False):
        """Images [N, H, W, 3] to {task: prediction [N, H, W, channels]}."""
        del training  # It is not.
        return self.decoders(self.encoder(images, training=False), training=False)


class Synthesizer(CompositeModel):
    """A trained G with what its latent vectors are made by (MGM-Combine, Table 15).

    Args:
      encoder: E of the other run.
      embedding: of that run; None: its G knows of noise only.
      generator: of that run.
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

    def call(self, images, noise, condition, training=False):
        """Images [N, H, W, 3], noise [N, z], labels [N, classes] to images."""
        latent = noise
        if self.embedding is not None:
            features = self.encoder(images, training=training)
            latent = latent + self.embedding(features, training=training)
        return self.generator(latent, condition, training=training)
