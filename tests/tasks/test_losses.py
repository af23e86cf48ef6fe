"""Losses against hand numbers, NumPy twins and SimCLR's reference values."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.tasks import losses, replicas


def masked_cross_entropy(logits, classes, valid):
    """The mean over labelled pixels, as a task takes it."""
    return replicas.masked_mean(losses.cross_entropy_map(logits, classes, valid), valid)


def masked_l1(prediction, target, valid):
    """The mean over labelled pixels, as a task takes it."""
    return replicas.masked_mean(losses.l1_map(prediction, target, valid), valid)


def test_cross_entropy_of_labelled_pixels():
    # Softmax (1/2, 1/4, 1/4) everywhere.
    logits = tf.tile(tf.math.log([[[[2.0, 1.0, 1.0]]]]), [1, 1, 3, 1])
    classes = tf.constant([[[[0], [2], [255]]]])
    valid = tf.constant([[[True, True, False]]])
    values = losses.cross_entropy_map(logits, classes, valid)
    np.testing.assert_allclose(values, [[[np.log(2), np.log(4), 0]]], rtol=1e-6)
    loss = masked_cross_entropy(logits, classes, valid)
    assert loss.numpy() == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-6)
    flat = masked_cross_entropy(logits, classes[..., 0], valid)
    assert flat.numpy() == loss.numpy()


def test_l1_is_the_mean_over_valid_pixels_and_channels():
    prediction = tf.constant([[[[1.0, 2.0], [5.0, 5.0]], [[0.0, 0.0], [9.0, 9.0]]]])
    nan = np.nan
    target = tf.constant([[[[2.0, 5.0], [5.0, 4.0]], [[nan, nan], [1.0, nan]]]])
    valid = tf.constant([[[True, True], [False, False]]])
    # (1 + 3) / 2 and (0 + 1) / 2.
    values = losses.l1_map(prediction, target, valid)
    np.testing.assert_allclose(values, [[[2.0, 0.5], [0.0, 0.0]]])
    assert masked_l1(prediction, target, valid).numpy() == 1.25


@pytest.mark.parametrize(
    "loss, target",
    [
        (masked_l1, tf.constant([[[[1.0, 0.0], [np.nan, np.nan]]]])),
        (masked_cross_entropy, tf.constant([[[[1], [255]]]])),
    ],
)
def test_unlabelled_pixels_have_no_gradient(loss, target):
    prediction = tf.constant([[[[0.5, 2.0], [3.0, 4.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = loss(prediction, target, tf.constant([[[True, False]]]))
    gradient = tape.gradient(value, prediction).numpy()
    assert np.all(gradient[0, 0, 0] != 0)
    np.testing.assert_array_equal(gradient[0, 0, 1], [0, 0])


def test_nothing_labelled_is_a_loss_of_zero():
    nothing = tf.zeros([1, 2, 2], tf.bool)
    assert masked_l1(tf.ones([1, 2, 2, 1]), tf.zeros([1, 2, 2, 1]), nothing) == 0


def test_bfloat16_predictions_are_summed_in_float32():
    # 1001 ones: a bfloat16 sum would stop at 256.
    prediction = tf.ones([1, 1, 1001, 1], tf.bfloat16)
    valid = tf.ones([1, 1, 1001], tf.bool)
    loss = masked_l1(prediction, tf.zeros([1, 1, 1001, 1]), valid)
    assert loss.dtype == tf.float32
    assert loss.numpy() == 1


def test_soft_cross_entropy_by_hand():
    # Predicted (1/2, 1/4, 1/4) of what is (1/2, 1/2, 0) and of what is (0, 0, 1).
    logits = tf.tile(tf.math.log([[[[2.0, 1.0, 1.0]]]]), [1, 1, 2, 1])
    others = tf.constant([[[[0.0, 0.0, -50.0], [-50.0, -50.0, 0.0]]]])
    values = losses.soft_cross_entropy_map(logits, others)
    expected = [(np.log(2) + np.log(4)) / 2, np.log(4)]
    np.testing.assert_allclose(values, [[expected]], rtol=1e-6)


def test_soft_cross_entropy_of_sure_logits_is_that_of_their_classes():
    logits = tf.random.stateless_normal((2, 3, 4, 5), (0, 1))
    classes = tf.constant(np.arange(24).reshape(2, 3, 4) % 5, tf.int32)
    hard = losses.cross_entropy_map(logits, classes, tf.ones((2, 3, 4), tf.bool))
    soft = losses.soft_cross_entropy_map(logits, 100 * tf.one_hot(classes, 5))
    np.testing.assert_allclose(soft, hard, rtol=1e-5)
    half = losses.soft_cross_entropy_map(
        tf.cast(logits, tf.bfloat16), 100 * tf.one_hot(classes, 5)
    )
    assert half.dtype == tf.float32


def test_categorical_cross_entropy_is_of_each_example():
    logits = tf.math.log([[3.0, 1.0], [1.0, 1.0], [1.0, 3.0]])
    condition = tf.constant([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    values = losses.categorical_cross_entropy(condition, logits)
    # -log 3/4 and -log 1/4; of the second the class is not known.
    expected = [np.log(4 / 3), 0, np.log(4)]
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)


def test_multi_label_cross_entropy_is_of_each_example():
    # Both classes are there, in shares, said with 3/4 and 1/4; then the second alone.
    logits = tf.math.log([[3.0, 1 / 3], [3.0, 1 / 3]])
    condition = tf.constant([[0.5, 0.5], [0.0, 1.0]])
    values = losses.multi_label_cross_entropy(condition, logits)
    expected = [(np.log(4 / 3) + np.log(4)) / 2, np.log(4)]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_a_label_is_known_if_any_class_is_there():
    condition = tf.constant([[0.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_array_equal(losses.is_known(condition), [False, True, True])


def test_nt_xent_of_two_orthogonal_pairs():
    views = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    # exp(1 / tau) for the other view, exp(0) for both views of the other image.
    expected = np.log(1 + 2 * np.exp(-2))
    assert expected == pytest.approx(0.2395, abs=5e-5)
    assert losses.nt_xent(views, views, 0.5).numpy() == pytest.approx(expected)
    # The length of a vector does not count.
    assert losses.nt_xent(3 * views, views, 0.5).numpy() == pytest.approx(expected)


def test_nt_xent_of_a_collapse_is_a_guess_among_the_others():
    views = tf.ones([4, 3])
    expected = np.log(2 * 4 - 1)
    assert losses.nt_xent(views, views, 0.1).numpy() == pytest.approx(expected)


def test_nt_xent_is_equation_6():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 5, 7))
    latent = np.concatenate([a, b])
    latent /= np.linalg.norm(latent, axis=1, keepdims=True)
    terms = []
    for i in range(10):
        j = (i + 5) % 10
        similarity = np.exp(latent @ latent[i] / 0.2)
        others = sum(similarity[k] for k in range(10) if k != i)
        terms.append(-np.log(similarity[j] / others))
    loss = losses.nt_xent(tf.constant(a), tf.constant(b), 0.2).numpy()
    assert loss == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 0.1])
def test_nt_xent_is_that_of_simclr(golden, temperature):
    values = golden("nt_xent")
    views = [tf.constant(values["view_a"]), tf.constant(values["view_b"])]
    with tf.GradientTape() as tape:
        tape.watch(views)
        loss = losses.nt_xent(*views, temperature)
    gradients = tape.gradient(loss, views)
    expected = values[f"loss_tau_{temperature}"]
    np.testing.assert_allclose(loss, expected, atol=1e-5, rtol=0)
    for gradient, name in zip(gradients, "ab", strict=True):
        expected = values[f"grad_{name}_tau_{temperature}"]
        np.testing.assert_allclose(gradient, expected, atol=1e-5, rtol=0)


def test_hinge():
    def real(logits):
        return losses.hinge_discriminator_real(logits, tf.fill(logits.shape, True))

    fake = losses.hinge_discriminator_fake
    # Beyond the margin nothing is left to gain.
    assert real(tf.constant([2.0])) + fake(tf.constant([-2.0])) == 0
    assert real(tf.zeros([3])) + fake(tf.zeros([3])) == 2
    # relu(1 - 0.5), relu(1 + 3); relu(1 + 0.5), relu(1 - 3).
    logits = tf.constant([0.5, -3.0])
    assert real(logits) == 2.25
    assert fake(logits) == 0.75
    assert losses.hinge_generator(logits) == 1.25


def test_real_images_without_a_label_are_not_judged():
    logits = tf.constant([0.5, -3.0])
    real = losses.hinge_discriminator_real
    assert real(logits, tf.constant([True, False])) == 0.5
    assert real(logits, tf.constant([False, True])) == 4.0
    assert real(logits, tf.constant([False, False])) == 0.0
