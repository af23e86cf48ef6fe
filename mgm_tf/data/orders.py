"""The order of examples: a pure function of (seed, step), nothing is stored."""

import tensorflow as tf


def order(
    step: tf.Tensor, batch_size: int, examples: int, seed: int, salt: int = 0
) -> tf.Tensor:
    """The numbers [batch_size] of the examples of a step.

    Every epoch is another permutation of all examples; a batch may hold the end of one
    and the start of the next. Nothing is stored: any step can be asked for.
    """
    place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    epoch = place // examples
    # The public `index_shuffle` takes one key for all; a batch may span epochs.
    epochs = range((batch_size - 1) // examples + 2)
    keys = tf.stack([_key(seed, salt, epoch[0] + number) for number in epochs])
    return tf.raw_ops.RandomIndexShuffle(
        index=place % examples,
        seed=tf.gather(keys, epoch - epoch[0]),
        max_index=tf.constant(examples - 1, tf.int64),
        rounds=8,  # with the usual 4 too many indices stay where they are
    )


def _key(seed: int, salt: int, epoch: tf.Tensor) -> tf.Tensor:
    """The three words that choose a permutation.

    Drawn, not counted: for less than 2**16 examples the shuffle takes nothing but the
    last byte of each word, and the order would come again after 256 epochs.
    """
    start = tf.constant([seed, salt], tf.int64)
    mixed = tf.random.experimental.stateless_fold_in(start, epoch)
    return tf.random.stateless_uniform([3], mixed, None, None, tf.uint32)
