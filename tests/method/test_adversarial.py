"""The two players and their latent vectors, on networks one can compute."""

import functools
import types

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.augmentation.diffaugment import DISCRIMINATOR_AUGMENTATIONS
from mgm_tf.method.adversarial import Discriminate, Generate, Guided, Noise
from tests.hand_made import SIZE, examples, networks, players

GUIDED, NOISE = Guided(2), Noise(2)


def noise_of(case):
    return case.rng.fold_in("latent").normal(2)


# --- Latent vectors -----------------------------------------------------------------


def test_guided_vectors_are_noise_and_the_embedding():
    case = examples()
    # The embedding is 100 times the grey, 0 and 0.1.
    expected = noise_of(case) + [[0.0, 0.0], [10.0, 10.0]]
    np.testing.assert_allclose(GUIDED(players(), case), expected, rtol=1e-6)
    assert GUIDED.networks == ("encoder", "embedding")


def test_noise_knows_of_nothing():
    case = examples()
    z = NOISE(types.SimpleNamespace(), case)  # that has no network at all
    np.testing.assert_array_equal(z, noise_of(case))
    other = examples(images=tf.ones((2, SIZE, SIZE, 3)))
    np.testing.assert_array_equal(NOISE(types.SimpleNamespace(), other), z)
    assert NOISE.networks == ()


def test_guided_vectors_are_the_noise_where_the_embedding_says_nothing():
    nets = players()
    nets.embedding = lambda features: tf.zeros((2, 2))
    np.testing.assert_array_equal(GUIDED(nets, examples()), noise_of(examples()))


@pytest.mark.parametrize("loss", [Discriminate, Generate])
def test_networks_of_the_players_are_those_of_the_vectors_and_their_own(loss):
    own = ("generator", "discriminator")
    assert loss(NOISE).networks == own
    assert loss(GUIDED).networks == ("encoder", "embedding", *own)
    assert loss(NOISE).reads_scenes


def test_both_players_meet_the_same_images_from_the_same_numbers():
    seen = []

    def judge(images, condition):
        seen.append(images)
        return tf.zeros(2)

    case = examples()
    Discriminate(GUIDED)(players(judge), case)
    Generate(GUIDED)(players(judge), case)
    on_real, *on_synthesized = seen
    np.testing.assert_array_equal(on_real, case.images)
    np.testing.assert_array_equal(*on_synthesized)
    # G gives the sum of z everywhere.
    sums = tf.reduce_sum(noise_of(case), axis=-1) + [0.0, 20.0]
    np.testing.assert_allclose(on_synthesized[0][:, 0, 0, 0], sums, rtol=1e-6)


# --- The hinge ----------------------------------------------------------------------


def test_a_discriminator_that_says_zero_pays_two():
    nets = players(lambda images, condition: tf.zeros(2))
    terms = Discriminate(GUIDED, 0.01)(nets, examples())
    assert {name: float(value) for name, value in terms.items()} == {
        "real": 1,
        "synthesized": 1,
    }
    assert Generate(GUIDED, 0.01)(nets, examples())["hinge"] == 0


def test_the_hinge_by_hand():
    # D says 0.5 on real images (0 and 0.1) and -3, 0.25 on others.
    def judge(images, condition):
        is_real = tf.reduce_all(tf.abs(images) < 0.2, axis=(1, 2, 3))
        return tf.where(is_real, 0.5, [-3.0, 0.25])

    nets = players(judge)
    nets.embedding = lambda features: tf.fill((2, 2), 50.0)
    terms = Discriminate(GUIDED)(nets, examples())
    assert terms["real"].numpy() == 0.5
    assert terms["synthesized"].numpy() == (0 + 1.25) / 2
    assert Generate(GUIDED)(nets, examples())["hinge"].numpy() == -(-3 + 0.25) / 2


def test_a_real_image_whose_label_is_not_known_is_not_judged():
    nets = players(lambda images, condition: tf.constant([0.5, -3.0]))
    terms = Discriminate(NOISE)(nets, examples(scenes=(0, -1)))
    # relu(1 - 0.5) of the first; relu(1 + 0.5) and relu(1 - 3) of what is synthesized.
    assert terms["real"].numpy() == 0.5
    assert terms["synthesized"].numpy() == 0.75


def weighted_players(weight):
    """D says the mean of the image, G paints `weight` and the vector does not count."""
    nets = players(lambda images, condition: tf.reduce_mean(images, (1, 2, 3)))
    nets.generator = lambda z, condition: weight * tf.ones((2, SIZE, SIZE, 3))
    return nets


def test_the_generator_raises_what_the_discriminator_says():
    weight = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        loss = Generate(NOISE)(weighted_players(weight), examples())["hinge"]
    assert loss.numpy() == -2
    assert tape.gradient(loss, weight).numpy() == -1


def test_to_the_discriminator_what_is_synthesized_is_a_constant():
    weight = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        terms = Discriminate(NOISE)(weighted_players(weight), examples())
    assert terms["synthesized"].numpy() == 3
    assert tape.gradient(terms["synthesized"], weight) is None


def test_the_generators_gradient_reaches_the_embedding_and_the_encoder():
    scale, gain = tf.Variable(1.0), tf.Variable(3.0)
    nets = players(lambda images, condition: tf.reduce_mean(images, (1, 2, 3)))
    nets.encoder = lambda images: scale * images
    nets.embedding = lambda features: gain * features[:, 0, 0, :2]
    with tf.GradientTape() as tape:
        loss = Generate(GUIDED)(nets, examples())["hinge"]
    # D says the sum of z: of the embedding 2 * gain * scale * grey, grey 0 and 0.1,
    # whose mean over both is 0.1 * gain * scale.
    found = tape.gradient(loss, [scale, gain])
    np.testing.assert_allclose(found, [-0.3, -0.1], rtol=1e-5)


def test_the_condition_reaches_both_players():
    seen = []

    def note(_, condition):
        seen.append(condition.numpy())
        return tf.zeros((2, SIZE, SIZE, 3))

    nets = players(lambda images, condition: note(images, condition)[:, 0, 0, 0])
    nets.generator = note
    case = examples(scenes=(2, -1))
    Discriminate(GUIDED, 0.01)(nets, case)
    Generate(GUIDED, 0.01)(nets, case)
    assert len(seen) == 5
    for condition in seen:
        np.testing.assert_array_equal(condition, [[0, 0, 1], [0, 0, 0]])


def test_what_is_synthesized_has_the_labels_that_are_wanted():
    wanted = tf.constant([[0.0, 1, 0], [0, 1, 0]])
    made = {"generator": tf.zeros((2, SIZE, SIZE, 3)), "discriminator": tf.zeros(2)}
    seen = {name: [] for name in made}

    def note(name, values, condition):
        seen[name].append(condition.numpy())
        return made[name]

    nets = networks(**{name: functools.partial(note, name) for name in seen})
    case = examples(scenes=(2, 0), synthesis_condition=wanted)
    Discriminate(NOISE)(nets, case)
    Generate(NOISE)(nets, case)
    on_real, *on_synthesized = seen["discriminator"]
    np.testing.assert_array_equal(on_real, [[0, 0, 1], [1, 0, 0]])
    for condition in (*on_synthesized, *seen["generator"]):
        np.testing.assert_array_equal(condition, wanted)


# --- What D sees --------------------------------------------------------------------

MANY = 64


def seen_by_the_discriminator(loss, size=SIZE, images=None, synthesized=None):
    """What D is given: on real images first, if the loss has such."""
    seen = []

    def judge(images, condition):
        seen.append(images.numpy())
        return tf.zeros(MANY)

    grey = tf.zeros((MANY, size, size, 3))
    nets = networks(
        discriminator=judge,
        generator=lambda z, condition: grey if synthesized is None else synthesized,
    )
    images = grey if images is None else images
    loss(nets, examples(MANY, images=images, scenes=[0] * MANY))
    return seen


def test_the_discriminator_sees_noise_of_its_own_on_either_kind():
    on_real, on_synthesized = seen_by_the_discriminator(Discriminate(NOISE, 0.01))
    for noise in (on_real, on_synthesized):
        # 768 numbers of standard deviation 0.01: theirs is off by 3 % at one sigma.
        assert np.std(noise) == pytest.approx(0.01, rel=0.1)
        assert abs(np.mean(noise)) < 0.002
    assert abs(np.corrcoef(on_real.ravel(), on_synthesized.ravel())[0, 1]) < 0.2


def test_without_noise_and_augmentation_it_sees_the_images():
    images = tf.random.stateless_uniform((MANY, SIZE, SIZE, 3), (1, 2), -1, 1)
    made = -images
    for loss in (Discriminate(NOISE), Generate(NOISE)):
        *on_real, on_synthesized = seen_by_the_discriminator(loss, SIZE, images, made)
        np.testing.assert_array_equal(on_synthesized, made)
        for seen in on_real:
            np.testing.assert_array_equal(seen, images)


@pytest.mark.parametrize("loss", [Discriminate, Generate])
def test_whatever_it_sees_is_augmented(loss):
    size = 16
    images = tf.random.stateless_uniform((MANY, size, size, 3), (1, 2), -1, 1)
    seen = seen_by_the_discriminator(
        loss(NOISE, 0.0, "diffaugment"), size, images, images
    )
    rng = examples(MANY, images=images, scenes=[0] * MANY).rng
    augment = DISCRIMINATOR_AUGMENTATIONS["diffaugment"]
    purposes = ("on real", "on synthesized")[-len(seen) :]
    for found, purpose in zip(seen, purposes, strict=True):
        expected = augment(images, rng.fold_in(purpose).fold_in("augmentation"))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        # A quarter of every image, or what of it lies inside, is blanked.
        assert np.all(np.any(np.all(found == 0, axis=-1), axis=(1, 2)))
    # Of the same image, each kind has an augmentation of its own.
    assert len({found.tobytes() for found in seen}) == len(seen)


def test_instance_noise_comes_upon_the_augmentation():
    size = 16
    images = tf.ones((MANY, size, size, 3))
    plain, noisy = (
        seen_by_the_discriminator(
            Generate(NOISE, noise, "diffaugment"), size, images, images
        )[0]
        for noise in (0.0, 0.01)
    )
    assert np.std(noisy - plain) == pytest.approx(0.01, rel=0.05)
    # Also where the cut-out has left nothing.
    assert np.all(noisy[plain == 0] != 0)


def test_the_gradient_goes_through_the_augmentation_to_the_generator():
    weight = tf.Variable(0.5)
    nets = networks(
        generator=lambda z, condition: weight * tf.ones((2, 16, 16, 3)),
        discriminator=lambda images, condition: tf.reduce_mean(images, (1, 2, 3)),
    )
    with tf.GradientTape() as tape:
        case = examples(images=tf.zeros((2, 16, 16, 3)))
        loss = Generate(NOISE, 0.0, "diffaugment")(nets, case)["hinge"]
    # A brighter image stays one; what was blanked, or moved out, adds nothing.
    assert -1 < tape.gradient(loss, weight).numpy() < 0
