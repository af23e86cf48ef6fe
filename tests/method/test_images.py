"""Where the images of an update come from, on networks one can compute."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import StageProgress
from mgm_tf.method.adversarial import Guided, Noise
from mgm_tf.method.algorithm import WEAK_ROWS, Synthesis
from mgm_tf.method.images import (
    HELD_OUT_IMAGES,
    LABELLED_AND_WEAK_IMAGES,
    NO_IMAGES,
    REAL_IMAGES,
    WEAK_IMAGES,
    Annotated,
    Combined,
    Synthetic,
)
from mgm_tf.method.passes import Forward
from tests import toy
from tests.hand_made import SIZE, examples, networks, ones, players

CLOCK = StageProgress(tf.constant(0.5), tf.constant(3.0))
LATER = StageProgress(tf.constant(0.75), tf.constant(4.0))


def painter(seen=None):
    """A generator that paints z in red and green and the class number in blue."""

    def generator(z, condition):
        if seen is not None:
            seen.append((z.numpy(), condition.numpy()))
        classes = tf.cast(tf.argmax(condition, axis=-1), tf.float32)
        colours = tf.stack([z[:, 0], z[:, 1], classes], axis=-1)
        return tf.broadcast_to(colours[:, None, None], (len(z), SIZE, SIZE, 3))

    return generator


def painted(made):
    """z [N, 2] and the class numbers [N] that images were painted by."""
    colours = made.images[:, 0, 0].numpy()
    return colours[:, :2], colours[:, 2]


# --- The minibatch, and what is beside it -------------------------------------------


def test_real_images_are_the_minibatch():
    case = examples(targets={"depth": ones(1)})
    assert REAL_IMAGES(networks(), case) is case
    assert (
        not REAL_IMAGES.extra
        and not REAL_IMAGES.networks
        and not REAL_IMAGES.reads_scenes
    )


@pytest.mark.parametrize(
    "images", [WEAK_IMAGES, HELD_OUT_IMAGES], ids=lambda images: images.extra
)
def test_further_examples_come_as_they_are_at_the_time_of_the_minibatch(images):
    other = examples(3, scenes=(0, 1, 2), targets={"depth": ones(1)})
    case = examples(extra={images.extra: other}, stage_progress=CLOCK)
    found = images(networks(), case)
    assert found.images is other.images and found.targets is other.targets
    assert found.condition is other.condition and found.rng is other.rng
    assert found.stage_progress is CLOCK


@pytest.mark.parametrize("name", ["weak", "held_out"])
def test_further_examples_that_are_not_there_are_missed_by_name(name):
    images = {"weak": WEAK_IMAGES, "held_out": HELD_OUT_IMAGES}[name]
    assert images.extra == name
    with pytest.raises(LookupError, match=f"have no {name} images"):
        images(networks(), examples(extra={"other": examples()}))


def test_what_a_gan_learns_of_may_have_the_weak_images_behind_the_labelled():
    weak = examples(3, scenes=(0, 1, 2))
    case = examples(
        2,
        scenes=(1, 1),
        targets={"depth": ones(1)},
        synthesis_condition=tf.eye(3)[:2],
        extra={"weak": weak},
        stage_progress=CLOCK,
        synthesized={},
    )
    found = LABELLED_AND_WEAK_IMAGES(networks(), case)
    assert found.images.shape[0] == 5
    np.testing.assert_array_equal(found.images[:2], case.images)
    np.testing.assert_array_equal(found.images[2:], weak.images)
    np.testing.assert_array_equal(tf.argmax(found.condition, -1), [1, 1, 0, 1, 2])
    # What is synthesized in the place of a weak image is of its scene.
    wanted = tf.argmax(found.synthesis_condition, -1)
    np.testing.assert_array_equal(wanted, [0, 1, 0, 1, 2])
    assert not found.targets and found.stage_progress is CLOCK
    # G's images of these are not taken for those of the labelled ones.
    assert found.synthesized == {} and found.synthesized is not case.synthesized
    with pytest.raises(LookupError, match="have no weak images"):
        LABELLED_AND_WEAK_IMAGES(networks(), examples())


def test_the_weak_images_have_random_numbers_of_their_own_on_any_number_of_devices():
    case = examples(2, extra={"weak": examples(4)})
    whole = LABELLED_AND_WEAK_IMAGES(networks(), case)
    numbers = whole.rng.normal(1).numpy()
    assert len(np.unique(numbers)) == 6
    first, second = (
        LABELLED_AND_WEAK_IMAGES(networks(), part).rng.normal(1).numpy()
        for part in case.parts(2)
    )
    np.testing.assert_array_equal(first, numbers[[0, 2, 3]])
    np.testing.assert_array_equal(second, numbers[[1, 4, 5]])


def test_absent_images_are_never_made():
    with pytest.raises(LookupError, match="no weak images"):
        NO_IMAGES(networks(), examples())


# --- Synthesized images -------------------------------------------------------------


def test_synthesized_examples_carry_the_scene_and_nothing_else():
    case = examples(
        targets={"depth": ones(1)}, valid={"depth": ones() > 0}, stage_progress=CLOCK
    )
    nets = players()
    made = Synthetic(Guided(2))(nets, case)
    # The sum of z, of which the embedding of grey 0.1 is 20.
    noise = tf.reduce_sum(case.rng.fold_in("latent").normal(2), axis=-1)
    np.testing.assert_allclose(made.images[:, 0, 0, 0], noise + [0, 20], rtol=1e-6)
    np.testing.assert_array_equal(made.condition, case.condition)
    assert not made.targets and not made.valid and not made.extra
    assert made.stage_progress is CLOCK
    # What is drawn for them is nothing that was drawn before.
    assert not np.isin(made.rng.normal(), case.rng.normal()).any()


def test_synthesized_images_have_the_labels_that_are_wanted():
    wanted = tf.constant([[0.0, 1, 0], [0, 0, 1]])
    made = Synthetic(Noise(2))(
        networks(generator=painter()),
        examples(scenes=(-1, 0), synthesis_condition=wanted),
    )
    np.testing.assert_array_equal(made.condition, wanted)
    np.testing.assert_array_equal(painted(made)[1], [1, 2])


def test_another_generator_may_synthesize():
    source = Synthetic(Noise(2), "average_generator")
    nets = networks(average_generator=painter())  # and no other
    assert source(nets, examples()).images.shape == (2, SIZE, SIZE, 3)
    assert source.networks == ("average_generator",)
    assert Synthetic(Guided(2)).networks == ("encoder", "embedding", "generator")


def test_twice_as_many_images_have_fresh_noise_and_the_labels_in_turns():
    seen = []
    case = examples(3, scenes=(0, 2, 1), stage_progress=CLOCK)
    made = Synthetic(Noise(2), ratio=2.0)(networks(generator=painter(seen)), case)
    z, classes = painted(made)
    assert len(z) == 6
    np.testing.assert_array_equal(classes, [0, 2, 1, 0, 2, 1])
    np.testing.assert_array_equal(made.condition, seen[0][1])
    # No number is there twice.
    assert len(np.unique(z)) == 12
    # For whatever follows as well.
    assert len(np.unique(made.rng.normal(2))) == 12
    assert made.stage_progress is CLOCK


def test_the_embedding_of_an_image_comes_again_with_its_label():
    # 100 times the grey 0, 0.1, 0.2 is far above the noise.
    nets = players()
    nets.generator = painter()
    case = examples(3, scenes=(0, 2, 1))
    z, classes = painted(Synthetic(Guided(2), ratio=2.0)(nets, case))
    np.testing.assert_array_equal(np.round(z[:, 0] / 10), [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(classes, [0, 2, 1, 0, 2, 1])


@pytest.mark.parametrize(
    ("ratio", "places"), [(0.5, [0, 2]), (1.5, [0, 1, 2, 3, 0, 2])]
)
def test_a_part_of_the_images_is_evenly_spread(ratio, places):
    case = examples(4, scenes=(2, 0, 1, 1))
    nets = networks(generator=painter())
    z, classes = painted(Synthetic(Noise(2), ratio=ratio)(nets, case))
    np.testing.assert_array_equal(classes, np.array([2, 0, 1, 1])[places])
    assert len(np.unique(z)) == 2 * len(places)


def test_there_is_one_image_at_least():
    made = Synthetic(Noise(2), ratio=0.01)(networks(generator=painter()), examples())
    assert len(made.images) == len(made.condition) == 1


def gradient_of(images, case, **functions):
    """The gradient of all pixels by a weight that every network multiplies by."""
    weight = tf.Variable(2.0)
    scaled = {
        name: lambda *inputs, own=own: tf.nest.map_structure(
            lambda values: weight * values, own(*inputs)
        )
        for name, own in functions.items()
    }
    with tf.GradientTape() as tape:
        made = images(networks(**scaled), case)
        total = tf.reduce_sum(made.images)
        for target in made.targets.values():
            total += tf.reduce_sum(tf.cast(target, tf.float32))
    assert np.any(total.numpy() != 0)
    return tape.gradient(total, weight)


def test_synthesized_images_are_constants():
    nets = {"embedding": lambda features: features[:, 0, 0, :2], "generator": painter()}
    assert gradient_of(Synthetic(Guided(2)), examples(), **nets) is None


# --- Several generators -------------------------------------------------------------


def synthesizer(number, seen):
    """One that paints its number in red, the noise in green, the grey in blue."""

    def synthesize(images, noise, condition):
        seen.append((images.numpy(), noise.numpy(), condition.numpy()))
        colours = tf.stack(
            [tf.fill(len(noise), float(number)), noise[:, 0], images[:, 0, 0, 0]], -1
        )
        return tf.broadcast_to(colours[:, None, None], (len(noise), SIZE, SIZE, 3))

    return synthesize


SOURCES = ("synthesizer_1", "synthesizer_2", "synthesizer_3")


def combined(count, scenes, ratio=1.0, **changes):
    """The examples made, the case, and what each generator was given."""
    seen = [[], [], []]
    nets = networks(
        **{
            name: synthesizer(number, calls)
            for number, (name, calls) in enumerate(zip(SOURCES, seen, strict=True))
        }
    )
    case = examples(count, scenes=scenes, **changes)
    return Combined(2, SOURCES, ratio)(nets, case), case, [calls[0] for calls in seen]


def test_each_generator_makes_a_third_in_order():
    scenes = (0, 1, 2, 2, 0, 1)
    made, case, seen = combined(6, scenes)
    colours = made.images[:, 0, 0].numpy()
    np.testing.assert_array_equal(colours[:, 0], [0, 0, 1, 1, 2, 2])
    # Of the rows of the minibatch, with their noise and their labels.
    noise = case.rng.fold_in("latent").normal(2)
    np.testing.assert_allclose(colours[:, 1], noise[:, 0])
    np.testing.assert_allclose(colours[:, 2], np.arange(6) / 10, rtol=1e-6)
    np.testing.assert_array_equal(made.condition, case.condition)
    for number, (images, own_noise, condition) in enumerate(seen):
        rows = slice(2 * number, 2 * number + 2)
        np.testing.assert_array_equal(images, case.images[rows])
        np.testing.assert_array_equal(own_noise, noise[rows])
        np.testing.assert_array_equal(condition, case.condition[rows])


def test_what_does_not_divide_is_shared_out():
    # 0..2 of 8, 2..5, 5..8: the ends are 8/3 and 16/3, rounded down.
    made, _, seen = combined(8, (0,) * 8)
    np.testing.assert_array_equal(made.images[:, 0, 0, 0], [0, 0, 1, 1, 1, 2, 2, 2])
    assert [len(images) for images, _, _ in seen] == [2, 3, 3]


def test_combined_images_follow_the_ratio_and_the_wanted_labels():
    wanted = toy.SCENE_CLASSES.condition(tf.constant([2, 1, 0]))
    made, _, seen = combined(
        3, (0, 1, 2), 2.0, synthesis_condition=wanted, stage_progress=CLOCK
    )
    assert len(made.images) == 6
    np.testing.assert_array_equal(tf.argmax(made.condition, -1), [2, 1, 0, 2, 1, 0])
    # Grey 0, 0.1, 0.2, and again.
    np.testing.assert_allclose(
        made.images[:, 0, 0, 2], [0, 0.1, 0.2] * 2, rtol=1e-6, atol=1e-7
    )
    noise = np.concatenate([own for _, own, _ in seen])
    assert len(np.unique(noise)) == 12
    assert made.stage_progress is CLOCK and not made.targets


def test_fewer_images_than_generators_are_refused():
    with pytest.raises(ValueError, match="batch of 2 cannot be shared by 3 generators"):
        combined(2, (0, 1))


def test_combined_images_are_constants():
    functions = {name: synthesizer(1, []) for name in SOURCES}
    case = examples(3, scenes=(0, 1, 2))
    assert gradient_of(Combined(2, SOURCES), case, **functions) is None
    assert Combined(2, SOURCES).networks == SOURCES


# --- An oracle ----------------------------------------------------------------------


def annotated(case, **predictions):
    """What an oracle that predicts this makes of synthesized images, and these."""
    seen = []

    def oracle(images):
        seen.append(images)
        return predictions

    source = Annotated(Synthetic(Noise(2)), toy.tasks_of(predictions))
    made = source(networks(generator=painter(), oracle=oracle), case)
    (images,) = seen
    np.testing.assert_array_equal(images, made.images)
    return made


def test_labels_are_what_the_oracle_predicts_everywhere():
    logits = tf.reshape(
        tf.constant([[5.0, 1, 1, 1], [0, 0, 0, 2], [1, 9, 9.5, 3], [0, -1, -2, -3]]),
        (1, SIZE, SIZE, 4),
    )
    depth = tf.random.stateless_uniform((2, SIZE, SIZE, 1), (0, 1), 0.0, 9.0)
    made = annotated(
        examples(scenes=(1, -1), stage_progress=CLOCK),
        segmentation=tf.concat([logits, -logits], axis=0),
        depth=depth,
    )
    classes = made.targets["segmentation"]
    assert classes.dtype == tf.int32
    # The likeliest; of -logits the least likely.
    np.testing.assert_array_equal(classes[0, ..., 0], [[0, 3], [2, 0]])
    np.testing.assert_array_equal(classes[1, ..., 0], [[1, 0], [0, 3]])
    np.testing.assert_array_equal(made.targets["depth"], depth)
    assert set(made.valid) == {"segmentation", "depth"}
    for valid in made.valid.values():
        assert valid.shape == (2, SIZE, SIZE) and valid.dtype == tf.bool
        assert np.all(valid)
    assert made.stage_progress is CLOCK


def test_a_task_learns_what_the_oracle_says():
    (task,) = toy.tasks_of(["segmentation"])
    logits = tf.random.stateless_normal((2, SIZE, SIZE, 4), (0, 1))
    made = annotated(examples(), segmentation=logits)
    target, valid = made.targets["segmentation"], made.valid["segmentation"]
    sure = 50 * tf.one_hot(tf.argmax(logits, -1), 4)
    assert task.loss(sure, target, valid).numpy() == pytest.approx(0, abs=1e-6)


def test_images_and_labels_of_an_oracle_are_constants():
    functions = {
        "generator": painter(),
        "oracle": lambda images: {"depth": images[..., :1]},
    }
    source = Annotated(Synthetic(Noise(2)), toy.tasks_of(["depth"]))
    assert gradient_of(source, examples(), **functions) is None
    assert source.networks == ("generator", "oracle")


def test_the_images_are_those_without_an_oracle():
    case = examples(scenes=(1, 2))
    plain = Synthetic(Noise(2))(networks(generator=painter()), case)
    made = annotated(case, depth=ones(1))
    np.testing.assert_array_equal(made.images, plain.images)
    np.testing.assert_array_equal(made.condition, plain.condition)
    np.testing.assert_array_equal(made.rng.normal(), plain.rng.normal())


# --- The table ----------------------------------------------------------------------

WANTED = Synthesis(
    latent=Noise(2),
    generator="generator",
    size=2,
    others=SOURCES,
    tasks=toy.tasks_of(["depth"]),
    ratio=1.0,
)


@pytest.mark.parametrize("name", WEAK_ROWS)
def test_every_source_says_what_it_needs_and_can_be_a_key(name):
    images = WEAK_ROWS[name].images(WANTED)
    # The images of an iteration are kept under what makes them.
    assert {images: 1}[WEAK_ROWS[name].images(WANTED)] == 1
    needs = {
        "synthetic": ("generator",),
        "frozen": ("generator",),
        "combined": SOURCES,
        "oracle": ("generator", "oracle"),
    }
    assert images.networks == needs.get(name, ())
    assert images.extra == {"real": "weak"}.get(name, "")
    assert images.reads_scenes == (name in needs)


def test_the_same_images_come_of_the_same_numbers_also_of_the_real_generator():
    # As it is in training, called as an update calls it.
    nets = Forward(toy.tiny_networks(["depth"], names=("generator",)), ())
    case = toy.reader(["depth"])(toy.raw_batch(["depth"]))
    source = Synthetic(Noise(toy.Z_DIM), ratio=1.5)
    first, again = source(nets, case), source(nets, case)
    np.testing.assert_array_equal(first.images, again.images)
    assert first.images.shape == (6, toy.SIZE, toy.SIZE, 3)
    assert np.abs(first.images).max() <= 1
    later = dataclasses.replace(
        case, rng=case.rng.fold_in("another"), stage_progress=LATER
    )
    assert not np.any(np.all(source(nets, later).images == first.images, (1, 2, 3)))
