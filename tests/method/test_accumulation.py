"""Parts of a batch, one after the other, move the networks as the whole batch does."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import SCENE, as_one_batch
from mgm_tf.method.algorithm import algorithm_1
from mgm_tf.method.stages import with_moving_statistics
from tests import rig, toy

TASKS = ("segmentation", "depth")
METHOD = toy.method(TASKS, generator_updates=1)
# As at test time: what is normalised by other examples' statistics differs.
FROZEN = ("encoder", "decoders", "refiner", "embedding", "generator", "discriminator")


@pytest.fixture(scope="module")
def alone():
    return rig.Rig(tf.distribute.get_strategy(), TASKS, toy.tiny_networks)


def moved(alone, parts, passes, method=METHOD, leave=("self_supervise",)):
    updates = tuple(
        update
        for update in with_moving_statistics(algorithm_1(method), "home", passes=passes)
        if not update.name.startswith(leave)
    )
    options = {"passes": passes, "accumulation_steps": parts}
    return rig.step_of(alone, TASKS, updates, frozen=FROZEN, **options)


@pytest.mark.parametrize("passes", ["sequential", "shared"])
def test_two_halves_move_the_networks_as_the_whole(alone, passes):
    """Of unlike numbers of labels: most that are missing are so in the first half."""
    whole, losses = moved(alone, 1, passes)
    halves, same = moved(alone, 2, passes)
    assert same == pytest.approx(losses, rel=1e-4) and len(losses) == 7
    scale = max(np.abs(change).max() for change in whole.values())
    assert scale > 1e-2
    for weight, change in whole.items():
        size = np.abs(change).max()
        np.testing.assert_allclose(
            halves[weight], change, atol=1e-3 * size + 1e-6 * scale, err_msg=str(weight)
        )
    assert sum(np.abs(change).max() > 0 for change in whole.values()) > 100


def test_conflicts_of_tasks_are_those_of_the_whole_batch(alone):
    method = toy.method(TASKS, gradient_surgery="pcgrad")
    others = ("self_supervise", "refine", "generate", "discriminate")
    whole, _ = moved(alone, 1, "sequential", method, others)
    halves, _ = moved(alone, 2, "sequential", method, others)
    encoder = [weight for weight in whole if weight.network == "encoder"]
    scale = max(np.abs(whole[weight]).max() for weight in encoder)
    for weight in encoder:
        np.testing.assert_allclose(halves[weight], whole[weight], atol=1e-3 * scale)


def test_parts_keep_their_labels_and_random_numbers():
    whole = toy.reader(TASKS)(toy.raw_batch(TASKS))
    first, second = as_one_batch(whole.parts(2))
    for name in ("images", "condition", "synthesis_condition"):
        both = [getattr(part, name) for part in (first, second)]
        np.testing.assert_array_equal(tf.concat(both, 0), getattr(whole, name))
    numbers = [part.rng.normal(3) for part in (first, second)]
    np.testing.assert_array_equal(tf.concat(numbers, 0), whole.rng.normal(3))
    assert [len(part.extra["weak"].images) for part in (first, second)] == [3, 3]
    # Scenes are known of two and of one: 2 and 1 over 1.5.
    assert float(first.label_weights[SCENE]) == pytest.approx(4 / 3)
    assert float(second.label_weights[SCENE]) == pytest.approx(2 / 3)
    # Depth: no pixel and 3/4 of the first pair, all and all but a row of the second.
    pixels = 64 * 64
    labelled = (0.75 * pixels, 2 * pixels - 64)
    for part, number in zip((first, second), labelled, strict=True):
        weight = number / (sum(labelled) / 2)
        assert float(part.label_weights["depth"]) == pytest.approx(weight)
        assert float(part.weighted("depth", tf.constant(2.0))) == pytest.approx(
            2 * weight
        )
    assert float(whole.weighted("depth", tf.constant(2.0))) == 2
    with pytest.raises(ValueError, match="4 examples cannot be divided into 3 parts"):
        whole.parts(3)
