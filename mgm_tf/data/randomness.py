"""Random numbers as a pure function of (seed, step, purpose, place in the batch).

Nothing random is kept between steps, so that a run continues at any step as if it had
never stopped, and two replicas get the same numbers for a global batch as one device.
"""

import dataclasses
import zlib
from collections.abc import Sequence

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class BatchRng:
    """Random numbers for the examples of one batch.

    Attributes:
      seed: the seed of the random numbers, an integer tensor [2].
      position: the places of this replica's examples in the global batch, [n] integers.
      size: the number of examples in the global batch.
    """

    seed: tf.Tensor
    position: tf.Tensor
    size: int

    @classmethod
    def at(
        cls, seed: int, step: tf.Tensor, position: tf.Tensor, size: int
    ) -> "BatchRng":
        """Returns the random numbers of a step of a run."""
        start = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        return cls(start, position, size)

    def fold_in(self, purpose: str) -> "BatchRng":
        """Returns random numbers independent of those for any other purpose."""
        salt = zlib.crc32(purpose.encode())
        seed = tf.random.experimental.stateless_fold_in(self.seed, salt)
        return dataclasses.replace(self, seed=seed)

    def followed_by(self, other: "BatchRng") -> "BatchRng":
        """Returns random numbers for these examples and, behind them, the other ones.

        Args:
          other: the random numbers of further examples, of a batch of their own.
        """
        position = tf.concat([self.position, other.position + self.size], axis=0)
        return dataclasses.replace(self, position=position, size=self.size + other.size)

    def repeated(self, places: Sequence[int]) -> "BatchRng":
        """Returns random numbers for these examples again, new ones in every turn.

        Args:
          places: indices of this replica's examples; a turn has as many as there are.
        """
        count = self.position.shape[0]
        turn = tf.range(len(places), dtype=self.position.dtype) // count
        position = tf.gather(self.position, places) + turn * self.size
        size = -(-len(places) // count) * self.size
        return dataclasses.replace(self, position=position, size=size)

    # Every replica generates the numbers of the whole global batch and takes its own
    # rows: they then do not depend on how many replicas there are.

    def normal(self, *shape: int) -> tf.Tensor:
        """Returns standard normal numbers [n, *shape]."""
        numbers = tf.random.stateless_normal((self.size, *shape), self.seed)
        return tf.gather(numbers, self.position)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """Returns numbers [n, *shape], uniform in [low, high)."""
        numbers = tf.random.stateless_uniform((self.size, *shape), self.seed, low, high)
        return tf.gather(numbers, self.position)
