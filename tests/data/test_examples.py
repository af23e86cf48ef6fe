"""From stored batches to what networks see."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import Examples, StageProgress, StageSpan, network_images
from mgm_tf.data.randomness import BatchRng
from tests import toy


def test_images_are_between_minus_one_and_one():
    stored = tf.constant([[[[0, 51, 255]]]], tf.uint8)
    np.testing.assert_allclose(network_images(stored), [[[[-1, -0.6, 1]]]], atol=1e-6)
    assert network_images(tf.constant(127.5)).numpy() == 0


@pytest.fixture(scope="module")
def read():
    return toy.reader(toy.ALL_TASKS)(toy.raw_batch(toy.ALL_TASKS))


def test_what_is_read(read):
    batch = toy.raw_batch(toy.ALL_TASKS)
    np.testing.assert_array_equal(read.images, network_images(batch["image"]))
    assert tuple(read.targets) == tuple(read.valid) == toy.ALL_TASKS
    # Scenes 0, 2, not known, 1.
    expected = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(read.condition, expected)
    size = (toy.BATCH, toy.SIZE, toy.SIZE)
    channels = {"normals": 3, "curvature": 2}
    for name in toy.ALL_TASKS:
        assert read.targets[name].shape == (*size, channels.get(name, 1))
        assert read.valid[name].shape == size
        assert read.valid[name].dtype == tf.bool


def test_depth_is_in_metres_where_it_is_known(read):
    raw = toy.raw_batch(toy.ALL_TASKS)["depth"].numpy()
    expected = (raw / 1000).astype(np.float32)
    np.testing.assert_allclose(read.targets["depth"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", toy.ALL_TASKS)
def test_missing_labels_are_not_valid(read, name):
    valid = read.valid[name].numpy()
    half = toy.SIZE // 2
    # Half of the first example has a segmentation, nothing another map.
    shares = valid.mean(axis=(1, 2))
    assert shares[0] == (0.5 if name == "segmentation" else 0)
    assert not valid[1, :half, :half].any() and shares[1] == 0.75
    assert shares[2] == 1
    assert not valid[3, 5].any() and shares[3] == 1 - 1 / toy.SIZE


def test_draws_are_those_of_seed_step_and_place():
    def drawn(step=0, places=slice(None)):
        batch = toy.raw_batch([], step)
        part = tf.nest.map_structure(lambda values: values[places], batch)
        return toy.reader([])(part).rng.normal(3).numpy()

    whole = drawn()
    np.testing.assert_array_equal(whole, drawn())
    # A replica draws for its half what one device draws for it.
    np.testing.assert_array_equal(whole[2:], drawn(places=slice(2, 4)))
    assert not np.any(whole == drawn(step=1))
    assert len(np.unique(whole)) == 12


def test_what_is_synthesized_has_a_known_label(read):
    known = [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(read.synthesis_condition.numpy()[[0, 1, 3]], known)
    assert read.synthesis_condition.numpy()[2].sum() == 1
    assert read.synthesis_condition is read.synthesis_condition


# --- Further examples beside them ---------------------------------------------------


@pytest.fixture(scope="module")
def extra():
    batch = toy.raw_batch(toy.TWO_TASKS)
    return toy.reader(toy.TWO_TASKS, ("weak", "held_out"))(batch).extra


def test_weak_examples_have_images_and_scenes_only(extra):
    batch = toy.raw_batch(toy.TWO_TASKS)["weak"]
    weak = extra["weak"]
    np.testing.assert_array_equal(weak.images, network_images(batch["image"]))
    expected = toy.SCENE_CLASSES.condition(tf.constant([1, 0, 2, -1, 1, 0]))
    np.testing.assert_array_equal(weak.condition, expected)
    assert not weak.targets and not weak.valid and not weak.extra


def test_held_out_examples_have_label_maps(extra):
    batch = toy.raw_batch(toy.TWO_TASKS)["held_out"]
    held_out = extra["held_out"]
    np.testing.assert_array_equal(held_out.images, network_images(batch["image"]))
    assert tuple(held_out.targets) == tuple(held_out.valid) == toy.TWO_TASKS
    depth = (batch["depth"].numpy() / 1000).astype(np.float32)
    np.testing.assert_allclose(held_out.targets["depth"], depth, rtol=1e-6)
    classes = held_out.targets["segmentation"]
    np.testing.assert_array_equal(classes, batch["segmentation"])


def test_all_parts_draw_for_themselves(read, extra):
    parts = [read.rng, extra["weak"].rng, extra["held_out"].rng]
    numbers = [rng.normal(2).numpy() for rng in parts]
    assert [len(values) for values in numbers] == [4, toy.WEAK_BATCH, 4]
    assert len(np.unique(np.concatenate(numbers))) == 2 * (4 + toy.WEAK_BATCH + 4)


def test_there_is_beside_what_is_asked_for():
    # What a batch holds besides is not looked at.
    batch = toy.raw_batch(toy.TWO_TASKS)
    assert not toy.reader(toy.TWO_TASKS, ())(batch).extra
    assert set(toy.reader(toy.TWO_TASKS, ("held_out",))(batch).extra) == {"held_out"}


# --- The time -----------------------------------------------------------------------


def test_a_clock_by_hand():
    # Of 8 steps from 10 on, two are done; 2 batches of 4 are two thirds of 12 examples.
    stage_progress = StageSpan(begin=10, steps=8, examples=12).progress_at(
        tf.constant(12, tf.int64), 4
    )
    assert stage_progress.fraction.numpy() == 0.25
    assert stage_progress.epochs.numpy() == pytest.approx(2 / 3)
    assert stage_progress.fraction.dtype == stage_progress.epochs.dtype == tf.float32
    start = StageSpan(begin=10, steps=8, examples=12).progress_at(
        tf.constant(10, tf.int64), 4
    )
    assert start.fraction == 0 and start.epochs == 0
    assert StageProgress.start().fraction == 0 and StageProgress.start().epochs == 0


def test_examples_know_the_time():
    span = StageSpan(begin=3, steps=20, examples=10)
    reader = dataclasses.replace(toy.reader([]), span=span)
    stage_progress = reader(toy.raw_batch([], step=8)).stage_progress
    # Five of twenty steps, which saw 20 images.
    assert stage_progress.fraction.numpy() == 0.25
    assert stage_progress.epochs.numpy() == 2


# --- More of them, or fewer ---------------------------------------------------------


def some(places=(0, 1, 2, 3), **changes):
    """Those of these places of a global batch of four, whose images tell the place."""
    places = tf.constant(places)
    values = tf.cast(places, tf.float32)
    return Examples(
        images=tf.ones((len(places), 1, 1, 3)) * values[:, None, None, None],
        condition=toy.SCENE_CLASSES.condition(tf.gather([0, 2, 1, 2], places)),
        rng=BatchRng.at(0, tf.constant(0), places, 4),
        **changes,
    )


def places_of(examples):
    return examples.images[:, 0, 0, 0].numpy().astype(int).tolist()


@pytest.mark.parametrize(
    ("ratio", "places"),
    [
        (2.0, [0, 1, 2, 3, 0, 1, 2, 3]),
        (1.5, [0, 1, 2, 3, 0, 2]),
        (0.5, [0, 2]),
        (0.75, [0, 1, 2]),
        (0.1, [0]),
    ],
)
def test_examples_are_repeated_in_turns(ratio, places):
    more = some().repeated(ratio)
    assert places_of(more) == places
    expected = tf.gather(some().condition, places)
    np.testing.assert_array_equal(more.condition, expected)
    # Each has numbers of its own.
    assert len(np.unique(more.rng.normal(2))) == 2 * len(places)


def test_fewer_examples_draw_as_among_all():
    drawn = some().rng.normal(2).numpy()
    half = some().repeated(0.5).rng.normal(2)
    np.testing.assert_array_equal(half, drawn[[0, 2]])


def test_as_many_examples_are_the_same():
    examples = some()
    assert examples.repeated(1.0) is examples


def test_what_is_repeated_keeps_its_labels_and_its_time_and_no_maps():
    stage_progress = StageProgress(tf.constant(0.5), tf.constant(3.0))
    wanted = toy.SCENE_CLASSES.condition(tf.constant([1, 0, 0, 2]))
    more = some(
        synthesis_condition=wanted,
        stage_progress=stage_progress,
        targets={"depth": tf.ones((4, 1, 1, 1))},
    )
    more = more.repeated(2.0)
    np.testing.assert_array_equal(more.synthesis_condition, np.tile(wanted, (2, 1)))
    assert more.stage_progress is stage_progress and not more.targets
    # Without wanted labels they are their own.
    plain = some().repeated(2.0)
    np.testing.assert_array_equal(plain.synthesis_condition, plain.condition)


@pytest.mark.parametrize("ratio", [0.5, 1.5, 2.0])
def test_replicas_repeat_what_one_device_does(ratio):
    whole = some().repeated(ratio)
    parts = [some(places).repeated(ratio) for places in ((0, 1), (2, 3))]

    def rows(*examples):
        """Each image with the first of its numbers, in any order."""
        return sorted(
            (place, number)
            for one in examples
            for place, number in zip(
                places_of(one), one.rng.normal().numpy(), strict=True
            )
        )

    assert rows(*parts) == rows(whole)


# --- Augmentation -------------------------------------------------------------------


def test_labels_are_augmented_with_their_images():
    batch = toy.raw_batch(toy.ALL_TASKS)
    plain = toy.reader(toy.ALL_TASKS)
    flipping = dataclasses.replace(plain, augmentation="flip")
    before, after = plain(batch), flipping(batch)
    flipped = [
        bool(np.array_equal(new, old[:, ::-1]))
        for new, old in zip(after.images.numpy(), before.images.numpy(), strict=True)
    ]
    assert set(flipped) == {True, False}
    for number in np.flatnonzero(flipped):
        for name in toy.ALL_TASKS:
            mirrored = before.targets[name][number].numpy()[:, ::-1].copy()
            if name == "normals":
                # Taught in [0, 1]: the opposite of x is 1 - x.
                mirrored[..., 0] = 1 - mirrored[..., 0]
            found = after.targets[name][number]
            np.testing.assert_allclose(found, mirrored, atol=1e-6)
            valid = before.valid[name][number].numpy()[:, ::-1]
            np.testing.assert_array_equal(after.valid[name][number], valid)


def test_weakly_labelled_images_are_not_augmented_and_held_out_ones_are():
    batch = toy.raw_batch(toy.TWO_TASKS)
    plain = toy.reader(toy.TWO_TASKS, ("weak", "held_out"))
    flipping = dataclasses.replace(plain, augmentation="flip")
    before, after = plain(batch).extra, flipping(batch).extra
    np.testing.assert_array_equal(before["weak"].images, after["weak"].images)
    old, new = before["held_out"], after["held_out"]
    flipped = [
        bool(np.array_equal(a, b[:, ::-1]))
        for a, b in zip(new.images.numpy(), old.images.numpy(), strict=True)
    ]
    assert any(flipped)
    for number in np.flatnonzero(flipped):
        mirrored = old.targets["depth"][number].numpy()[:, ::-1]
        np.testing.assert_allclose(new.targets["depth"][number], mirrored, rtol=1e-6)
