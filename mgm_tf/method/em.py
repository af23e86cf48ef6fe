"""The EM algorithm of section 3.2 in the letter of eqs. (4) and (5).

Algorithm 1 takes one gradient step of the scene's cross-entropy by E, which is the
gradient form of both. Here the E step finds latent predictions y†, and the M step fits
E to them.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from mgm_tf.data.examples import SCENE, Examples
from mgm_tf.method.objectives import Networks, Terms
from mgm_tf.tasks import losses, replicas
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

Predictions = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class LatentPredictions:
    """The distance of M(x) to y† = argmax_y P(y | x) P(c | y), eqs. (4) and (5).

    P(y | x) is what the losses of the tasks stand for: the farther y is from M(x), the
    less likely. Interpretation: y lives where predictions do (classes as logits); the
    argmax is sought by a few gradient steps from M(x); log P(y | x) is a mean over the
    pixels, as in the losses: a sum would leave one label of the image no say.

    Attributes:
      tasks: the tasks that are predicted.
      scene_classes: the scene classes.
      steps: the number of gradient steps of the E step.
      rate: the length of a step, in units of the predictions for a slope of 1 a pixel.
    """

    tasks: tuple[Task, ...]
    scene_classes: SceneClasses
    steps: int
    rate: float
    networks = ("encoder", "decoders", "refiner")
    reads_scenes = True

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(task.name for task in self.tasks)

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns how far M(x) is from y† where c is known: the M step, eq. (5)."""
        predictions = networks.decoders(networks.encoder(examples.images))
        latent = self.estimate(networks, predictions, examples.condition)
        known = losses.is_known(examples.condition)[:, None, None]
        terms = {}
        for task in self.tasks:
            values = task.distance(predictions[task.name], latent[task.name])
            mask = tf.broadcast_to(known, tf.shape(values))
            mean = replicas.masked_mean(values, mask)
            terms[task.name] = examples.weighted(SCENE, mean)
        return terms

    def estimate(
        self, networks: Networks, predictions: Predictions, condition: tf.Tensor
    ) -> Predictions:
        """Returns y†, constants: the E step, eq. (4).

        Args:
          networks: the networks, of which the refinement network is called.
          predictions: M(x), task -> [N, H, W, channels].
          condition: c, [N, classes].
        """
        start = {task.name: predictions[task.name] for task in self.tasks}
        start = tf.nest.map_structure(tf.stop_gradient, start)
        # Other tensors: what a tape watches of the one is not to be seen in the other.
        latent = tf.nest.map_structure(tf.identity, start)
        for _ in range(self.steps):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(latent)
                likelihood = self._likelihood(networks, start, latent, condition)
            slopes = tape.gradient(likelihood, latent)
            latent = {
                name: tf.stop_gradient(value + self._step(value) * slopes[name])
                for name, value in latent.items()
            }
        return latent

    def _step(self, values: tf.Tensor) -> float:
        # A slope of the mean over pixels is that of one pixel over their number.
        return self.rate * values.shape[1] * values.shape[2]

    def _likelihood(
        self,
        networks: Networks,
        start: Predictions,
        latent: Predictions,
        condition: tf.Tensor,
    ) -> tf.Tensor:
        """Returns log P(y | x) + log P(c | y), summed over the examples."""
        logits = networks.refiner(latent)
        distances = [
            tf.reduce_sum(
                tf.reduce_mean(
                    task.distance(start[task.name], latent[task.name]), axis=(1, 2)
                )
            )
            for task in self.tasks
        ]
        scene = self.scene_classes.losses(condition, logits)
        return -tf.add_n(distances) - tf.reduce_sum(
            tf.where(losses.is_known(condition), scene, 0.0)
        )
