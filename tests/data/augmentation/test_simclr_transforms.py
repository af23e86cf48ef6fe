"""The transforms of the views, each by hand or held to other people's values."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.augmentation import simclr
from mgm_tf.data.randomness import BatchRng


def draws_for(number: int, seed: int = 0) -> BatchRng:
    return BatchRng.at(seed, tf.constant(0), tf.range(number), number)


def noise(number: int, size: int = 16) -> tf.Tensor:
    """Images in [0, 1]."""
    return tf.random.stateless_uniform((number, size, size, 3), (1, number))


def one_color(*color) -> tf.Tensor:
    return tf.constant(color, tf.float32, shape=(1, 1, 1, 3)) * tf.ones([1, 4, 4, 1])


# ---- crop ---------------------------------------------------------------------------


def test_crop_of_everything_is_the_image():
    images = noise(2)
    whole = simclr.crop(images, tf.zeros([2, 2]), tf.ones([2, 2]))
    np.testing.assert_allclose(whole, images, atol=1e-6)


def test_crop_of_a_half_by_hand():
    image = tf.constant([0.0, 4.0, 8.0, 12.0], shape=(1, 1, 4, 1)) * tf.ones(
        (1, 4, 1, 1)
    )
    # The right half is two pixels, each cut in two, with centres at 1.75, 2.25, 2.75
    # and 3.25 where the pixels' own are at 0, 1, 2, 3; beyond 3 nothing changes.
    half = simclr.crop(image, tf.constant([[0.0, 0.5]]), tf.constant([[1.0, 0.5]]))
    np.testing.assert_allclose(half[0, :, :, 0], [[7, 9, 11, 12]] * 4, atol=1e-5)


def test_crop_is_bilinear_resizing_of_the_part():
    images = noise(2)
    start, size = tf.constant([[0.25, 0.5]] * 2), tf.constant([[0.5, 0.25]] * 2)
    # Inside, where the neighbours beyond the part do not matter.
    part = tf.image.resize(images[:, 4:12, 8:12], (16, 16))
    cropped = simclr.crop(images, start, size)
    np.testing.assert_allclose(cropped[:, 1:-1, 2:-2], part[:, 1:-1, 2:-2], atol=1e-5)


def test_sizes_of_random_crops(monkeypatch):
    boxes = []
    monkeypatch.setattr(simclr, "crop", lambda images, *box: boxes.append(box))
    simclr.random_crop(tf.zeros([4000, 1, 1, 3]), draws_for(4000))
    start, size = (part.numpy() for part in boxes[0])
    area, aspect = size[:, 0] * size[:, 1], size[:, 1] / size[:, 0]
    assert start.min() >= 0 and (start + size).max() <= 1 + 1e-6
    assert 0.079 < area.min() < 0.1 and 0.9 < area.max() <= 1
    assert 0.749 < aspect.min() < 0.77 and 1.3 < aspect.max() < 1.334
    assert np.median(aspect) == pytest.approx(1, abs=0.03)
    # Places are uniform in what the size leaves free.
    assert (start / (1 - size + 1e-9)).mean() == pytest.approx(0.5, abs=0.02)


# ---- flip and colours ---------------------------------------------------------------


def test_flip_by_hand():
    row = tf.constant([1.0, 2.0, 3.0], shape=(1, 1, 3, 1)) * tf.ones([1, 2, 1, 3])
    flipped = simclr.flip(row, draws_for(1))
    np.testing.assert_array_equal(flipped[0, :, :, 0], [[3, 2, 1], [3, 2, 1]])


def test_greyscale_has_equal_channels():
    images = noise(2)
    grey = simclr.greyscale(images, draws_for(2)).numpy()
    expected = 0.299 * images[..., 0] + 0.587 * images[..., 1] + 0.114 * images[..., 2]
    for channel in range(3):
        np.testing.assert_allclose(grey[..., channel], expected, atol=1e-6)


def jittered(
    image, brightness=1.0, contrast=1.0, saturation=1.0, turn=0.0, order="bcsh"
):
    order = tf.constant([["bcsh".index(change) for change in order]])
    factors = tf.constant([[brightness, contrast, saturation]])
    return simclr.color_jitter(image, factors, tf.constant([turn]), order).numpy()


def test_jitter_by_nothing():
    images = noise(1)
    np.testing.assert_allclose(jittered(images), images, atol=1e-5)


def test_brightness_contrast_and_saturation_by_hand():
    orange = one_color(0.5, 0.25, 0.0)  # luminance 0.29625
    np.testing.assert_allclose(
        jittered(orange, brightness=1.6)[0, 0, 0], [0.8, 0.4, 0.0], atol=1e-6
    )
    np.testing.assert_allclose(
        jittered(orange, saturation=0.0)[0, 0, 0], [0.29625] * 3, atol=1e-6
    )
    # Half black, half white, the mean grey 0.5: a contrast of 0.2 leaves 0.4 and 0.6.
    halves = tf.constant([0.0, 1.0], shape=(1, 1, 2, 1)) * tf.ones([1, 2, 1, 3])
    np.testing.assert_allclose(
        jittered(halves, contrast=0.2)[0, 0, :, 0], [0.4, 0.6], atol=1e-6
    )


def test_the_order_matters_and_each_change_is_clipped():
    halves = tf.constant([0.0, 0.8], shape=(1, 1, 2, 1)) * tf.ones([1, 2, 1, 3])
    # Brightness first: 0 and 1.6, clipped to 1, mean 0.5. Then half the contrast.
    first = jittered(halves, brightness=2.0, contrast=0.5, order="bcsh")
    np.testing.assert_allclose(first[0, 0, :, 0], [0.25, 0.75], atol=1e-6)
    # Contrast first: mean 0.4, so 0.2 and 0.6. Then twice as bright, clipped.
    last = jittered(halves, brightness=2.0, contrast=0.5, order="cbsh")
    np.testing.assert_allclose(last[0, 0, :, 0], [0.4, 1.0], atol=1e-6)


def test_hue_turns_and_keeps_the_brightness():
    dull_red = one_color(0.6, 0.4, 0.4)
    luma = np.array([0.299, 0.587, 0.114])
    hues = []
    for turn in (0.0, 0.1, 0.2, -0.2):
        color = jittered(dull_red, turn=turn)[0, 0, 0]
        assert color @ luma == pytest.approx(0.4598, abs=1e-5)
        hues.append(colorsys.rgb_to_hsv(*map(float, color))[0])
    # Of the circle; red is 0, and YIQ's circle is HSV's to about a fifteenth.
    turned = [(hue + 0.5) % 1 - 0.5 for hue in hues]
    assert turned == pytest.approx([0, 0.1, 0.2, -0.2], abs=1 / 15)
    # A full circle is where it began.
    full = jittered(dull_red, turn=1.0)
    np.testing.assert_allclose(full, dull_red, atol=1e-5)


def test_random_jitter_takes_every_order_and_the_whole_range(monkeypatch):
    drawn = []
    monkeypatch.setattr(simclr, "color_jitter", lambda images, *how: drawn.append(how))
    simclr.random_color_jitter(tf.zeros([4000, 1, 1, 3]), draws_for(4000))
    factors, turns, order = (part.numpy() for part in drawn[0])
    assert factors.shape == (4000, 3)
    np.testing.assert_allclose(factors.min(axis=0), 0.2, atol=0.01)
    np.testing.assert_allclose(factors.max(axis=0), 1.8, atol=0.01)
    assert (turns.min(), turns.max()) == pytest.approx((-0.2, 0.2), abs=0.005)
    _, times = np.unique(order, axis=0, return_counts=True)
    assert len(times) == 24
    assert np.abs(times / 4000 - 1 / 24).max() < 0.013  # 4 standard deviations


def test_jitter_is_of_each_image_alone():
    images = noise(3)
    factors = tf.constant([[0.5, 1.5, 0.3], [1.8, 0.2, 1.0], [1.0, 1.0, 1.7]])
    turns = tf.constant([0.1, -0.2, 0.0])
    order = tf.constant([[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
    together = simclr.color_jitter(images, factors, turns, order)
    for i in range(3):
        only = slice(i, i + 1)
        alone = simclr.color_jitter(
            images[only], factors[only], turns[only], order[only]
        )
        np.testing.assert_allclose(together[only], alone, atol=1e-6)


# ---- blur ---------------------------------------------------------------------------


@pytest.mark.parametrize("kernel_size, sigma", [(13, 1.3), (3, 0.5), (7, 2.0)])
def test_blur_is_that_of_tensorflow_addons(golden, kernel_size, sigma):
    values = golden("tfa_gaussian_filter2d")
    images = tf.constant(values["image"])
    blurred = simclr.gaussian_blur(images, kernel_size, tf.fill([2], sigma))
    expected = values[f"blur_k{kernel_size}_s{sigma}"]
    np.testing.assert_allclose(blurred, expected, atol=1e-5, rtol=0)


def test_every_image_is_blurred_by_its_own_sigma():
    images = noise(2)
    sigmas = tf.constant([0.3, 2.0])
    together = simclr.gaussian_blur(images, 5, sigmas)
    for i in range(2):
        alone = simclr.gaussian_blur(images[i : i + 1], 5, sigmas[i : i + 1])
        np.testing.assert_allclose(together[i : i + 1], alone, atol=1e-6)


@pytest.mark.parametrize("size, taps", [(64, 7), (128, 13)])
def test_the_kernel_is_a_tenth_of_the_size(size, taps):
    point = tf.one_hot([size // 2], size)
    image = (point[:, :, None] * point[:, None, :])[..., None] * tf.ones([1, 1, 1, 3])
    blurred = simclr.random_blur(tf.repeat(image, 8, axis=0), draws_for(8))
    widest = max(np.count_nonzero(row) for row in blurred[:, size // 2, :, 0])
    assert widest == taps
