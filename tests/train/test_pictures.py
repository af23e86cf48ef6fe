"""The contents of the pictures of a run, with stand-ins for the networks."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.batches import Batches
from mgm_tf.data.examples import Reader
from mgm_tf.data.randomness import BatchRng
from mgm_tf.data.splits import Split
from mgm_tf.method.adversarial import Guided, Noise
from mgm_tf.plotting import panels
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical
from mgm_tf.train import pictures
from mgm_tf.train.batch_statistics import TestTimeNetworks
from tests import fake_dataset
from tests.fake_dataset import COUNTS, INFO, SCENES

NAMES = ("segmentation", "depth", "normals")
TASKS = tuple(task_of(INFO.tasks[name]) for name in NAMES)
READER = Reader(TASKS, Categorical(SCENES), seed=3, batch_size=4)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    builder = fake_dataset.build(tmp_path_factory.mktemp("data"))
    return Split(builder, "train", NAMES, "memory")


def perfect_networks(split, numbers):
    """Returns networks that predict the labels of these examples."""
    batch = split.batch(tf.constant(numbers))
    targets = {task.name: task.decode(batch[task.name])[0] for task in TASKS}
    targets["segmentation"] = tf.one_hot(targets["segmentation"][..., 0], 3)
    return {
        "encoder": lambda images, training: images,
        "decoders": lambda features, training: targets,
    }


def test_panels_show_the_given_examples_in_physical_values(split, monkeypatch):
    calls = []
    monkeypatch.setattr(panels, "task_panel", lambda *parts: calls.append(parts))
    numbers = (4, 1, 0)
    networks = perfect_networks(split, numbers)
    pictures.prediction_panels(networks, split, TASKS, numbers)
    assert len(calls) == 3
    for number, parts in zip(numbers, calls, strict=True):
        infos, image, predictions, targets, valids = parts
        example = fake_dataset.example("train", number)
        assert infos == {name: INFO.tasks[name] for name in NAMES}
        np.testing.assert_array_equal(image, example["image"])
        for name, info in infos.items():
            physical, valid = info.decode(example[name])
            np.testing.assert_array_equal(valids[name], valid)
            np.testing.assert_array_equal(targets[name], physical)
            # Classes, metres and unit vectors, not the network's coding of them.
            np.testing.assert_allclose(
                predictions[name][valid], physical[valid], atol=1e-4, err_msg=name
            )


def test_a_panel_has_a_row_of_pictures_for_each_task(split):
    networks = perfect_networks(split, (4, 0))
    drawings = pictures.prediction_panels(networks, split, TASKS, (4, 0))
    assert [panel.dtype for panel in drawings] == [np.uint8] * 2
    # Three rows of pictures of 64 pixels, each drawn threefold.
    assert all(panel.shape[0] > 3 * 192 for panel in drawings)


GUIDED, NOISE = Guided(3), Noise(3)


@pytest.fixture
def networks():
    """Networks whose generator paints z in red, the condition in green and blue."""

    def generator(latent, condition, training):
        assert not training
        colors = tf.stack(
            [tf.tanh(latent[:, 0]), condition[:, 1], condition[:, 2]], axis=-1
        )
        return tf.broadcast_to(colors[:, None, None], (len(colors), 8, 8, 3))

    def at_test(values, training):
        assert not training
        return values

    return {
        "encoder": lambda images, training: at_test(
            tf.reduce_mean(images, axis=(1, 2)), training
        ),
        "embedding": at_test,
        "generator": generator,
    }


def test_samples_have_a_row_for_each_scene_and_the_same_noise_each_time(
    split, networks
):
    samples = pictures.Samples(READER, split, columns=4)
    picture = samples(TestTimeNetworks(networks), GUIDED)
    np.testing.assert_array_equal(picture, samples(TestTimeNetworks(networks), GUIDED))
    titled = panels.image_grid([[np.zeros((8, 8, 3), np.uint8)] * 4] * 3, SCENES)
    assert picture.shape == titled.shape
    # Rows: black or red only; green as well; blue as well.
    thirds = np.array_split(picture, 3)
    reddish = [third[(third[..., 0] != third[..., 1])] for third in thirds]
    assert [colors[:, 1].max() > 250 for colors in reddish] == [False, True, False]
    assert [colors[:, 2].max() > 250 for colors in reddish] == [False, False, True]
    # Noise differs between columns, as far as z is concerned.
    assert len(np.unique(reddish[1][:, 0])) >= 4


def test_images_are_those_of_the_latent_vectors(split, networks):
    samples = pictures.Samples(READER, split, columns=4)
    titles, images = samples.images(TestTimeNetworks(networks), GUIDED)
    assert titles == SCENES
    assert images.shape == (3, 4, 8, 8, 3) and images.dtype == np.uint8
    # Red is tanh of z, the same in each row: the embedding, here the mean colour of the
    # first images, and the noise of a step 0 of this seed.
    first = split.batch(tf.range(4))["image"].numpy() / 127.5 - 1
    rng = BatchRng.at(3, tf.constant(0), tf.range(4), 4).fold_in("latent")
    red = first.mean(axis=(1, 2))[:, 0] + rng.normal(3)[:, 0]
    expected = np.tanh(red) * 127.5 + 127.5
    for row in images:
        np.testing.assert_allclose(row[:, 0, 0, 0], expected, atol=1)


def test_noise_alone_needs_no_encoder(split, networks):
    alone = {"generator": networks["generator"]}
    samples = pictures.Samples(READER, split, columns=4)
    _, images = samples.images(TestTimeNetworks(alone), NOISE)
    rng = BatchRng.at(3, tf.constant(0), tf.range(4), 4).fold_in("latent")
    expected = np.tanh(rng.normal(3)[:, 0]) * 127.5 + 127.5
    np.testing.assert_allclose(images[0, :, 0, 0, 0], expected, atol=1)


@pytest.fixture
def grid(split, networks):
    """Draws samples of noise alone."""

    def draw(**shape):
        samples = pictures.Samples(READER, split, **shape)
        return samples(TestTimeNetworks(networks), NOISE)

    return draw


def test_a_set_of_few_examples_has_few_columns(grid):
    wide = grid(columns=12)
    all_of_it = grid(columns=99)
    assert wide.shape == all_of_it.shape
    assert COUNTS["train"] == 12


def test_at_most_so_many_scenes_are_shown(grid):
    two = grid(columns=4, classes=2)
    three = grid(columns=4)
    assert two.shape[0] < three.shape[0]


def test_reconstructions_are_shown_below_the_images(split):
    negative = {
        "encoder": lambda images, training: images,
        "reconstructor": lambda features, training: -features,
    }
    picture = pictures.reconstructions(negative, split, number=3)
    images = split.batch(tf.range(3))["image"].numpy()
    expected = panels.image_grid(
        [list(images), list(255 - images)], ("image", "made again")
    )
    assert picture.shape == expected.shape
    # Rounding may move a value by one.
    difference = picture.astype(int) - expected.astype(int)
    assert np.abs(difference).max() <= 1


def test_no_more_images_are_reconstructed_than_there_are(split):
    networks = {
        name: lambda values, training: values for name in ("encoder", "reconstructor")
    }
    many = pictures.reconstructions(networks, split, number=50)
    twelve = pictures.reconstructions(networks, split, number=12)
    assert many.shape == twelve.shape


def test_views_are_shown_below_the_images_of_the_step(split):
    batches = Batches(split, 4, seed=3, first_step=2)
    picture = pictures.views(batches, READER, step=7, number=3)
    images = batches.at(tf.constant(7, tf.int64))["image"].numpy()[:3]
    expected = panels.image_grid([list(images)] * 3, ("image", "view a", "view b"))
    assert picture.shape == expected.shape
    height = picture.shape[0] // 3
    np.testing.assert_array_equal(picture[:height], expected[:height])
    # Both views differ from the image and from each other.
    image, a, b = (picture[n * height : (n + 1) * height] for n in range(3))
    assert not np.array_equal(a, b) and not np.array_equal(image, a)
    np.testing.assert_array_equal(
        picture, pictures.views(batches, READER, step=7, number=3)
    )
