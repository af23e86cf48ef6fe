"""A trained generator behind scene classes and noise: the endpoint `sample`."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.tasks.scenes import Categorical, SceneClasses

IMAGES = "images"


@dataclasses.dataclass(frozen=True, eq=False)
class LatentDistribution:
    """The normal distribution of the latent vectors z that G was trained with.

    Interpretation: in the paper z is noise plus the embedding of an image's features
    (section 3.3). Who samples has no image, so z is drawn from the normal distribution
    with the mean and the covariance that z has over training images.

    Attributes:
      mean: the mean, float32 [size].
      factor: the Cholesky factor of the covariance, float32 [size, size].
    """

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, centers: np.ndarray) -> "LatentDistribution":
        """Returns the distribution of `centers` [n, size] plus standard normal noise.

        Raises:
          ValueError: there is no center.
        """
        centers = np.asarray(centers, np.float64)
        if not len(centers):
            raise ValueError("Expected one latent vector at least, got none.")
        offsets = centers - centers.mean(axis=0)
        covariance = offsets.T @ offsets / len(centers) + np.eye(centers.shape[1])
        factor = np.linalg.cholesky(covariance)
        return cls(centers.mean(axis=0).astype(np.float32), factor.astype(np.float32))

    @property
    def size(self) -> int:
        """The number of entries of a latent vector."""
        return len(self.mean)

    def __call__(self, noise: tf.Tensor) -> tf.Tensor:
        """Returns latent vectors [N, size] of standard normal noise [N, size]."""
        return self.mean + tf.linalg.matmul(noise, self.factor, transpose_b=True)


@dataclasses.dataclass(frozen=True, eq=False)
class Sampler:
    """G behind scene classes and noise.

    Attributes:
      generator: G, as at test time.
      scene_classes: the scene classes it is conditioned on.
      latents: the distribution of its latent vectors.
    """

    generator: keras.Model
    scene_classes: SceneClasses
    latents: LatentDistribution

    def __call__(self, scene: tf.Tensor, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        """Generates images of scenes.

        Args:
          scene: class numbers [N] or, where an image has several classes, vectors
            [N, classes] of 0 and 1; int32.
          noise: standard normal numbers [N, size], float32.

        Returns:
          `images`, uint8 [N, S, S, 3].

        Raises:
          InvalidArgumentError: when it runs, there is no such class.
        """
        condition = self.scene_classes.condition(scene)
        is_known = tf.reduce_all(tf.reduce_sum(condition, axis=-1) > 0)
        expected = f"Expected scenes of {self.scene_classes.size} classes, numbered "
        check = tf.debugging.Assert(is_known, [f"{expected} from 0; got", scene])
        with tf.control_dependencies([check]):
            condition = tf.identity(condition)
        return {IMAGES: self.images(condition, noise)}

    def images(self, condition: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Generates images, uint8 [N, S, S, 3].

        Args:
          condition: condition vectors [N, classes], which may be between two classes.
          noise: standard normal numbers [N, size], float32.
        """
        images = self.generator(self.latents(noise), condition, training=False)
        pixels = tf.clip_by_value(tf.round((images + 1) * 127.5), 0, 255)
        return tf.cast(pixels, tf.uint8)

    @property
    def specs(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        """The types and shapes of `scene` and `noise`."""
        is_number = isinstance(self.scene_classes, Categorical)
        shape = [None] if is_number else [None, self.scene_classes.size]
        return (
            tf.TensorSpec(shape, tf.int32, name="scene"),
            tf.TensorSpec([None, self.latents.size], tf.float32, name="noise"),
        )
