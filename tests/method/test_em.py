"""The E and the M step of eqs. (4) and (5), on two pixels.

M predicts a map of 1 x 2 pixels, and R's logits of the two scenes are (s, 0), s the sum
of the map: P(c = 0 | y) = sigmoid(s). Of scene 0, the slope of log P(c | y) for each
pixel is then 1 - sigmoid(s), of scene 1 it is -sigmoid(s).

log P(y | x) is minus the mean over the two pixels of |y - M(x)|: a pixel's slope is
1/2 towards M(x), and 0 at M(x) itself, where the absolute value has its corner. A step
is `rate` times as long as a slope of 1 *a pixel*: the slope of the mean times 2, their
number. So is that of log P(c | y).
"""

import numpy as np
import pytest
import tensorflow as tf

from datasets.metadata import TaskInfo, depth_info, segmentation_info
from mgm_tf.method.em import LatentPredictions
from mgm_tf.tasks.dense import task_of
from mgm_tf.tasks.scenes import Categorical, MultiHot
from tests.hand_made import examples, networks

RATE = 0.1
SCENES = Categorical(("kitchen", "office"))
KITCHEN, OFFICE, UNKNOWN = (
    SCENES.condition(tf.constant([scene])) for scene in (0, 1, -1)
)
DEPTH = task_of(depth_info())
CLASSES = task_of(segmentation_info(("wall", "floor"), ((0, 0, 0),) * 2))


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def refiner(predictions):
    """Logits (s, 0), s the sum of the first channel of all maps."""
    sums = [tf.reduce_sum(y[..., 0], axis=(1, 2)) for y in predictions.values()]
    return tf.stack([tf.add_n(sums), tf.zeros_like(sums[0])], axis=-1)


REFINER = networks(refiner=refiner)
OF_A_KITCHEN = examples(1, scenes=(0,), labels=SCENES)


def loss_of(*tasks, steps=1, labels=SCENES):
    return LatentPredictions(tasks or (DEPTH,), labels, steps, RATE)


def pixels(*values):
    """Depth maps of 1 x 2 pixels, one for each pair of values."""
    return tf.constant(values, tf.float32)[:, None, :, None]


def found(start, condition, **settings):
    """y dagger of depth, [N, 2]."""
    latent = loss_of(**settings).estimate(REFINER, {"depth": start}, condition)
    return latent["depth"].numpy()[:, 0, :, 0]


# --- The E step ---------------------------------------------------------------------

Y0 = np.array([0.5, -1.0])


def test_one_step_by_hand():
    # s = -0.5; at the corner |y - M(x)| has no slope, only the scene has: a pixel moves
    # by 2 * rate * (1 - sigmoid(-0.5)) = 0.2 * 0.6225.
    expected = Y0 + 2 * RATE * (1 - sigmoid(-0.5))
    np.testing.assert_allclose(expected, [0.6245, -0.8755], atol=5e-5)
    np.testing.assert_allclose(found(pixels(Y0), KITCHEN)[0], expected, rtol=1e-6)


def test_of_the_other_scene_it_goes_the_other_way():
    expected = Y0 - 2 * RATE * sigmoid(-0.5)
    np.testing.assert_allclose(found(pixels(Y0), OFFICE)[0], expected, rtol=1e-6)


def test_two_steps_by_hand():
    # After the first, both pixels are above M(x): log P(y | x) draws each back by
    # 2 * rate * 1/2 = rate, whatever the distance.
    y1 = Y0 + 2 * RATE * (1 - sigmoid(Y0.sum()))
    y2 = y1 + 2 * RATE * (1 - sigmoid(y1.sum())) - RATE * np.sign(y1 - Y0)
    latent = found(pixels(Y0), KITCHEN, steps=2)[0]
    np.testing.assert_allclose(latent, y2, rtol=1e-6)
    # s is -0.25 by then: 0.2 * 0.5623 forth and 0.1 back.
    np.testing.assert_allclose(y2 - y1, [0.0125, 0.0125], atol=5e-5)


def test_no_step_finds_what_is_predicted():
    np.testing.assert_array_equal(found(pixels(Y0), KITCHEN, steps=0)[0], Y0)


def test_each_example_has_steps_of_its_own():
    # As long in a batch of three as alone, and none where the scene is not known.
    condition = tf.concat([KITCHEN, UNKNOWN, OFFICE], axis=0)
    starts = pixels(Y0, [2.0, 3.0], [0.0, 1.0])
    together = found(starts, condition, steps=3)
    for row, own in enumerate((KITCHEN, UNKNOWN, OFFICE)):
        alone = found(starts[row : row + 1], own, steps=3)[0]
        np.testing.assert_allclose(together[row], alone, rtol=1e-6)
    np.testing.assert_array_equal(together[1], [2, 3])


def test_a_likely_scene_leaves_the_prediction_where_it_is():
    # s = 40: 1 - sigmoid(40) is 4e-18.
    np.testing.assert_allclose(found(pixels([20.0, 20.0]), KITCHEN)[0], [20, 20])


def test_tasks_are_found_together():
    # Two maps, of two and of one channel, whose sums make s = 0.5 + 1. The curvature's
    # other channel says nothing of the scene, and stays.
    curvature = task_of(TaskInfo(name="curvature", channels=2))
    start = {
        "depth": pixels([0.25, 0.25]),
        "curvature": tf.constant([[[[1.0, 7.0], [0.0, 8.0]]]]),
    }
    latent = loss_of(DEPTH, curvature).estimate(REFINER, start, KITCHEN)
    step = 2 * RATE * (1 - sigmoid(1.5))
    np.testing.assert_allclose(latent["depth"][0, 0, :, 0], [0.25 + step] * 2)
    np.testing.assert_allclose(
        latent["curvature"][0, 0], [[1 + step, 7], [step, 8]], rtol=1e-6
    )


def test_what_is_predicted_beside_the_tasks_is_left_out():
    # A second prediction of a task, as task grouping has, is none that R reads.
    start = {"depth": pixels(Y0), "depth_in_group_1": pixels([9.0, 9.0])}
    latent = loss_of().estimate(REFINER, start, KITCHEN)
    assert list(latent) == ["depth"]
    expected = found(pixels(Y0), KITCHEN)
    np.testing.assert_array_equal(latent["depth"][0, 0, :, 0], expected[0])


def test_several_labels_an_image():
    # Of two labels, the first present: the binary cross-entropy is the mean over both,
    # of logits s and 0; the slope of its first term is half of 1 - sigmoid(s).
    labels = MultiHot(("road", "sky"))
    condition = labels.condition(tf.constant([[1, 0]]))
    latent = found(pixels(Y0), condition, labels=labels)
    expected = Y0 + RATE * (1 - sigmoid(-0.5))
    np.testing.assert_allclose(latent[0], expected, rtol=1e-6)
    # No label at all is none that is known, not the absence of all.
    unknown = labels.condition(tf.constant([[0, 0]]))
    np.testing.assert_array_equal(found(pixels(Y0), unknown, labels=labels)[0], Y0)


# --- Classes ------------------------------------------------------------------------

# Logits of (wall, floor): a wall has probability 3/4 in the first pixel, 1/2 in the
# second.
LOGITS = tf.math.log([[[[3.0, 1.0], [1.0, 1.0]]]])
# Walls' logits log 3 and 0 are what R sums up: P(c = 0) = 3/4.
SCENE_STEP = 2 * RATE * (1 - 3 / 4)
# A pixel's log P(y | x) is p log q + (1 - p) log (1 - q), p the probability of a wall
# by y and q by M(x). Its slope by the wall's logit is p (1 - p) log(q / (1 - q)), by
# the floor's minus that: what is likely becomes likelier. At q = 1/2 it is 0.
LIKELY_STEP = RATE * 3 / 16 * np.log(3)


def test_one_step_of_classes_by_hand():
    latent = loss_of(CLASSES).estimate(REFINER, {"segmentation": LOGITS}, KITCHEN)
    expected = [
        [np.log(3) + SCENE_STEP + LIKELY_STEP, -LIKELY_STEP],
        [SCENE_STEP, 0],
    ]
    np.testing.assert_allclose(
        latent["segmentation"][0, 0], expected, rtol=1e-6, atol=1e-7
    )


def test_the_distance_of_classes_is_the_soft_cross_entropy():
    nets = networks(decoders=lambda _: {"segmentation": LOGITS}, refiner=refiner)
    terms = loss_of(CLASSES)(nets, OF_A_KITCHEN)
    p = sigmoid(np.array([np.log(3) + SCENE_STEP + 2 * LIKELY_STEP, SCENE_STEP]))
    q = np.array([3 / 4, 1 / 2])
    expected = -np.mean(p * np.log(q) + (1 - p) * np.log(1 - q))
    assert terms["segmentation"].numpy() == pytest.approx(expected, rel=1e-5)


# --- The M step ---------------------------------------------------------------------


def fitted(weight, scenes, steps=1):
    """The loss of an encoder of one weight, and its gradient; of two examples."""
    case = examples(scenes=scenes, labels=SCENES)
    features = pixels([1.0, 2.0], [3.0, -1.0])
    encoder = tf.Variable(weight)
    nets = networks(
        encoder=lambda images: encoder * features,
        decoders=lambda values: {"depth": values},
        refiner=refiner,
    )
    with tf.GradientTape() as tape:
        terms = loss_of(steps=steps)(nets, case)
    (value,) = terms.values()
    return value.numpy(), tape.gradient(value, encoder).numpy()


def test_the_loss_is_the_distance_to_what_was_found():
    # M(x) = w * (1, 2) and w * (3, -1), w = 0.5: s is 1.5 and 1. The pixels move by
    # 0.2 * (1 - sigmoid(1.5)) = 0.0365 up, and by 0.2 * sigmoid(1) = 0.1462 down.
    loss, _ = fitted(0.5, (0, 1))
    moves = 2 * RATE * np.array([1 - sigmoid(1.5), sigmoid(1.0)])
    assert loss == pytest.approx(moves.mean(), rel=1e-5)
    np.testing.assert_allclose(moves, [0.0365, 0.1462], atol=5e-5)


def test_the_gradient_goes_through_the_prediction_alone():
    # y dagger is above M(x) in the first example, below it in the second: the slopes of
    # the mean over four pixels are -1/4 and 1/4, those of M(x) by w are 1, 2, 3, -1.
    # Through y dagger as well, w would be moved by how far sigmoid(s) changes.
    for steps in (1, 3):
        _, gradient = fitted(0.5, (0, 1), steps)
        assert gradient == pytest.approx((-1 - 2 + 3 - 1) / 4, rel=1e-6)


def test_an_example_whose_scene_is_not_known_does_not_count():
    loss, gradient = fitted(0.5, (0, -1))
    assert loss == pytest.approx(2 * RATE * (1 - sigmoid(1.5)), rel=1e-5)
    # Of the first example's two pixels.
    assert gradient == pytest.approx((-1 - 2) / 2, rel=1e-6)
    assert fitted(0.5, (-1, -1)) == (0, 0)


def test_nothing_teaches_the_refiner_its_own_answer():
    # The E step asks R, the M step does not: no gradient comes to it.
    scale = tf.Variable(1.0)
    nets = networks(
        decoders=lambda _: {"depth": pixels(Y0)},
        refiner=lambda predictions: scale * refiner(predictions),
    )
    with tf.GradientTape() as tape:
        terms = loss_of()(nets, OF_A_KITCHEN)
    assert terms["depth"].numpy() > 0
    assert tape.gradient(terms["depth"], scale) is None


def test_descending_the_loss_makes_the_scene_likelier():
    # What one step of E on the whole is for: sigmoid(s) grows.
    weight = 0.5
    for _ in range(20):
        _, gradient = fitted(weight, (0, 0))
        weight -= 0.05 * gradient
    # s is 3 w and 2 w.
    assert weight > 0.6


def test_in_a_graph():
    start = {"depth": pixels(Y0)}
    nets = networks(decoders=lambda _: start, refiner=refiner)
    loss = tf.function(lambda: loss_of(steps=4)(nets, OF_A_KITCHEN), autograph=False)
    inside = loss()
    outside = loss_of(steps=4)(nets, OF_A_KITCHEN)
    assert inside["depth"].numpy() == pytest.approx(outside["depth"].numpy(), rel=1e-6)


def test_names():
    loss = loss_of(DEPTH, CLASSES)
    assert loss.terms == ("depth", "segmentation")
    assert loss.networks == ("encoder", "decoders", "refiner")
    assert loss.reads_scenes
