"""Weights of tasks that follow their losses, as pure functions of tensors."""

import tensorflow as tf

from mgm_tf import replicas

# How much the logarithm of a task's scale costs in `uncertainty`.
LAPLACE = 1.0
SOFTMAX = 0.5


def uncertainty(
    losses: tf.Tensor, log_scales: tf.Tensor, costs: tf.Tensor
) -> tf.Tensor:
    """What each task adds to the loss when its uncertainty is learnt, [tasks].

    exp(-s) L + cost * s, with s learnt beside the weights: Kendall et al., "Multi-Task
    Learning Using Uncertainty to Weigh Losses" (2018). A cost says what s is:

    - `SOFTMAX`, 1/2, for a cross-entropy: s = log sigma^2, eq. (10).
    - `LAPLACE`, 1, for a mean absolute difference: s = log b, as minus the logarithm of
      the density exp(-|x| / b) / 2b is |x| / b + log b + log 2. The paper's own case,
      half of a squared difference, has eq. (7), with s = log sigma^2 and 1/2.

    A loss of exactly 0, over all replicas, is that of a batch without a label: nothing
    is said of the scale then, and s, which would fall without end, has no gradient.

    Args:
      losses: [tasks], each this replica's share of the mean (see `replicas`). What is
        returned is the share of the weighted loss.
      log_scales: s, [tasks]; 0 leaves the losses as they are.
      costs: [tasks].
    """
    labelled = replicas.total(losses) > 0
    scale_costs = tf.where(labelled, costs * log_scales, 0.0)
    return tf.exp(-log_scales) * losses + scale_costs


def dynamic_weights(
    last: tf.Tensor, before_last: tf.Tensor, temperature: float = 2.0
) -> tf.Tensor:
    """Dynamic Weight Average: the slower a task's loss falls, the more it counts.

    T softmax(r / temperature) over the T tasks, r the loss of the last epoch over that
    of the one before: Liu et al., "End-to-End Multi-Task Learning with Attention"
    (2019).

    Args:
      last: mean losses of the last epoch, [tasks].
      before_last: of the epoch before, [tasks]; 0 where there was none: r is 1 then,
        and so are all weights if it is 0 for all tasks.
      temperature: the higher, the more equal the weights.

    Returns:
      Weights [tasks] with a mean of 1.
    """
    ratios = tf.where(before_last > 0, tf.math.divide_no_nan(last, before_last), 1.0)
    return tf.cast(tf.size(last), last.dtype) * tf.nn.softmax(ratios / temperature)
