"""AdaShare's policies: which task uses which block (Sun et al., 2019).

Pure functions of logits [T, B, 2] (tasks, blocks, keep or skip) and of the usages
[T, B] that follow from them: 1 where a task keeps a block, 0 where it skips it, between
them while the policy is learned.
"""

import tensorflow as tf

KEEP, SKIP = 0, 1

# The numbers are uniform in [0, 1), and the logarithm is taken twice: 0 has none, and
# of 1, which rounding could make of the largest, the second would not exist.
_LEAST, _MOST = 1e-20, 1 - 2**-24

_COLDEST = 0.1


def sampled_usage(
    logits: tf.Tensor, uniform: tf.Tensor, temperature: float | tf.Tensor
) -> tf.Tensor:
    """A draw of usages that the logits learn from: a soft Gumbel-softmax, [T, B].

    It is the share of "keep" in softmax((logits + g) / temperature), where g is noise
    whose largest is a draw from softmax(logits) (Jang et al., 2017).

    Args:
      logits: [T, B, 2].
      uniform: random numbers in [0, 1), [T, B, 2].
      temperature: above 0; the lower, the closer to 0 or 1 the usages are.
    """
    gumbel = -tf.math.log(-tf.math.log(tf.clip_by_value(uniform, _LEAST, _MOST)))
    return tf.nn.softmax((logits + gumbel) / temperature)[..., KEEP]


def most_probable(logits: tf.Tensor) -> tf.Tensor:
    """The likelier of both, 1.0 or 0.0, [T, B]; a block as likely as not is kept."""
    return tf.cast(logits[..., KEEP] >= logits[..., SKIP], tf.float32)


def drawn(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """A draw of usages with the probabilities softmax(logits), 1.0 or 0.0, [T, B].

    Args:
      logits: [T, B, 2].
      uniform: random numbers in [0, 1), [T, B].
    """
    return tf.cast(uniform < tf.nn.softmax(logits)[..., KEEP], tf.float32)


def under_policy(
    blocks: int, progress: float | tf.Tensor, curriculum: float
) -> tf.Tensor:
    """Which blocks are under policy by now, [B] booleans: the last k.

    k grows from 1 to all, by 1 + floor(progress / curriculum * blocks); the blocks
    before are used by every task.

    Args:
      blocks: how many there are, B.
      progress: how much of the stage is over, 0 to 1.
      curriculum: how much of it is over when all blocks are under policy, above 0.

    Raises:
      ValueError: if `curriculum` is not above 0.
    """
    if curriculum <= 0:
        raise ValueError(f"Expected a curriculum above 0, got {curriculum}.")
    steps = tf.floor(tf.cast(progress, tf.float32) / curriculum * blocks)
    # More than all blocks is all: no need to cap their number.
    return tf.range(blocks) >= blocks - 1 - tf.cast(steps, tf.int32)


def with_curriculum(usage: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Usages [T, B], and 1 for the blocks that are not under policy (`mask`, [B])."""
    return tf.where(mask, usage, tf.ones_like(usage))


def sparsity(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """How unlikely skipping is: the cross-entropy of the logits to "skip".

    The mean over the blocks under policy, summed over the tasks.

    Args:
      logits: [T, B, 2].
      mask: which blocks are under policy, [B] booleans.
    """
    values = tf.where(mask, -tf.nn.log_softmax(logits)[..., SKIP], 0.0)
    number = tf.reduce_sum(tf.cast(mask, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(values), number)


def sharing(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """How differently tasks use blocks: the sum of w_l |keep_i,l - keep_j,l|.

    Over all pairs of tasks i, j and the blocks l = 0..B-1 under policy; `keep` are the
    logits, not their softmax.

    Args:
      logits: [T, B, 2].
      mask: which blocks are under policy, [B] booleans.
    """
    keep = logits[..., KEEP]
    differences = tf.abs(keep[:, None] - keep[None])  # [T, T, B], every pair twice
    # Interpretation: early blocks weigh more, w_l = (B - l) / B, as the text of
    # AdaShare argues (low-level features serve all); its authors' code has (l + 1) / B.
    blocks = keep.shape[1]
    weights = tf.cast(tf.range(blocks, 0, -1), tf.float32) / blocks
    return tf.reduce_sum(tf.where(mask, weights * differences, 0.0)) / 2


def temperature(start: float, decay: float, phases: int | tf.Tensor) -> tf.Tensor:
    """The temperature of `sampled_usage` after a number of phases of learning.

    start * decay ** phases, but not below 0.1: towards 0 the softmax is a step, whose
    gradient is 0 almost everywhere and huge between.
    """
    cooled = start * tf.pow(decay, tf.cast(phases, tf.float32))
    return tf.maximum(cooled, _COLDEST)
