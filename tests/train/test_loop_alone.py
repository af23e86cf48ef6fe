"""Runs of the multi-task network alone: interrupted, replicated, gone wrong."""

import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mgm_tf.errors import Interrupted, NotFinite
from mgm_tf.method.watch import Watch
from mgm_tf.train import logs, other_runs, overhead, provenance
from mgm_tf.train.checkpoint_files import CheckpointFolder
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.experiment import Experiment
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


def test_a_run_in_bfloat16_goes_on_as_well(alone, data_dir, tmp_path, monkeypatch):
    wanted = settings(data_dir, **ALONE, precision="bfloat16")
    run(wanted, tmp_path / "whole")
    with monkeypatch.context() as context:
        stop_at(context, 4)
        with pytest.raises(Interrupted):
            run(wanted, tmp_path / "stopped")
    run(wanted, tmp_path / "stopped")
    assert_same_state(state(tmp_path / "stopped", 7), state(tmp_path / "whole", 7))
    starts = provenance.read(tmp_path / "stopped")
    assert [start["precision"] for start in starts] == ["bfloat16", "bfloat16"]
    one, half = losses(alone)[0], losses(tmp_path / "whole")[0]
    loss = "loss/multi_task/depth"
    # The same weights and images, rounded.
    assert half[loss] == pytest.approx(one[loss], rel=0.01) and half[loss] != one[loss]


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


def test_a_run_of_a_gan_alone_can_be_taken_up_by_others(data_dir, tmp_path):
    lengths = {"multi_task_length": "0steps", "joint_length": "0steps"}
    gan = {"weak": "synthetic", "run_eagerly": True, "generative_length": "2steps"}
    run(settings(data_dir, **ALONE | gan | lengths, evaluate_every=1), tmp_path)
    # M stays as it is, and is validated once, at the end.
    scores = [line for line in logs.read(tmp_path) if "validation/score" in line]
    assert [line["step"] for line in scores] == [2]
    needed = ("generator", "embedding")
    assert other_runs.load(str(tmp_path), Experiment, needed).networks["generator"]


QUICK = ALONE | {"run_eagerly": True, "multi_task_length": "3steps"}
QUICK |= {"joint_length": "0steps", "checkpoint_every": 2, "evaluate_every": 9}


def test_a_run_in_parts_goes_on_as_if_it_had_not_stopped(
    data_dir, tmp_path, monkeypatch
):
    parts = {"accumulation_steps": 2, "remat": True, "passes": "shared"}
    wanted = settings(data_dir, **QUICK | parts)
    run(wanted, tmp_path / "whole")
    with monkeypatch.context() as context:
        stop_at(context, 2)
        with pytest.raises(Interrupted, match="Stopped after step 2"):
            run(wanted, tmp_path / "run")
    with pytest.raises(ValueError, match="--accumulation_steps: 2 before"):
        run(settings(data_dir, **QUICK), tmp_path / "run")
    run(wanted, tmp_path / "run")
    assert_same_state(state(tmp_path / "run", 3), state(tmp_path / "whole", 3))


def test_pictures_within_a_stage_wait_while_the_budget_is_exceeded(
    data_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(overhead, "SETTLED", 0.0)
    changes = {"picture_every": 1, "overhead_budget": 1e-9}
    run(settings(data_dir, **QUICK | changes), tmp_path)
    found = EventAccumulator(str(tmp_path / "tensorboard"), {"tensors": 0}).Reload()
    # The first when nothing is spent yet, and the last of the stage.
    assert [event.step for event in found.Tensors("predictions/0")] == [1, 3]
    (event,) = [line for line in logs.read(tmp_path) if line.get("event") == "overhead"]
    shares = {name: event[name] for name in overhead.FLAGS}
    assert event["step"] == 3 and all(0 < share < 1 for share in shares.values())
    for name, share in shares.items():
        (curve,) = found.Tensors(f"overhead/{name}")
        written = tf.make_ndarray(curve.tensor_proto)
        assert written == pytest.approx(share, abs=1e-4)
    assert "That is above --overhead_budget=1e-09: --" in event["text"]
    # Evaluations choose the best weights: they come whatever they cost.
    validations = [line for line in logs.read(tmp_path) if "validation/score" in line]
    assert [line["step"] for line in validations] == [3]
    assert f"Beside the steps of stage multi_task: {event['text']}" in (
        capsys.readouterr().out
    )


def test_steps_that_a_run_has_not_cannot_be_profiled(data_dir, tmp_path):
    with pytest.raises(ValueError, match="--profile=4:5: the run has 3 steps"):
        run(settings(data_dir, **QUICK, profile="4:5"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_goes_wrong_ends_and_keeps_what_was_right(
    data_dir, tmp_path, capsys
):
    # What is wrong is looked for before it is kept as well as when it is written.
    wild = {"learning_rate": 1e30, "log_every": 100, "max_recoveries": 1}
    with pytest.raises(NotFinite) as error:
        run(settings(data_dir, **QUICK | wild), tmp_path)
    words = str(error.value)
    assert words.startswith(
        "Stage multi_task, step 1: the root mean square of the weights of encoder"
    )
    assert "gone back 1 times before. The last checkpoint, of step 0, is from" in words
    assert Checkpoints(tmp_path, {}).last_step() == 0
    assert all(np.isfinite(value).all() for value in state(tmp_path, 0).values())
    assert Checkpoints(tmp_path, {}).best() is None
    assert "Going back to step 0, with other random numbers and 0.5 of" in (
        capsys.readouterr().out
    )


def test_a_run_that_has_diverged_goes_on_otherwise(data_dir, tmp_path, monkeypatch):
    check = Watch.check
    looks = []

    def diverged_once(self, stage):
        looks.append(stage)
        if len(looks) == 4:  # when the losses of step 3 are to be written
            raise NotFinite(f"Stage {stage}, step 3: the loss a/b is not finite.")
        check(self, stage)

    monkeypatch.setattr(Watch, "check", diverged_once)
    wanted = settings(data_dir, **QUICK)
    run(wanted, tmp_path / "run")
    lines = logs.read(tmp_path / "run")
    (event,) = [line for line in lines if line.get("event") == "recovered"]
    assert (event["step"], event["recoveries"], event["rate_factor"]) == (2, 1, 0.5)
    assert "step 3: the loss a/b is not finite. Going back to step 2" in event["text"]
    # Every step once, and the rates of the last are half of those before.
    found = losses(tmp_path / "run")
    assert [line["step"] for line in found] == [1, 2, 3]
    rates = [line["learning_rate/encoder"] for line in found]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4])
    # The third step sees other examples than it would have seen.
    monkeypatch.setattr(Watch, "check", check)
    run(wanted, tmp_path / "whole")
    whole = losses(tmp_path / "whole")
    assert [
        a["loss/multi_task/depth"] == b["loss/multi_task/depth"]
        for a, b in zip(found, whole, strict=True)
    ] == [True, True, False]
    # Who goes on from there knows.
    folder = CheckpointFolder(tmp_path / "run" / "checkpoints" / "last")
    assert folder.record(3)["recoveries"] == 1
