"""The losses of Algorithm 1, on networks whose outputs one can compute."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import StageProgress
from mgm_tf.method.objectives import (
    WEIGHTINGS,
    Contrastive,
    MultiTask,
    Reconstruct,
    Scene,
)
from tests import toy
from tests.hand_made import examples, networks, ones

NAN = np.nan


def multi_task(*names, **changes):
    """The loss of these tasks, each predicted once."""
    return MultiTask(
        tuple((task.name, task) for task in toy.tasks_of(names)), **changes
    )


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
    loss = multi_task("segmentation", "depth")
    terms = loss(networks(decoders=decoders), case)
    assert loss.terms == tuple(terms) == ("segmentation", "depth")
    assert terms["segmentation"].numpy() == pytest.approx(np.log(4))
    assert terms["depth"].numpy() == pytest.approx(1.05)


def depth_case():
    """Everywhere labelled, 0 metres."""
    return examples(
        targets={"depth": 0 * ones(1)}, valid={"depth": tf.ones((2, 2, 2), bool)}
    )


def test_a_task_may_be_predicted_more_than_once():
    # As in task grouping, where two networks learn it: errors 1 and 3.
    (depth,) = toy.tasks_of(["depth"])
    loss = MultiTask((("depth_in_group_1", depth), ("depth", depth)))

    def decoders(features):
        return {"depth": 3 * ones(1), "depth_in_group_1": ones(1)}

    terms = loss(networks(decoders=decoders), depth_case())
    assert loss.terms == tuple(terms)
    found = {name: float(value) for name, value in terms.items()}
    assert found == {"depth_in_group_1": 1, "depth": 3}


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
        targets={"depth": tf.where(valid[..., None], 3.0, NAN)},
        valid={"depth": tf.constant(valid)},
    )
    with tf.GradientTape() as tape:
        loss = multi_task("depth")(networks(decoders=decoders), case)
    assert loss["depth"].numpy() == 2
    np.testing.assert_array_equal(tape.gradient(loss["depth"], prediction), [-1, 0])


def test_a_task_that_no_example_has_costs_nothing():
    case = examples(
        targets={"depth": ones(1)}, valid={"depth": tf.zeros((2, 2, 2), bool)}
    )
    nets = networks(decoders=lambda features: {"depth": 7 * ones(1)})
    assert multi_task("depth")(nets, case)["depth"] == 0


# --- How tasks are weighed ----------------------------------------------------------


def test_weights_are_of_the_terms_in_their_order():
    # Errors 1 of the depth and 2 of the normals in each of their three channels.
    def decoders(features):
        return {"normals": 2 * ones(3), "depth": ones(1)}

    def task_weights(losses, passes):
        np.testing.assert_array_equal(losses, [1, 2])
        return losses * [10.0, 100.0] + passes

    case = examples(
        targets={"depth": 0 * ones(1), "normals": 0 * ones(3)},
        valid=dict.fromkeys(("depth", "normals"), tf.ones((2, 2, 2), bool)),
        stage_progress=StageProgress(tf.constant(0.5), tf.constant(7.0)),
    )
    nets = networks(decoders=decoders, task_weights=task_weights)
    loss = multi_task("depth", "normals", weighting=WEIGHTINGS["dwa"])
    found = {name: float(value) for name, value in loss(nets, case).items()}
    assert found == {"depth": 17, "normals": 207}


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_network_that_weighs_is_named(name):
    # Of dynamic weights nothing is learned by a gradient.
    trains = {"uncertainty": ("task_weights",)}.get(name, ())
    weighing = {"equal": ()}.get(name, ("task_weights",))
    loss = multi_task("depth", weighting=WEIGHTINGS[name])
    assert loss.networks == ("encoder", "decoders", *weighing)
    assert loss.weighting.trains == trains


def test_equal_weights_ask_nobody():
    nets = networks(decoders=lambda features: {"depth": 2 * ones(1)})
    terms = multi_task("depth", weighting=WEIGHTINGS["equal"])(nets, depth_case())
    assert terms["depth"].numpy() == 2


# --- The others ---------------------------------------------------------------------


def test_scene_reads_the_predictions_and_skips_unknown_scenes():
    def refiner(predictions):
        # Probabilities 1/4, 1/4, 1/2 for every example.
        return tf.reduce_mean(predictions["any"], axis=(1, 2)) * np.log([1, 1, 2])

    nets = networks(decoders=lambda features: {"any": ones(3)}, refiner=refiner)
    loss = Scene(toy.SCENE_CLASSES)
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


def test_reconstruction_is_the_mean_square_error_of_the_image():
    # One channel is off by 0.5, another by 1, the third right: (1/4 + 1) / 3.
    seen = []

    def reconstructor(features):
        seen.append(features)
        return features + [0.5, -1.0, 0.0]

    case = examples()
    loss = Reconstruct()
    terms = loss(networks(reconstructor=reconstructor), case)
    assert tuple(terms) == loss.terms
    assert terms["square_error"].numpy() == pytest.approx(1.25 / 3, rel=1e-6)
    # Of the image as it is, in [-1, 1].
    np.testing.assert_array_equal(seen[0], case.images)


def test_scene_labels_are_read_by_what_depends_on_them():
    losses = (
        multi_task("depth"),
        Contrastive(0.5),
        Reconstruct(),
        Scene(toy.SCENE_CLASSES),
    )
    assert [loss.reads_scenes for loss in losses] == [False, False, False, True]


def test_all_six_tasks_have_a_loss():
    case = toy.reader(toy.ALL_TASKS)(toy.raw_batch(toy.ALL_TASKS))
    loss = multi_task(*toy.ALL_TASKS)
    size = toy.SIZE

    def decoders(features):
        return {
            key: tf.zeros((toy.BATCH, size, size, task.output_channels))
            for key, task in loss.outputs
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
