"""Whole runs on a made-up data set: all stages, what they leave, and resuming them."""

import math
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mgm_tf.errors import Interrupted, NotFinite
from mgm_tf.train import logs, loop
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.experiment import Experiment
from tests import fake_dataset
from tests.fake_dataset import settings

# Everything in few operations.
WHOLE = {
    "tasks": ("segmentation", "depth"),
    "generator_updates": 1,
    "multi_task_length": "4steps",
    "generative_length": "2steps",
    "generative_batch_size": 128,
    "joint_length": "3steps",
    "checkpoint_every": 8,
}
# The multi-task network alone, in two stages of one update, as graphs.
ALONE = {
    "tasks": ("depth",),
    "weak": "none",
    "refinement": "none",
    "self_supervision": "none",
    "run_eagerly": False,
    "multi_task_length": "5steps",
    "joint_length": "2steps",
    "log_every": 1,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        yield folder


def run(wanted, workdir):
    """Trains as the command does; a new process would start from this as well."""
    planned = Experiment(wanted)
    loop.claim(planned, workdir)
    loop.train(planned, workdir)
    return planned


@pytest.fixture(scope="module")
def whole(data_dir, tmp_path_factory):
    """The folder of a run of all stages in one go, and its experiment."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, run(settings(data_dir, **WHOLE), workdir)


@pytest.fixture(scope="module")
def alone(data_dir, tmp_path_factory):
    """The folder of a run of the multi-task network alone, in one go."""
    workdir = tmp_path_factory.mktemp("alone")
    run(settings(data_dir, **ALONE), workdir)
    return workdir


def state(workdir, step) -> dict[str, np.ndarray]:
    """All weights, averages and slots of a run's checkpoint by name."""
    reader = tf.train.load_checkpoint(
        str(workdir / "checkpoints" / "last" / f"step-{step}")
    )
    names = reader.get_variable_to_shape_map()
    skipped = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter")
    return {
        name: reader.get_tensor(name) for name in names if not name.startswith(skipped)
    }


def assert_same_state(one, other):
    assert one.keys() == other.keys() and one
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def losses(workdir) -> list[dict]:
    """The lines with losses."""
    lines = logs.read(workdir)
    return [line for line in lines if any(key.startswith("loss/") for key in line)]


def stop_at(monkeypatch, step):
    """Sends this process SIGTERM when the losses of a step are written."""
    write = logs.Log.scalars

    def scalars(self, at, stage, values):
        write(self, at, stage, values)
        # Once: a second signal would end the tests.
        if at == step and any(name.startswith("loss/") for name in values):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(logs.Log, "scalars", scalars)


# --- What a run leaves --------------------------------------------------------------


def test_every_loss_of_every_stage_is_written(whole):
    workdir, planned = whole
    lines = losses(workdir)
    assert [(line["step"], line["stage"]) for line in lines] == [
        (2, "multi_task"),
        (4, "multi_task"),
        (6, "generative"),
        (8, "joint"),
        (9, "joint"),
    ]
    rows = {stage.name: stage.updates for stage in planned.stages}
    for line in lines:
        updates = rows[line["stage"]]
        terms = {f"loss/{row.name}/{t}" for row in updates for t in row.loss.terms}
        rates = {f"learning_rate/{name}" for row in updates for name in row.trains}
        found = {key for key in line if "/" in key}
        assert found == terms | rates
        assert all(math.isfinite(line[key]) for key in found)
        assert line["images_per_second"] > 0
    assert {row.name for row in rows["joint"]} == {
        "multi_task",
        "refine",
        "self_supervise",
        "discriminate",
        "generate",
        "refine_weak",
        "self_supervise_weak",
    }


def test_losses_start_where_chance_is(whole):
    first = losses(whole[0])[0]
    # Three classes by chance: log 3; depths are 1 to 5 m, predictions near 0.
    assert first["loss/multi_task/segmentation"] == pytest.approx(math.log(3), rel=0.5)
    assert 1 < first["loss/multi_task/depth"] < 4


def test_validations_are_written_where_the_multi_task_network_is_trained(whole):
    lines = [line for line in logs.read(whole[0]) if "validation/score" in line]
    assert [line["step"] for line in lines] == [4, 9]
    assert all(math.isfinite(line["validation/depth/absolute_error"]) for line in lines)
    assert all("validation/segmentation/miou" in line for line in lines)


def test_the_end_is_written(whole):
    last = logs.read(whole[0])[-1]
    assert (last["step"], last["stage"], last["event"]) == (9, "joint", "finished")


def test_tensorboard_has_the_same_scalars_and_the_pictures(whole):
    workdir, _ = whole
    found = EventAccumulator(str(workdir / "tensorboard"), {"tensors": 0}).Reload()
    tags = found.Tags()["tensors"]
    for line in losses(workdir):
        for name in line.keys() - {"step", "stage", "time"}:
            steps = {event.step for event in found.Tensors(name)}
            assert line["step"] in steps, name

    def steps(name):
        return [event.step for event in found.Tensors(name)]

    # At the end of the stages that train what is seen.
    assert {tag for tag in tags if tag.startswith("predictions/")} == {
        f"predictions/{number}" for number in range(loop.PANELS)
    }
    assert steps("predictions/0") == [4, 9]
    assert steps("generated") == [6, 9]
    assert steps("simclr_views") == [9]
    text = found.Tensors("settings")[0].tensor_proto.string_val[0].decode()
    assert "--joint_length=3steps" in text


def test_a_run_leaves_its_settings_and_checkpoints(whole):
    workdir, planned = whole
    assert {path.name for path in workdir.iterdir()} == {
        "checkpoints",
        "config.flags",
        "config.json",
        "constant_predictor.npz",
        "costs.json",
        "metrics.jsonl",
        "provenance.jsonl",
        "tensorboard",
    }
    checkpoints = Checkpoints(workdir, planned.networks)
    best = checkpoints.best()
    assert checkpoints.last_step() == 9
    assert (best.stage, best.step) == ("joint", 9)


# --- Going on -----------------------------------------------------------------------


def test_a_finished_run_says_so_and_stays_as_it_is(whole, data_dir, capsys):
    workdir, _ = whole
    before = (workdir / "metrics.jsonl").read_text()
    run(settings(data_dir, **WHOLE), workdir)
    assert "is trained: 9 of 9 steps are done" in capsys.readouterr().out
    assert (workdir / "metrics.jsonl").read_text() == before


def test_a_run_gone_on_with_ends_as_if_it_had_not_stopped(
    whole, data_dir, tmp_path, capsys
):
    workdir, _ = whole
    # The run as it was after step 8, in the middle of the joint stage.
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    last = tmp_path / "checkpoints" / "last"
    for path in last.glob("step-9.*"):
        path.unlink()
    (last / "checkpoint").write_text('model_checkpoint_path: "step-8"\n')
    (tmp_path / "metrics.jsonl").unlink()

    run(settings(data_dir, **WHOLE), tmp_path)
    assert "Going on after step 8, in stage joint." in capsys.readouterr().out
    assert_same_state(state(tmp_path, 9), state(workdir, 9))
    events = [line.get("event") for line in logs.read(tmp_path)]
    assert events == ["resumed", None, None, "finished"]


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


# --- Variants of a run --------------------------------------------------------------


def test_decoders_on_a_frozen_encoder_are_validated(whole, data_dir, tmp_path):
    # Table 11: features of other tasks, and a new decoder.
    source, _ = whole
    rows = ALONE | {"tasks": ("normals",), "multi_task_length": "0steps"}
    rows |= {"start_from": (str(source),), "freeze": ("encoder",), "run_eagerly": True}
    planned = run(settings(data_dir, **rows), tmp_path)
    best = Checkpoints(tmp_path, planned.networks).best()
    assert (best.stage, best.step) == ("joint", 2)


def test_two_replicas_train_as_one_device(alone, data_dir, tmp_path):
    first_stage = ALONE | {"joint_length": "0steps", "replicas": 2}
    run(settings(data_dir, **first_stage), tmp_path)
    assert len(losses(tmp_path)) == 5
    for one, two in zip(losses(alone), losses(tmp_path), strict=False):
        assert two["step"] == one["step"]
        assert two["loss/multi_task/depth"] == pytest.approx(
            one["loss/multi_task/depth"], rel=1e-3
        )


def test_a_graph_takes_the_step_of_eager_code(data_dir, tmp_path):
    joint = {"multi_task_length": "0steps", "generative_length": "0steps"}
    joint |= {"tasks": ("depth",)}
    found = []
    for eager in (False, True):
        changes = {"joint_length": "1steps", "log_every": 1, "run_eagerly": eager}
        run(settings(data_dir, **WHOLE | joint | changes), tmp_path / str(eager))
        (line,) = losses(tmp_path / str(eager))
        found.append({k: v for k, v in line.items() if k.startswith("loss/")})
    assert len(found[0]) == 8  # of seven updates, one of two terms
    first = "loss/multi_task/depth"
    assert found[0][first] == pytest.approx(found[1][first], rel=1e-5)
    # Adam's first steps are of one size whatever the gradient, so that what follows
    # sees rounding errors.
    assert found[0] == pytest.approx(found[1], rel=0.2)


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
    with pytest.raises(NotFinite, match=r"multi_task.*multi_task/depth is not"):
        run(settings(data_dir, **ALONE | wild), tmp_path)
    last = Checkpoints(tmp_path, {}).last_step()
    assert all(np.isfinite(value).all() for value in state(tmp_path, last).values())
    assert Checkpoints(tmp_path, {}).best() is None
