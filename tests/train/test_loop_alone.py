"""Runs of the multi-task network alone: interrupted, replicated, gone wrong."""

import os
import signal

import numpy as np
import pytest

from mgm_tf.errors import Interrupted, NotFinite
from mgm_tf.train import logs
from mgm_tf.train.checkpoints import Checkpoints
from tests.fake_dataset import settings
from tests.train.runs import ALONE, assert_same_state, losses, run, state


@pytest.fixture(scope="module")
def alone(data_dir, tmp_path_factory):
    """The folder of a run of the multi-task network alone, in one go."""
    workdir = tmp_path_factory.mktemp("alone")
    run(settings(data_dir, **ALONE), workdir)
    return workdir


def stop_at(monkeypatch, step):
    """Sends this process SIGTERM when the losses of a step are written."""
    write = logs.Log.scalars

    def scalars(self, at, stage, values):
        write(self, at, stage, values)
        # Once: a second signal would end the tests.
        if at == step and any(name.startswith("loss/") for name in values):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(logs.Log, "scalars", scalars)


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        # The end of the first stage.
        pytest.param(5, {}, id="between stages"),
        # Two steps in a call: of the last call before the end one step is left.
        pytest.param(4, {"steps_per_execution": 2}, id="within a stage"),
    ],
)
def test_a_run_stops_on_a_signal_and_goes_on(
    alone, data_dir, tmp_path, monkeypatch, step, changes
):
    wanted = settings(data_dir, **ALONE, **changes)
    with monkeypatch.context() as context:
        stop_at(context, step)
        with pytest.raises(Interrupted, match=f"Stopped after step {step}"):
            run(wanted, tmp_path)
    assert Checkpoints(tmp_path, {}).last_step() == step
    lines = logs.read(tmp_path)
    assert (lines[-1]["event"], lines[-1]["step"]) == ("interrupted", step)
    # No line of a step that was written already.
    assert len({line["step"] for line in losses(tmp_path)}) == len(losses(tmp_path))
    run(wanted, tmp_path)
    after = [line["step"] for line in logs.read(tmp_path)[len(lines) :]]
    assert min(after) >= step and max(after) == 7
    assert {line["step"] for line in losses(tmp_path)} >= {step, 7}
    assert_same_state(state(tmp_path, 7), state(alone, 7))


def test_other_settings_are_refused(alone, data_dir):
    other = settings(data_dir, **ALONE | {"multi_task_length": "6steps"})
    with pytest.raises(ValueError, match="--multi_task_length: 5steps before"):
        run(other, alone)


def test_two_replicas_train_as_one_device(alone, data_dir, tmp_path):
    first_stage = ALONE | {"joint_length": "0steps", "replicas": 2}
    run(settings(data_dir, **first_stage), tmp_path)
    assert len(losses(tmp_path)) == 5
    for one, two in zip(losses(alone), losses(tmp_path), strict=False):
        assert two["step"] == one["step"]
        assert two["loss/multi_task/depth"] == pytest.approx(
            one["loss/multi_task/depth"], rel=1e-3
        )


def test_every_update_may_have_its_own_optimizers(data_dir, tmp_path):
    rows = ALONE | {"refinement": "eml", "run_eagerly": True}
    lengths = {"multi_task_length": "0steps", "joint_length": "2steps"}
    run(settings(data_dir, **rows | lengths, optimizers="per_update"), tmp_path)
    # TensorFlow writes a dot in a name as two.
    kept = {
        name.split("/")[1].replace("..", ".")
        for name in state(tmp_path, 2)
        if name.startswith("optimizers/")
    }
    assert kept == {
        "multi_task.encoder",
        "multi_task.decoders",
        "refine.refiner",
        "refine.encoder",
    }


def test_a_run_that_goes_wrong_ends_and_keeps_what_was_right(data_dir, tmp_path):
    # Losses are looked at before they are kept as well as when they are written.
    wild = {"learning_rate": 1e30, "checkpoint_every": 1, "log_every": 100}
    wild |= {"max_recoveries": 0}
    with pytest.raises(NotFinite, match=r"multi_task.*multi_task/depth is not"):
        run(settings(data_dir, **ALONE | wild), tmp_path)
    last = Checkpoints(tmp_path, {}).last_step()
    assert all(np.isfinite(value).all() for value in state(tmp_path, last).values())
    assert Checkpoints(tmp_path, {}).best() is None
