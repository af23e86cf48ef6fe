"""AdaShare: one encoder, of which every task uses the blocks it chooses.

Sun et al. (2019); the mathematics of the choice are in `adashare_policy`.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from mgm_tf.networks import adashare_policy
from mgm_tf.networks.encoders import BasicBlock, ResNet
from mgm_tf.networks.layers.base import CompositeModel


class Policy(CompositeModel):
    """A policy: the logits of keeping and of skipping each block, for each task.

    Args:
      tasks: the number of tasks T.
      blocks: the number of blocks B of the encoder.
    """

    def __init__(self, tasks: int, blocks: int, name: str | None = "policy"):
        super().__init__(name=name)
        self.logits = self.add_weight(
            shape=(tasks, blocks, 2),
            initializer=keras.initializers.Constant(0.5),
            autocast=False,
            name="logits",
        )
        # It has no inputs whose shapes Keras could build it by.
        self.built = True

    def settle(self, seed: int, number: int) -> None:
        """Makes the `number`-th sample of the policy the most probable, for good."""
        uniform = tf.random.stateless_uniform(self.logits.shape[:2], (seed, number))
        keep = adashare_policy.sample(tf.convert_to_tensor(self.logits), uniform)
        self.logits.assign(tf.stack([keep, 1 - keep], axis=-1))

    def call(self, training: bool = False) -> tf.Tensor:
        """Returns the logits, [T, B, 2]; [..., 0] to keep, [..., 1] to skip."""
        return tf.convert_to_tensor(self.logits)


class AdaShareEncoder(CompositeModel):
    """A ResNet that gives each task features of its own, by the blocks it uses.

    The policy is no part of it: it is a network of its own, with its own optimizer. A
    block normalises each task's images by themselves; its moving averages are those of
    all tasks, also of the ones that skip it.

    Args:
      encoder: the shared network; all its weights serve all tasks.
      tasks: the names of the tasks, in the order of the policy's rows.
      policy: a policy for `len(tasks)` tasks and the blocks of `encoder`.

    Raises:
      ValueError: the policy is for another number of tasks or blocks.
    """

    def __init__(
        self,
        encoder: ResNet,
        tasks: Sequence[str],
        policy: Policy,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.encoder = encoder
        self.tasks = tuple(tasks)
        logits = policy.logits
        _check((len(self.tasks), len(encoder.blocks)), logits.shape[:2], "A policy")
        # Not the policy itself: as an attribute it would be a part of this network.
        self._most_probable = lambda: adashare_policy.most_probable(
            tf.convert_to_tensor(logits)
        )

    def call(
        self,
        images: tf.Tensor,
        usage: tf.Tensor | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Maps [N, H, W, C] to {task: features [N, h, w, width]}.

        Args:
          images: the images of all tasks.
          usage: how much a task uses a block, [T, B] in 0..1; by default the most
            probable choice of the policy (at first: all blocks).
          training: whether to normalise by the batch.

        Raises:
          ValueError: `usage` is for another number of tasks or blocks.
        """
        if usage is None:
            usage = self._most_probable()
        _check((len(self.tasks), len(self.encoder.blocks)), usage.shape, "Usages")
        start = self.encoder.begin(images, training)
        return {
            task: self._features(start, tf.unstack(own), training)
            for task, own in zip(self.tasks, tf.unstack(usage), strict=True)
        }

    def _features(
        self, hidden: tf.Tensor, usages: Sequence[tf.Tensor], training: bool
    ) -> tf.Tensor:
        for block, usage in zip(self.encoder.blocks, usages, strict=True):
            hidden = _used(block, hidden, tf.cast(usage, hidden.dtype), training)
        return hidden


def _used(
    block: BasicBlock, inputs: tf.Tensor, usage: tf.Tensor, training: bool
) -> tf.Tensor:
    """Returns a block's output as far as it is used, for the rest its shortcut."""
    shortcut = block.shortcut(inputs, training)
    # u relu(x + F(x)) + (1 - u) x; the shortcut is x, projected where it must be.
    whole = tf.nn.relu(block.residual(inputs, training) + shortcut)
    return usage * whole + (1 - usage) * shortcut


def _check(expected: tuple[int, int], got: Sequence[int], what: str) -> None:
    if tuple(got) != expected:
        raise ValueError(
            f"{what} for {expected[0]} tasks and {expected[1]} blocks: expected a "
            f"shape of {expected}, got {tuple(got)}."
        )
