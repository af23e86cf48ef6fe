"""The weights of a run on disk: bit for bit, the last ones and the best ones."""

import math
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.errors import DamagedFile
from mgm_tf.train.checkpoints import BEST_OF_JOINT, Best, Checkpoints
from mgm_tf.train.optimizers import Adam


def networks_of(seed: int) -> dict[str, keras.Model]:
    """Returns two networks; one has state that is not trained."""
    keras.utils.set_random_seed(seed)
    return {
        "encoder": keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dense(4),
                keras.layers.BatchNormalization(),
            ]
        ),
        "decoders": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
    }


def optimizers_of(networks) -> dict[str, Adam]:
    """Returns a built optimizer for each network."""
    optimizers = {name: Adam(0.01, name=f"adam_{name}") for name in networks}
    for name, optimizer in optimizers.items():
        optimizer.build(networks[name].trainable_variables)
    return optimizers


def train(networks, optimizers, steps: int, seed: int = 0) -> None:
    """Moves all weights, all averages and all slots of the optimizers."""
    inputs = tf.random.stateless_normal((steps, 8, 3), (seed, 0))
    for batch in inputs:
        with tf.GradientTape() as tape:
            features = networks["encoder"](batch, training=True)
            predictions = networks["decoders"](features)
            loss = tf.reduce_mean(predictions**2)
        weights = {name: networks[name].trainable_variables for name in networks}
        for name, gradients in tape.gradient(loss, weights).items():
            optimizers[name].apply(gradients, weights[name])


def values(variables) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def state(networks, optimizers=None) -> list[np.ndarray]:
    """Returns everything that a step depends on."""
    owners = [*networks.values(), *(optimizers or {}).values()]
    return [value for owner in owners for value in values(owner.variables)]


def assert_equal(first, second) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_last_state_comes_back_bit_for_bit_and_goes_on_alike(tmp_path):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    train(networks, optimizers, steps=3)
    Checkpoints(tmp_path, networks).save_last(3, optimizers)
    saved = state(networks, optimizers)

    other = networks_of(2)
    other_optimizers = optimizers_of(other)
    Checkpoints(tmp_path, other).restore_last(other_optimizers)
    assert_equal(state(other, other_optimizers), saved)
    # Adam's step counter and both averages are among it: the next steps are the same.
    train(networks, optimizers, steps=2, seed=7)
    train(other, other_optimizers, steps=2, seed=7)
    assert_equal(state(other, other_optimizers), state(networks, optimizers))


def test_a_new_stage_takes_the_weights_and_its_own_new_optimizers(tmp_path):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    train(networks, optimizers, steps=3)
    Checkpoints(tmp_path, networks).save_last(3, optimizers)

    other = networks_of(2)
    other_optimizers = optimizers_of({"encoder": other["encoder"]})
    initial = state({}, other_optimizers)
    Checkpoints(tmp_path, other).restore_last()
    assert_equal(state(other), state(networks))
    assert_equal(state({}, other_optimizers), initial)
    assert int(other_optimizers["encoder"].iterations) == 0


def test_a_state_that_lacks_an_optimizer_is_not_restored(tmp_path):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    Checkpoints(tmp_path, networks).save_last(3, {"encoder": optimizers["encoder"]})
    with pytest.raises(AssertionError):
        Checkpoints(tmp_path, networks).restore_last(optimizers)


def test_the_last_step_is_that_of_the_newest_checkpoint(tmp_path):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    checkpoints = Checkpoints(tmp_path, networks)
    assert checkpoints.last_step() == 0
    for step in (5, 90, 100):
        checkpoints.save_last(step, optimizers)
        assert checkpoints.last_step() == step
    assert Checkpoints(tmp_path, networks).last_step() == 100
    names = {path.stem for path in (tmp_path / "checkpoints/last").glob("*.index")}
    assert names == {"step-90", "step-100"}


def test_a_resumed_run_keeps_two_checkpoints_as_well(tmp_path):
    networks = networks_of(1)
    for step in (1, 2, 3, 4):
        Checkpoints(tmp_path, networks).save_last(step, optimizers_of(networks))
    names = {path.stem for path in (tmp_path / "checkpoints/last").glob("*.index")}
    assert names == {"step-3", "step-4"}


@pytest.mark.parametrize(
    ("keep_last", "keep_every", "kept"),
    [
        (1, 0, {7}),
        (3, 0, {5, 6, 7}),
        # Of a multiple that has no checkpoint, the first after it.
        (1, 3, {3, 6, 7}),
        (2, 5, {5, 6, 7}),
        (1, 1, {1, 2, 3, 5, 6, 7}),
    ],
)
def test_as_many_states_are_kept_as_one_asks_for(tmp_path, keep_last, keep_every, kept):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    checkpoints = Checkpoints(tmp_path, networks, keep_last, keep_every)
    for step in (0, 1, 2, 3, 5, 6, 7):
        checkpoints.save_last(step, optimizers)
    names = (tmp_path / "checkpoints/last").iterdir()
    assert {path.name.split(".")[0] for path in names} == {f"step-{n}" for n in kept}


def test_a_workdir_may_be_moved(tmp_path):
    networks = networks_of(1)
    Checkpoints(tmp_path / "old", networks).save_last(4, optimizers_of(networks))
    shutil.move(tmp_path / "old", tmp_path / "new")
    other = networks_of(2)
    assert Checkpoints(tmp_path / "new", other).restore("last") == 4
    assert_equal(state(other), state(networks))


def test_the_best_and_the_last_are_kept_apart(tmp_path):
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    checkpoints = Checkpoints(tmp_path, networks)
    assert checkpoints.best() is None
    best = Best(step=3, stage="multi_task", score=0.25)
    checkpoints.keep_best(best)
    at_best = state(networks)
    train(networks, optimizers, steps=1)
    checkpoints.save_last(4, optimizers)

    other = networks_of(2)
    reopened = Checkpoints(tmp_path, other)
    assert reopened.best() == best
    assert reopened.restore("best") == 3
    assert_equal(state(other), at_best)
    assert reopened.restore("last") == 4
    assert_equal(state(other), state(networks))


@pytest.mark.parametrize(
    ("step", "stage", "score", "is_kept"),
    [
        (20, "multi_task", 0.5, True),
        (20, "multi_task", 0.25, False),
        (20, "multi_task", 0.1, False),
        (20, "multi_task", math.nan, False),
        # A later stage has to be better.
        (40, "joint", 0.5, True),
        (40, "joint", 0.1, False),
        (40, "joint", math.nan, False),
    ],
)
def test_the_best_gives_way_to_a_better(tmp_path, step, stage, score, is_kept):
    networks = networks_of(1)
    checkpoints = Checkpoints(tmp_path, networks)
    first = Best(step=30, stage="multi_task", score=0.25)
    checkpoints.keep_best(first)
    at_first = state(networks)
    train(networks, optimizers_of(networks), steps=1)
    at_second = state(networks)

    second = Best(step, stage, score)
    checkpoints.keep_best(second)
    assert checkpoints.best() == (second if is_kept else first)
    assert checkpoints.restore("best") == (step if is_kept else 30)
    assert_equal(state(networks), at_second if is_kept else at_first)
    assert len(list((tmp_path / "checkpoints/best").glob("*.index"))) == 1


@pytest.mark.parametrize(
    ("score", "is_kept"), [(-5.0, True), (0.5, True), (math.nan, False)]
)
def test_what_was_before_the_beginning_is_no_rival(tmp_path, score, is_kept):
    checkpoints = Checkpoints(tmp_path, networks_of(1))
    first = Best(step=30, stage="multi_task", score=0.25)
    checkpoints.keep_best(first)
    second = Best(40, "joint", score)
    checkpoints.keep_best(second, since=30)
    assert checkpoints.best() == (second if is_kept else first)


def test_a_score_by_other_rules_is_no_rival(tmp_path):
    checkpoints = Checkpoints(tmp_path, networks_of(1))
    checkpoints.keep_best(Best(30, "joint", 0.25))
    second = Best(40, "joint", 0.2, metrics_version=2)
    checkpoints.keep_best(second)
    assert checkpoints.best() == second


def test_the_best_of_the_joint_stage_is_kept_beside_the_best_of_all(tmp_path):
    networks = networks_of(1)
    checkpoints = Checkpoints(tmp_path, networks)
    checkpoints.keep_best(Best(30, "multi_task", 0.25))
    at_best = state(networks)
    train(networks, optimizers_of(networks), steps=1)
    for best in (Best(40, "joint", 0.2), Best(50, "joint", 0.1)):
        checkpoints.keep_best(best)
        checkpoints.keep_best(best, 30, BEST_OF_JOINT)
    at_best_of_joint = state(networks)
    assert checkpoints.best(BEST_OF_JOINT) == Best(40, "joint", 0.2)
    assert checkpoints.restore(BEST_OF_JOINT) == 40
    assert_equal(state(networks), at_best_of_joint)
    assert checkpoints.restore("best") == 30
    assert_equal(state(networks), at_best)


def test_the_best_of_a_folder_without_it_is_that_of_the_joint_stage(tmp_path):
    """Runs once kept the best of the last stage alone."""
    checkpoints = Checkpoints(tmp_path, networks_of(1))
    checkpoints.keep_best(Best(30, "multi_task", 0.25))
    with pytest.raises(FileNotFoundError):
        checkpoints.restore(BEST_OF_JOINT)
    checkpoints.keep_best(Best(40, "joint", 0.5))
    assert checkpoints.restore(BEST_OF_JOINT) == 40


def test_the_first_of_all_may_have_any_score_but_nan(tmp_path):
    checkpoints = Checkpoints(tmp_path, networks_of(1))
    checkpoints.keep_best(Best(1, "joint", math.nan))
    assert checkpoints.best() is None
    checkpoints.keep_best(Best(2, "joint", -100.0))
    assert checkpoints.best() == Best(2, "joint", -100.0)


def test_a_checkpoint_that_is_gone_meanwhile_is_named(tmp_path):
    networks = networks_of(1)
    checkpoints = Checkpoints(tmp_path, networks)
    checkpoints.save_last(3, optimizers_of(networks))
    (tmp_path / "checkpoints/last/step-3.data-00000-of-00001").unlink()
    with pytest.raises(DamagedFile, match="last/step-3.index: expected a checkpoint"):
        checkpoints.restore_last()


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_missing_checkpoint_is_an_error(tmp_path, which):
    with pytest.raises(FileNotFoundError) as error:
        Checkpoints(tmp_path, networks_of(1)).restore(which)
    assert str(tmp_path / "checkpoints" / which) in str(error.value)
    assert "train the run first" in str(error.value)
