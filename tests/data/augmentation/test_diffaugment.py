"""DiffAugment against hand numbers; which random numbers; its gradient."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.augmentation import diffaugment
from mgm_tf.data.augmentation.diffaugment import DISCRIMINATOR_AUGMENTATIONS, POLICY
from mgm_tf.data.randomness import BatchRng


def draws_for(number: int, seed: int = 0) -> BatchRng:
    return BatchRng.at(seed, tf.constant(0), tf.range(number), number)


def noise(number: int, size: int = 16) -> tf.Tensor:
    """Images in [-1, 1]."""
    return tf.random.stateless_uniform((number, size, size, 3), (1, number), -1, 1)


# ---- each change by hand ------------------------------------------------------------


def test_colour_by_hand():
    images = tf.constant([[[[0.3, 0.0, 0.6], [0.0, 0.0, 0.0]]]])
    one = tf.ones([1])
    found = diffaugment.color(images, 0.1 * one, 2 * one, 0.5 * one)
    # Brighter: (.4, .1, .7), of mean .4, and .1. Twice as far from that: (.4, -.2, 1).
    # The mean of the image is now 1.5 / 6 = .25, and all is half as far from it.
    expected = [[[[0.325, 0.025, 0.625], [0.175, 0.175, 0.175]]]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_colour_is_changed_by_an_images_own_numbers():
    images, one = noise(3), tf.ones([3])
    same = diffaugment.color(images, 0 * one, one, one)
    np.testing.assert_allclose(same, images, atol=1e-6)
    second = tf.constant([0.0, 0.25, 0.0])
    brighter = diffaugment.color(images, second, one, one) - images
    np.testing.assert_allclose(
        brighter, tf.ones_like(images) * second[:, None, None, None], atol=1e-6
    )
    grey = diffaugment.color(images, 0 * one, 0 * one, one)
    means = tf.reduce_mean(images, axis=3, keepdims=True)
    np.testing.assert_allclose(grey, tf.repeat(means, 3, axis=3), atol=1e-6)


def test_translation_by_hand():
    image = tf.constant([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    images = tf.repeat(image[None, ..., None], 4, axis=0)
    shifts = tf.constant([[0, 0], [1, 0], [-1, 2], [3, 0]])
    found = diffaugment.translate(images, shifts)[..., 0]
    np.testing.assert_array_equal(found[0], image)
    np.testing.assert_array_equal(found[1], [[0, 0, 0], [1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(found[2], [[0, 0, 4], [0, 0, 7], [0, 0, 0]])
    np.testing.assert_array_equal(found[3], np.zeros((3, 3)))


def test_cutout_by_hand():
    starts = tf.constant([[1, 0], [-1, 2], [3, 3]])
    found = diffaugment.cut_out(tf.ones([3, 4, 4, 1]), starts, 2)[..., 0]
    np.testing.assert_array_equal(
        found,
        [
            [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1]],
            [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
            [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]],
        ],
    )


# ---- the random numbers -------------------------------------------------------------


def check_uniform(values, low, high):
    values = np.asarray(values)
    assert low - 1e-5 <= values.min() and values.max() <= high + 1e-5
    assert values.min() < low + 0.01 * (high - low)
    assert values.max() > high - 0.01 * (high - low)
    bound = 4 * (high - low) / math.sqrt(12 * len(values))
    assert values.mean() == pytest.approx((low + high) / 2, abs=bound)


def test_colours_are_drawn_from_the_papers_ranges():
    number, rng = 4000, draws_for(4000)

    def change(left, right):
        """What becomes of an image of two pixels."""
        images = tf.repeat(tf.constant([[[left, right]]]), number, axis=0)
        return diffaugment.random_color(images, rng)[:, 0].numpy()

    # A flat grey has neither saturation nor contrast.
    check_uniform(change((0.0,) * 3, (0.0,) * 3)[:, 0, 0], -0.5, 0.5)
    two_greys = change((-0.5,) * 3, (0.5,) * 3)
    contrast = two_greys[:, 1, 0] - two_greys[:, 0, 0]
    check_uniform(contrast, 0.5, 1.5)
    one_colour = change((0.5, 0.0, -0.5), (0.5, 0.0, -0.5))
    saturation = (one_colour[:, 0, 0] - one_colour[:, 0, 2]) / contrast
    check_uniform(saturation, 0, 2)
    assert abs(np.corrcoef(contrast, saturation)[0, 1]) < 4 / math.sqrt(number)


def frequencies(images):
    """How often each different image occurs."""
    flat = np.reshape(images, (len(images), -1))
    return np.unique(flat, axis=0, return_counts=True)[1]


def check_equally_frequent(counts, kinds):
    assert len(counts) == kinds
    expected = counts.sum() / kinds
    assert np.abs(counts - expected).max() <= 5 * math.sqrt(expected)


@pytest.mark.parametrize("size, most", [(16, 2), (12, 2), (8, 1)])
def test_translation_by_up_to_an_eighth(size, most):
    dot = np.zeros((1, size, size, 1), np.float32)
    dot[0, most, most] = 1  # most up and left is the corner, never outside
    images = tf.repeat(dot, 4000, axis=0)
    moved = diffaugment.random_translation(images, draws_for(4000)).numpy()
    assert np.all(moved.sum(axis=(1, 2, 3)) == 1)
    assert np.all(moved[:, : 2 * most + 1, : 2 * most + 1].sum(axis=(1, 2, 3)) == 1)
    check_equally_frequent(frequencies(moved), (2 * most + 1) ** 2)


@pytest.mark.parametrize("size, side, centres", [(8, 4, 9), (6, 3, 6)])
def test_cutout_of_half_the_size_anywhere(size, side, centres):
    images = tf.ones([6000, size, size, 1])
    found = diffaugment.random_cutout(images, draws_for(6000)).numpy()
    blank = size * size - found.sum(axis=(1, 2, 3))
    # The smallest is a quarter of an even square, or a bit more of an odd one.
    assert blank.max() == side**2
    assert blank.min() == ((side + 1) // 2) ** 2
    check_equally_frequent(frequencies(found), centres**2)


def test_every_example_has_its_own_draws():
    images = tf.repeat(noise(1), 16, axis=0)
    found = diffaugment.diff_augment(images, draws_for(16)).numpy()
    assert len(np.unique(found.reshape(16, -1).round(3), axis=0)) == 16
    again = diffaugment.diff_augment(images, draws_for(16))
    np.testing.assert_array_equal(found, again)
    other = diffaugment.diff_augment(images, draws_for(16, seed=1))
    assert np.all(np.any(np.abs(found - other) > 1e-3, axis=(1, 2, 3)))


def test_half_batches_are_changed_as_in_the_whole_one():
    images = noise(8)
    whole = diffaugment.diff_augment(images, draws_for(8))
    for places in ([0, 1, 2, 3], [4, 5, 6, 7]):
        rng = BatchRng.at(0, tf.constant(0), tf.constant(places), 8)
        half = diffaugment.diff_augment(tf.gather(images, places), rng)
        np.testing.assert_allclose(half, tf.gather(whole, places), atol=1e-6)


# ---- the whole ----------------------------------------------------------------------


def test_the_policy_is_colour_then_translation_then_cutout():
    assert tuple(POLICY) == ("color", "translation", "cutout")
    images, rng = noise(4), draws_for(4)
    expected = diffaugment.random_color(images, rng.fold_in("color"))
    expected = diffaugment.random_translation(expected, rng.fold_in("translation"))
    expected = diffaugment.random_cutout(expected, rng.fold_in("cutout"))
    found = diffaugment.diff_augment(images, rng)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", [*POLICY.values(), diffaugment.diff_augment])
def test_the_gradient_is_that_of_an_affine_map(change):
    # f(x) = A x + b: the gradient of w . f(x) is A^T w, and its product with x is
    # w . (f(x) - f(0)).
    images, rng = noise(4), draws_for(4)
    weights = tf.random.stateless_normal(images.shape, (2, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        changed = change(images, rng)
        loss = tf.reduce_sum(weights * changed)
    gradient = tape.gradient(loss, images)
    difference = changed - change(tf.zeros_like(images), rng)
    expected = tf.reduce_sum(weights * difference, axis=(1, 2, 3))
    found = tf.reduce_sum(images * gradient, axis=(1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    assert np.all(np.any(gradient != 0, axis=(1, 2, 3)))


@pytest.mark.parametrize("name", DISCRIMINATOR_AUGMENTATIONS)
def test_graphs_agree_and_know_the_shape(name):
    images, shapes = noise(4), []

    @tf.function
    def inside(images):
        found = DISCRIMINATOR_AUGMENTATIONS[name](images, draws_for(4))
        shapes.append(found.shape)
        return found

    outside = DISCRIMINATOR_AUGMENTATIONS[name](images, draws_for(4))
    np.testing.assert_allclose(inside(images), outside, atol=1e-5)
    assert shapes == [(4, 16, 16, 3)]
    assert outside.dtype == tf.float32


def test_compiled_changes_agree():
    # By given amounts: compiled code draws other random numbers.
    def change(images, amounts, places):
        images = diffaugment.color(images, *tf.unstack(amounts))
        images = diffaugment.translate(images, places)
        return diffaugment.cut_out(images, places, 8)

    images, amounts = noise(4), tf.random.stateless_uniform([3, 4], (3, 4))
    places = tf.constant([[0, 0], [1, -2], [16, 3], [-5, 7]])
    compiled = tf.function(change, jit_compile=True)(images, amounts, places)
    np.testing.assert_allclose(compiled, change(images, amounts, places), atol=1e-5)

    def whole(images):
        return diffaugment.diff_augment(images, draws_for(4))

    assert np.all(np.isfinite(tf.function(whole, jit_compile=True)(images)))


def test_none_is_the_images_themselves():
    images = noise(2)
    assert DISCRIMINATOR_AUGMENTATIONS["none"](images, draws_for(2)) is images
