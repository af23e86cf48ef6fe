"""Random numbers as a pure function of (seed, step, purpose, place in the batch).

Nothing random is kept between steps, so that a run continues at any step as if it had
never stopped, and two replicas draw for a global batch just what one device draws.
"""

import dataclasses
import zlib
from collections.abc import Sequence

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class BatchRng:
    """Random numbers for the examples of one batch.

    Attributes:
      seed: integer tensor [2].
      position: the places of this replica's examples in the global batch, [n] integers.
      size: examples in the global batch.
    """

    seed: tf.Tensor
    position: tf.Tensor
    size: int

    @classmethod
    def at(
        cls, seed: int, step: tf.Tensor, position: tf.Tensor, size: int
    ) -> "BatchRng":
        """The draws of a step of a run."""
        start = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        return cls(start, position, size)

    def fold_in(self, purpose: str) -> "BatchRng":
        """Draws that are independent of those for any other purpose."""
        salt = zlib.crc32(purpose.encode())
        seed = tf.random.experimental.stateless_fold_in(self.seed, salt)
        return dataclasses.replace(self, seed=seed)

    def repeated(self, places: Sequence[int]) -> "BatchRng":
        """Draws for these examples again, in every turn others.

        Args:
          places: of this replica's examples; a turn has as many as there are.
        """
        own = self.position.shape[0]
        turn = tf.range(len(places), dtype=self.position.dtype) // own
        position = tf.gather(self.position, places) + turn * self.size
        size = -(-len(places) // own) * self.size
        return dataclasses.replace(self, position=position, size=size)

    # Every replica draws for the whole global batch and takes its own rows: the numbers
    # then do not depend on how many replicas there are.

    def normal(self, *shape: int) -> tf.Tensor:
        """Standard normal numbers [n, *shape]."""
        drawn = tf.random.stateless_normal((self.size, *shape), self.seed)
        return tf.gather(drawn, self.position)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """Numbers [n, *shape], uniform in [low, high)."""
        drawn = tf.random.stateless_uniform((self.size, *shape), self.seed, low, high)
        return tf.gather(drawn, self.position)
