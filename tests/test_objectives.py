"""The losses of Algorithm 1, on networks whose outputs one can compute."""

import types

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.algorithm import synthetic
from mgm_tf.examples import Examples
from mgm_tf.objectives import (
    Contrastive,
    Discriminate,
    Generate,
    MultiTask,
    Scene,
    generated,
)
from mgm_tf.randomness import Draws
from tests import toy

SIZE = 2


def examples(count=2, images=None, scenes=(0, 1), **changes):
    """Examples whose images are grey, of values 0, 0.1, 0.2 ... unless given."""
    if images is None:
        grey = tf.range(count, dtype=tf.float32)[:, None, None, None] / 10
        images = tf.tile(grey, (1, SIZE, SIZE, 3))
    return Examples(
        images=images,
        condition=toy.LABELS.condition(tf.constant(scenes)),
        draws=Draws.at(0, tf.constant(0), tf.range(count), count),
        **changes,
    )


def networks(**functions):
    """Networks by name; features are the images, if nothing else is said."""
    return types.SimpleNamespace(**({"encoder": lambda images: images} | functions))


def ones(*channels):
    return tf.ones((2, SIZE, SIZE, *channels))


def test_multi_task_is_the_sum_of_masked_means():
    # Depth: the prediction is the image's grey + 1, the target 0; errors are 1 and 1.1.
    # Segmentation: four equal logits, log 4 everywhere.
    def decoders(features):
        return {"segmentation": ones(4), "depth": features[..., :1] + 1}

    first_only = tf.constant([True, False])[:, None, None] & tf.ones((2, 2, 2), bool)
    case = examples(
        targets={
            "segmentation": tf.zeros((2, 2, 2, 1), tf.int32),
            "depth": 0 * ones(1),
        },
        valid={"segmentation": first_only, "depth": tf.ones((2, 2, 2), bool)},
    )
    loss = MultiTask(toy.tasks_of(["segmentation", "depth"]))
    terms = loss(networks(decoders=decoders), case)
    assert loss.terms == tuple(terms) == ("segmentation", "depth")
    assert terms["segmentation"].numpy() == pytest.approx(np.log(4))
    assert terms["depth"].numpy() == pytest.approx(1.05)


def test_an_example_without_a_label_counts_nowhere():
    # Of the first example only one pixel has a depth, of the second none: its
    # prediction may be anything, also NaN.
    valid = np.zeros((2, 2, 2), bool)
    valid[0, 0, 0] = True
    prediction = tf.Variable([1.0, 2.0])

    def decoders(features):
        maps = prediction[:, None, None, None] * ones(1)
        return {"depth": maps}

    case = examples(
        targets={"depth": tf.where(valid[..., None], 3.0, np.nan)},
        valid={"depth": tf.constant(valid)},
    )
    with tf.GradientTape() as tape:
        loss = MultiTask(toy.tasks_of(["depth"]))(networks(decoders=decoders), case)
    assert loss["depth"].numpy() == 2
    np.testing.assert_array_equal(tape.gradient(loss["depth"], prediction), [-1, 0])


def test_a_task_that_no_example_has_costs_nothing():
    case = examples(
        targets={"depth": ones(1)}, valid={"depth": tf.zeros((2, 2, 2), bool)}
    )
    nets = networks(decoders=lambda features: {"depth": 7 * ones(1)})
    assert MultiTask(toy.tasks_of(["depth"]))(nets, case)["depth"] == 0


def test_scene_reads_the_predictions_and_skips_unknown_scenes():
    def refiner(predictions):
        # Probabilities 1/4, 1/4, 1/2 for every example.
        return tf.reduce_mean(predictions["any"], axis=(1, 2)) * np.log([1, 1, 2])

    nets = networks(decoders=lambda features: {"any": ones(3)}, refiner=refiner)
    loss = Scene(toy.LABELS)
    assert loss(nets, examples(scenes=(0, 2)))["cross_entropy"].numpy() == (
        pytest.approx((np.log(4) + np.log(2)) / 2)
    )
    # What is not known counts neither as an error nor in the mean.
    known = loss(nets, examples(scenes=(-1, 2)))["cross_entropy"]
    assert known.numpy() == pytest.approx(np.log(2))
    assert loss(nets, examples(scenes=(-1, -1)))["cross_entropy"] == 0


def test_contrastive_passes_both_views_as_one_batch():
    seen = []

    def projector(features):
        seen.append(features)
        return tf.constant([[1.0, 0], [0, 1], [1, 0], [0, 1]])

    images = tf.random.stateless_uniform((2, 8, 8, 3), (0, 1), -1, 1)
    terms = Contrastive(0.5)(networks(projector=projector), examples(images=images))
    # Two identical orthogonal pairs: log(1 + 2 exp(-2)).
    assert terms["nt_xent"].numpy() == pytest.approx(np.log1p(2 * np.exp(-2)))
    assert seen[0].shape == (4, 8, 8, 3)
    assert not np.array_equal(seen[0][:2], seen[0][2:])


def players(judge):
    """G gives images of the latent vector's sum, the feature is 100 times the grey."""

    def generator(z, condition):
        del condition
        return tf.reduce_sum(z, -1)[:, None, None, None] * tf.ones((1, SIZE, SIZE, 3))

    def embedding(features):
        return 100 * features[:, 0, 0, :2]

    return networks(embedding=embedding, generator=generator, discriminator=judge)


def test_latent_vectors_are_noise_and_the_embedding():
    nets = players(None)
    case = examples()
    images = generated(nets, case).numpy()
    noise = case.draws.of("latent").normal(2)
    expected = tf.reduce_sum(noise, -1) + [0, 20]
    np.testing.assert_allclose(images[:, 0, 0, 0], expected, rtol=1e-5)


def test_synthetic_examples_carry_the_scene_and_nothing_else():
    case = examples(targets={"depth": ones(1)}, valid={"depth": ones() > 0})
    made = synthetic(players(None), case)
    np.testing.assert_array_equal(made.images, generated(players(None), case))
    np.testing.assert_array_equal(made.condition, case.condition)
    assert not made.targets and not made.valid
    assert np.any(made.draws.normal() != case.draws.normal())


def test_a_discriminator_that_says_zero_pays_two():
    nets = players(lambda images, condition: tf.zeros(2))
    terms = Discriminate(0.01)(nets, examples())
    assert {name: float(value) for name, value in terms.items()} == {
        "real": 1,
        "synthesized": 1,
    }
    assert Generate(0.01)(nets, examples())["hinge"] == 0


def test_the_hinge_by_hand():
    # D says 0.5 on real images (0 and 0.1) and -3, 0.25 on others.
    def judge(images, condition):
        is_real = tf.reduce_all(tf.abs(images) < 0.2, axis=(1, 2, 3))
        return tf.where(is_real, 0.5, [-3.0, 0.25])

    nets = players(judge)
    nets.embedding = lambda features: tf.fill((2, 2), 50.0)
    terms = Discriminate(0.0)(nets, examples())
    assert terms["real"].numpy() == 0.5
    assert terms["synthesized"].numpy() == (0 + 1.25) / 2
    assert Generate(0.0)(nets, examples())["hinge"].numpy() == -(-3 + 0.25) / 2


def test_the_generator_raises_what_the_discriminator_says():
    weight = tf.Variable(2.0)
    nets = players(lambda images, condition: tf.reduce_mean(images, (1, 2, 3)))
    nets.generator = lambda z, condition: weight * tf.ones((2, SIZE, SIZE, 3))
    with tf.GradientTape() as tape:
        loss = Generate(0.0)(nets, examples())["hinge"]
    assert loss.numpy() == -2
    assert tape.gradient(loss, weight).numpy() == -1


def test_the_discriminator_sees_noise_of_its_own_on_either_kind():
    seen = []

    def judge(images, condition):
        seen.append(images)
        return tf.zeros(64)

    nets = players(judge)
    nets.embedding = lambda features: tf.zeros((64, 2))
    nets.generator = lambda z, condition: tf.zeros((64, SIZE, SIZE, 3))
    case = examples(64, images=tf.zeros((64, SIZE, SIZE, 3)), scenes=[0] * 64)
    Discriminate(0.01)(nets, case)
    on_real, on_synthesized = np.array(seen)
    for noise in (on_real, on_synthesized):
        # 768 numbers of standard deviation 0.01: theirs is off by 3 % at one sigma.
        assert np.std(noise) == pytest.approx(0.01, rel=0.1)
        assert abs(np.mean(noise)) < 0.002
    assert abs(np.corrcoef(on_real.ravel(), on_synthesized.ravel())[0, 1]) < 0.2


def test_the_condition_reaches_both_players():
    seen = []

    def note(_, condition):
        seen.append(condition.numpy())
        return tf.zeros((2, SIZE, SIZE, 3))

    nets = players(lambda images, condition: note(images, condition)[:, 0, 0, 0])
    nets.generator = note
    case = examples(scenes=(2, -1))
    Discriminate(0.01)(nets, case)
    Generate(0.01)(nets, case)
    assert len(seen) == 5
    for condition in seen:
        np.testing.assert_array_equal(condition, [[0, 0, 1], [0, 0, 0]])


def test_all_six_tasks_have_a_loss():
    case = toy.reader(toy.ALL_TASKS)(toy.raw_batch(toy.ALL_TASKS))
    loss = MultiTask(toy.tasks_of(toy.ALL_TASKS))
    size = toy.SIZE

    def decoders(features):
        return {
            task.name: tf.zeros((toy.BATCH, size, size, task.output_channels))
            for task in loss.tasks
        }

    terms = loss(networks(decoders=decoders), case)
    assert tuple(terms) == loss.terms == toy.ALL_TASKS
    # Equal logits of four classes.
    assert terms["segmentation"].numpy() == pytest.approx(np.log(4), rel=1e-5)
    # 0 is as far as 0.5 from numbers uniform in [0, 1]; depth goes to 65.5 metres.
    expected = {"depth": 32.77, "normals": 0.5, "edges": 5.0}
    expected |= {"reshading": 0.25, "curvature": 1.0}
    for name, value in expected.items():
        assert terms[name].numpy() == pytest.approx(value, rel=0.02)
