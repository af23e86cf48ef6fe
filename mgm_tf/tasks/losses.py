"""The paper's losses as pure functions of tensors.

Each returns this replica's share of the mean over the global batch (see `replicas`).
Sums are made in float32 whatever the networks compute in.
"""

import tensorflow as tf

from mgm_tf import replicas


def cross_entropy_map(
    logits: tf.Tensor, classes: tf.Tensor, valid: tf.Tensor
) -> tf.Tensor:
    """Softmax cross-entropy of every pixel, [N, H, W]; 0 where there is no label.

    Args:
      logits: [N, H, W, C].
      classes: [N, H, W, 1] or [N, H, W] integers; anything where not valid.
      valid: [N, H, W] booleans.
    """
    classes = tf.reshape(classes, tf.shape(valid))
    # A class outside 0..C-1 is an error on a CPU and NaN on a GPU.
    classes = tf.where(valid, classes, tf.zeros_like(classes))
    values = tf.nn.sparse_softmax_cross_entropy_with_logits(
        classes, tf.cast(logits, tf.float32)
    )
    return tf.where(valid, values, tf.zeros_like(values))


def soft_cross_entropy_map(logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """The cross-entropy of the distributions of two maps of logits, [N, H, W].

    Args:
      logits: [N, H, W, C], of the distribution that predicts.
      others: [N, H, W, C], of the one that is predicted.
    """
    shares = tf.nn.softmax(tf.cast(others, tf.float32))
    return -tf.reduce_sum(
        shares * tf.nn.log_softmax(tf.cast(logits, tf.float32)), axis=-1
    )


def l1_map(prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference over the channels, [N, H, W]; 0 where not valid.

    Args:
      prediction, target: [N, H, W, C]; the target may be NaN where not valid.
      valid: [N, H, W] booleans.
    """
    prediction = tf.cast(prediction, tf.float32)
    # Masking the difference alone would leave 0 * NaN in the gradient.
    target = tf.where(valid[..., None], tf.cast(target, tf.float32), 0.0)
    values = tf.reduce_mean(tf.abs(prediction - target), axis=-1)
    return tf.where(valid, values, tf.zeros_like(values))


def categorical_cross_entropy(condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The softmax cross-entropy of each example, [N]; 0 where the class is not known.

    Args:
      condition: [N, classes] one-hot; all zeros where the class is not known.
      logits: [N, classes].
    """
    return tf.nn.softmax_cross_entropy_with_logits(
        condition, tf.cast(logits, tf.float32)
    )


def multi_label_cross_entropy(condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The binary cross-entropy of each example, the mean over the classes, [N].

    Args:
      condition: [N, classes], above 0 where the class is present; all zeros where the
        label is not known.
      logits: [N, classes].
    """
    present = tf.cast(condition > 0, tf.float32)
    values = tf.nn.sigmoid_cross_entropy_with_logits(
        present, tf.cast(logits, tf.float32)
    )
    return tf.reduce_mean(values, axis=-1)


def known(condition: tf.Tensor) -> tf.Tensor:
    """Whether an example's condition [N, classes] is known (not all zeros), [N]."""
    return tf.reduce_any(condition > 0, axis=-1)


def nt_xent(view_a: tf.Tensor, view_b: tf.Tensor, temperature: float) -> tf.Tensor:
    """Normalized temperature-scaled cross-entropy, eq. (6), the mean over 2N views.

    The negatives come from the global batch: they are gathered over the replicas.

    Args:
      view_a, view_b: [n, d] latent vectors; row i of both is the same image. Every
        replica holds the same number.
      temperature: tau; dis is the cosine similarity.
    """
    local_a = tf.math.l2_normalize(tf.cast(view_a, tf.float32), axis=-1)
    local_b = tf.math.l2_normalize(tf.cast(view_b, tf.float32), axis=-1)
    all_a, all_b = replicas.gather(local_a), replicas.gather(local_b)
    number = tf.shape(local_a)[0]
    own = replicas.index() * number + tf.range(number)
    # An image is no negative of itself.
    itself = 1e9 * tf.one_hot(own, tf.shape(all_a)[0])

    def losses(view, same, other):
        similar = tf.matmul(view, same, transpose_b=True) / temperature - itself
        opposite = tf.matmul(view, other, transpose_b=True) / temperature
        logits = tf.concat([opposite, similar], axis=1)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits)

    both = losses(local_a, all_a, all_b) + losses(local_b, all_b, all_a)
    return tf.reduce_mean(both) / 2


def hinge_discriminator_real(logits: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """The discriminator's hinge loss on real images: mean of max(0, 1 - D(x, c)).

    Args:
      logits: [N].
      known: [N] booleans; images whose label is not known do not count.
    """
    values = tf.nn.relu(1.0 - tf.cast(logits, tf.float32))
    return replicas.masked_mean(values, known)


def hinge_discriminator_fake(logits: tf.Tensor) -> tf.Tensor:
    """The discriminator's hinge loss on synthesized images: mean of max(0, 1 + D)."""
    return tf.reduce_mean(tf.nn.relu(1.0 + tf.cast(logits, tf.float32)))


def hinge_generator(logits: tf.Tensor) -> tf.Tensor:
    """The generator's loss beside the hinge: minus the mean of D on its images."""
    return -tf.reduce_mean(tf.cast(logits, tf.float32))
