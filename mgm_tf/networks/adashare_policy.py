"""The mathematics of AdaShare's policies: which task uses which block.

Sun et al., "AdaShare: Learning What To Share For Efficient Deep Multi-Task Learning"
(2019). Pure functions of logits [T, B, 2] (tasks, blocks, keep or skip) and of the
usages [T, B] that follow from them: 1 where a task keeps a block, 0 where it skips it,
between them while the policy is learned.
"""

import tensorflow as tf

KEEP, SKIP = 0, 1

# Gumbel noise takes the logarithm of a uniform number u twice: log 0 does not exist,
# nor does log(-log 1), and rounding could make 1 of the largest u.
_LEAST, _MOST = 1e-20, 1 - 2**-24

_COLDEST = 0.1


def sampled_usage(
    logits: tf.Tensor, uniform: tf.Tensor, temperature: float | tf.Tensor
) -> tf.Tensor:
    """Samples usages that the logits learn from: a soft Gumbel-softmax, [T, B].

    That is the share of "keep" in softmax((logits + g) / temperature), with
    Gumbel noise g: argmax(logits + g) is a sample of softmax(logits) (Jang et al.,
    2017).

    Args:
      logits: the policies, [T, B, 2].
      uniform: random numbers in [0, 1), [T, B, 2].
      temperature: a number above 0; the lower, the closer usages are to 0 or 1.
    """
    # g = -log(-log u).
    gumbel = -tf.math.log(-tf.math.log(tf.clip_by_value(uniform, _LEAST, _MOST)))
    return tf.nn.softmax((logits + gumbel) / temperature)[..., KEEP]


def most_probable(logits: tf.Tensor) -> tf.Tensor:
    """Returns the likelier choice, 1.0 or 0.0, [T, B]; an undecided block is kept."""
    return tf.cast(logits[..., KEEP] >= logits[..., SKIP], tf.float32)


def sample(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Samples usages with the probabilities softmax(logits), 1.0 or 0.0, [T, B].

    Args:
      logits: the policies, [T, B, 2].
      uniform: random numbers in [0, 1), [T, B].
    """
    return tf.cast(uniform < tf.nn.softmax(logits)[..., KEEP], tf.float32)


def under_policy(
    blocks: int, progress: float | tf.Tensor, curriculum: float
) -> tf.Tensor:
    """Returns which blocks are under policy by now, [B] booleans: the last k.

    k grows from 1 to all, by 1 + floor(progress / curriculum * blocks); the blocks
    before are used by every task.

    Args:
      blocks: the number of blocks B.
      progress: the part of the stage that is over, 0 to 1.
      curriculum: the part of the stage, above 0, after which all blocks are under
        policy.

    Raises:
      ValueError: `curriculum` is not above 0.
    """
    if curriculum <= 0:
        raise ValueError(f"Expected a curriculum above 0, got {curriculum}.")
    steps = tf.floor(tf.cast(progress, tf.float32) / curriculum * blocks)
    # More than all blocks is all: no need to cap their number.
    return tf.range(blocks) >= blocks - 1 - tf.cast(steps, tf.int32)


def with_curriculum(usage: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns usages [T, B], but 1 for blocks not under policy (`mask`, [B])."""
    return tf.where(mask, usage, tf.ones_like(usage))


def sparsity(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the sparsity loss: the cross-entropy of the logits to "skip", [].

    It is the mean over the blocks under policy, summed over the tasks.

    Args:
      logits: the policies, [T, B, 2].
      mask: which blocks are under policy, [B] booleans.
    """
    values = tf.where(mask, -tf.nn.log_softmax(logits)[..., SKIP], 0.0)
    number = tf.reduce_sum(tf.cast(mask, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(values), number)


def sharing(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the sharing loss, the sum of w_l |keep_i,l - keep_j,l|, [].

    The sum is over all pairs of tasks i, j and the blocks l = 0..B-1 under policy;
    `keep` are the logits, not their softmax.

    Args:
      logits: the policies, [T, B, 2].
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
    """Returns the temperature of `sampled_usage` after a number of learning phases.

    start * decay ** phases, but not below 0.1: towards 0 the softmax is a step, whose
    gradient is 0 almost everywhere and huge between.

    Args:
      start: the temperature of the first phase.
      decay: the factor of each phase on the temperature.
      phases: the number of phases that are over.
    """
    cooled = start * tf.pow(decay, tf.cast(phases, tf.float32))
    return tf.maximum(cooled, _COLDEST)
