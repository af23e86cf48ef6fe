"""The weights of a run on disk: bit for bit, the last ones and the best ones."""

import math
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.train.checkpoints import Best, Checkpoints
from mgm_tf.train.optimizers import Adam


def networks(seed: int) -> dict[str, keras.Model]:
    """Two networks; one has state that is not trained."""
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


def optimizers(made) -> dict[str, Adam]:
    """An optimizer for each network, built."""
    found = {name: Adam(0.01, name=f"adam_{name}") for name in made}
    for name, optimizer in found.items():
        optimizer.build(made[name].trainable_variables)
    return found


def train(made, optimizers, steps: int, seed: int = 0) -> None:
    """Moves all weights, all averages and all slots of the optimizers."""
    inputs = tf.random.stateless_normal((steps, 8, 3), (seed, 0))
    for batch in inputs:
        with tf.GradientTape() as tape:
            predictions = made["decoders"](made["encoder"](batch, training=True))
            loss = tf.reduce_mean(predictions**2)
        weights = {name: made[name].trainable_variables for name in made}
        for name, gradients in tape.gradient(loss, weights).items():
            optimizers[name].apply(gradients, weights[name])


def values(variables) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def state(made, optimizers=None) -> list[np.ndarray]:
    """Everything that a step depends on."""
    owners = [*made.values(), *(optimizers or {}).values()]
    return [value for owner in owners for value in values(owner.variables)]


def assert_equal(one, other) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_last_state_comes_back_bit_for_bit_and_goes_on_alike(tmp_path):
    made = networks(1)
    moved_by = optimizers(made)
    train(made, moved_by, steps=3)
    Checkpoints(tmp_path, made).save_last(3, moved_by)
    saved = state(made, moved_by)

    other = networks(2)
    others_by = optimizers(other)
    Checkpoints(tmp_path, other).restore_last(others_by)
    assert_equal(state(other, others_by), saved)
    # Adam's step counter and both averages are among it: the next steps are the same.
    train(made, moved_by, steps=2, seed=7)
    train(other, others_by, steps=2, seed=7)
    assert_equal(state(other, others_by), state(made, moved_by))


def test_a_new_stage_takes_the_weights_and_its_own_new_optimizers(tmp_path):
    made = networks(1)
    moved_by = optimizers(made)
    train(made, moved_by, steps=3)
    Checkpoints(tmp_path, made).save_last(3, moved_by)

    other = networks(2)
    others_by = optimizers({"encoder": other["encoder"]})
    before = state({}, others_by)
    Checkpoints(tmp_path, other).restore_last()
    assert_equal(state(other), state(made))
    assert_equal(state({}, others_by), before)
    assert int(others_by["encoder"].iterations) == 0


def test_a_state_that_lacks_an_optimizer_is_not_taken_for_the_whole(tmp_path):
    made = networks(1)
    moved_by = optimizers(made)
    Checkpoints(tmp_path, made).save_last(3, {"encoder": moved_by["encoder"]})
    with pytest.raises(AssertionError):
        Checkpoints(tmp_path, made).restore_last(moved_by)


def test_the_last_step_is_that_of_the_newest_checkpoint(tmp_path):
    made = networks(1)
    moved_by = optimizers(made)
    checkpoints = Checkpoints(tmp_path, made)
    assert checkpoints.last_step() == 0
    for step in (5, 90, 100):
        checkpoints.save_last(step, moved_by)
        assert checkpoints.last_step() == step
    assert Checkpoints(tmp_path, made).last_step() == 100
    kept = {path.stem for path in (tmp_path / "checkpoints/last").glob("*.index")}
    assert kept == {"step-90", "step-100"}


def test_a_resumed_run_keeps_two_checkpoints_as_well(tmp_path):
    made = networks(1)
    for step in (1, 2, 3, 4):
        Checkpoints(tmp_path, made).save_last(step, optimizers(made))
    kept = {path.stem for path in (tmp_path / "checkpoints/last").glob("*.index")}
    assert kept == {"step-3", "step-4"}


def test_a_workdir_may_be_moved(tmp_path):
    made = networks(1)
    Checkpoints(tmp_path / "old", made).save_last(4, optimizers(made))
    shutil.move(tmp_path / "old", tmp_path / "new")
    other = networks(2)
    assert Checkpoints(tmp_path / "new", other).restore("last") == 4
    assert_equal(state(other), state(made))


def test_the_best_is_kept_beside_the_last(tmp_path):
    made = networks(1)
    moved_by = optimizers(made)
    checkpoints = Checkpoints(tmp_path, made)
    assert checkpoints.best() is None
    best = Best(step=3, stage="multi_task", score=0.25)
    checkpoints.keep_best(best)
    at_best = state(made)
    train(made, moved_by, steps=1)
    checkpoints.save_last(4, moved_by)

    other = networks(2)
    again = Checkpoints(tmp_path, other)
    assert again.best() == best
    assert again.restore("best") == 3
    assert_equal(state(other), at_best)
    assert again.restore("last") == 4
    assert_equal(state(other), state(made))


@pytest.mark.parametrize(
    ("step", "stage", "score", "is_kept"),
    [
        (20, "multi_task", 0.5, True),
        (20, "multi_task", 0.25, False),
        (20, "multi_task", 0.1, False),
        (20, "multi_task", math.nan, False),
        # A later stage starts anew.
        (20, "joint", 0.1, True),
        (20, "joint", -5.0, True),
        (20, "joint", math.nan, False),
    ],
)
def test_the_best_gives_way_to_a_better_or_a_later_stage(
    tmp_path, step, stage, score, is_kept
):
    made = networks(1)
    checkpoints = Checkpoints(tmp_path, made)
    first = Best(step=30, stage="multi_task", score=0.25)
    checkpoints.keep_best(first)
    at_first = state(made)
    train(made, optimizers(made), steps=1)
    at_second = state(made)

    second = Best(step, stage, score)
    checkpoints.keep_best(second)
    assert checkpoints.best() == (second if is_kept else first)
    assert checkpoints.restore("best") == (20 if is_kept else 30)
    assert_equal(state(made), at_second if is_kept else at_first)
    assert len(list((tmp_path / "checkpoints/best").glob("*.index"))) == 1


def test_the_first_of_all_may_have_any_score_but_nan(tmp_path):
    checkpoints = Checkpoints(tmp_path, networks(1))
    checkpoints.keep_best(Best(1, "joint", math.nan))
    assert checkpoints.best() is None
    checkpoints.keep_best(Best(2, "joint", -100.0))
    assert checkpoints.best() == Best(2, "joint", -100.0)


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_checkpoint_that_is_not_there_is_told(tmp_path, which):
    with pytest.raises(FileNotFoundError) as refusal:
        Checkpoints(tmp_path, networks(1)).restore(which)
    assert str(tmp_path / "checkpoints" / which) in str(refusal.value)
    assert "train the run first" in str(refusal.value)
