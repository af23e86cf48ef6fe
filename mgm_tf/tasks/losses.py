"""The paper's losses as pure functions of tensors.

Each returns this replica's share of the mean over the global batch (see `replicas`).
Sums are made in float32 whatever the networks compute in.
"""

import tensorflow as tf

from mgm_tf.tasks import replicas


def cross_entropy_map(
    logits: tf.Tensor, classes: tf.Tensor, valid: tf.Tensor
) -> tf.Tensor:
    """Returns the softmax cross-entropy of every pixel, [N, H, W]; 0 without a label.

    Args:
      logits: the prediction, [N, H, W, C].
      classes: the labels, [N, H, W, 1] or [N, H, W] integers; anything where not
        valid.
      valid: where there is a label, [N, H, W] booleans.
    """
    classes = tf.reshape(classes, tf.shape(valid))
    # A class outside 0..C-1 is an error on a CPU and NaN on a GPU.
    classes = tf.where(valid, classes, tf.zeros_like(classes))
    values = tf.nn.sparse_softmax_cross_entropy_with_logits(
        classes, tf.cast(logits, tf.float32)
    )
    return tf.where(valid, values, tf.zeros_like(values))


def soft_cross_entropy_map(logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy -sum_c p_c log q_c of two maps of logits, [N, H, W].

    Args:
      logits: the logits of the distribution q that predicts, [N, H, W, C].
      others: the logits of the distribution p that is predicted, [N, H, W, C].
    """
    shares = tf.nn.softmax(tf.cast(others, tf.float32))
    return -tf.reduce_sum(
        shares * tf.nn.log_softmax(tf.cast(logits, tf.float32)), axis=-1
    )


def l1_map(prediction: tf.Tensor, target: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Returns the mean absolute difference over the channels, [N, H, W].

    Args:
      prediction: the predicted map, [N, H, W, C].
      target: the map to predict, [N, H, W, C]; it may be NaN where not valid.
      valid: where there is a label, [N, H, W] booleans; the loss is 0 elsewhere.
    """
    prediction = tf.cast(prediction, tf.float32)
    # Masking the difference alone would leave 0 * NaN in the gradient.
    target = tf.where(valid[..., None], tf.cast(target, tf.float32), 0.0)
    values = tf.reduce_mean(tf.abs(prediction - target), axis=-1)
    return tf.where(valid, values, tf.zeros_like(values))


def categorical_cross_entropy(condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the softmax cross-entropy of each example, [N]; 0 where not known.

    Args:
      condition: one-hot labels [N, classes]; all zeros where the class is not known.
      logits: the prediction, [N, classes].
    """
    return tf.nn.softmax_cross_entropy_with_logits(
        condition, tf.cast(logits, tf.float32)
    )


def multi_label_cross_entropy(condition: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the binary cross-entropy of each example, the mean over the classes, [N].

    Args:
      condition: the labels [N, classes], above 0 where the class is present; all zeros
        where the label is not known.
      logits: the prediction, [N, classes].
    """
    present = tf.cast(condition > 0, tf.float32)
    values = tf.nn.sigmoid_cross_entropy_with_logits(
        present, tf.cast(logits, tf.float32)
    )
    return tf.reduce_mean(values, axis=-1)


def is_known(condition: tf.Tensor) -> tf.Tensor:
    """Returns whether each row of a condition [N, classes] is known, not zeros, [N]."""
    return tf.reduce_any(condition > 0, axis=-1)


def nt_xent(view_a: tf.Tensor, view_b: tf.Tensor, temperature: float) -> tf.Tensor:
    """Returns the normalized temperature-scaled cross-entropy, eq. (6) of the paper.

    The loss of a positive pair i, j of the 2N views is
    -log(exp(dis(mu_i, mu_j) / tau) / sum over k != i of exp(dis(mu_i, mu_k) / tau));
    this is its mean over the 2N views of this replica's images. The negatives come from
    the global batch: they are gathered over the replicas.

    Args:
      view_a: the latent vectors mu of one view of each image, [n, d].
      view_b: the latent vectors of the other view, [n, d]; row i of both is the same
        image. Every replica holds the same number of rows.
      temperature: the temperature tau.
    """
    # dis is the cosine similarity: the scalar product of vectors of length 1.
    local_a = tf.math.l2_normalize(tf.cast(view_a, tf.float32), axis=-1)
    local_b = tf.math.l2_normalize(tf.cast(view_b, tf.float32), axis=-1)
    all_a, all_b = replicas.gather(local_a), replicas.gather(local_b)
    number = tf.shape(local_a)[0]
    own = replicas.index() * number + tf.range(number)
    # The indicator [k != i]: a view is no negative of itself.
    itself = 1e9 * tf.one_hot(own, tf.shape(all_a)[0])

    def losses(view: tf.Tensor, same: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        # dis(mu_i, mu_k) / tau, for k in the views of i's own kind and of the other.
        within = tf.matmul(view, same, transpose_b=True) / temperature - itself
        across = tf.matmul(view, other, transpose_b=True) / temperature
        # Softmax cross-entropy of these 2N - 1 with the positive pair's as the label.
        logits = tf.concat([across, within], axis=1)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits)

    both = losses(local_a, all_a, all_b) + losses(local_b, all_b, all_a)
    # (l_ij + l_ji) / 2 of each image: the mean over its two views.
    return tf.reduce_mean(both) / 2


def hinge_discriminator_real(logits: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Returns the mean of max(0, 1 - D(x, c)), the hinge loss of D on real images.

    The first term of Lim and Ye (2017), "Geometric GAN", that SAGAN takes over.

    Args:
      logits: D(x, c) of each image, [N].
      known: whether an image's label is known, [N] booleans; others do not count.
    """
    values = tf.nn.relu(1.0 - tf.cast(logits, tf.float32))
    return replicas.masked_mean(values, known)


def hinge_discriminator_fake(logits: tf.Tensor) -> tf.Tensor:
    """Returns the mean of max(0, 1 + D(x, c)), the hinge loss on synthesized images.

    Args:
      logits: D(x, c) of each image, [N].
    """
    return tf.reduce_mean(tf.nn.relu(1.0 + tf.cast(logits, tf.float32)))


def hinge_generator(logits: tf.Tensor) -> tf.Tensor:
    """Returns -mean of D(G(z, c), c), the generator's loss in the hinge formulation.

    Args:
      logits: D of each synthesized image, [N].
    """
    return -tf.reduce_mean(tf.cast(logits, tf.float32))
