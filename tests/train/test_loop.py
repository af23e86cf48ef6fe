"""A whole run on a made-up data set: all stages, what they leave, and going on."""

import math
import shutil

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mgm_tf.train import logs, stage_run
from mgm_tf.train.checkpoints import Checkpoints
from tests.fake_dataset import settings
from tests.train.runs import ALONE, assert_same_state, losses, run, state

# Everything in few operations.
WHOLE = {
    "tasks": ("segmentation", "depth"),
    "generator_updates": 1,
    "multi_task_length": "3steps",
    "generative_length": "1steps",
    # More than there are examples.
    "generative_batch_size": 16,
    "joint_length": "3steps",
    "checkpoint_every": 6,
}


@pytest.fixture(scope="module")
def whole(data_dir, tmp_path_factory):
    """The folder of a run of all stages in one go, and its experiment."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, run(settings(data_dir, **WHOLE), workdir)


# --- What a run leaves --------------------------------------------------------------


def test_every_loss_of_every_stage_is_written(whole):
    workdir, planned = whole
    lines = losses(workdir)
    assert [(line["step"], line["stage"]) for line in lines] == [
        (2, "multi_task"),
        (3, "multi_task"),
        (4, "generative"),
        (6, "joint"),
        (7, "joint"),
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
    assert [line["step"] for line in lines] == [3, 7]
    assert all(math.isfinite(line["validation/depth/absolute_error"]) for line in lines)
    assert all("validation/segmentation/miou" in line for line in lines)


def test_the_end_is_written(whole):
    last = logs.read(whole[0])[-1]
    assert (last["step"], last["stage"], last["event"]) == (7, "joint", "finished")


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
        f"predictions/{number}" for number in range(stage_run.PANELS)
    }
    assert steps("predictions/0") == [3, 7]
    assert steps("generated") == [4, 7]
    assert steps("simclr_views") == [7]
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
    assert checkpoints.last_step() == 7
    assert (best.stage, best.step) == ("joint", 7)


# --- Going on -----------------------------------------------------------------------


def test_a_finished_run_says_so_and_stays_as_it_is(whole, data_dir, capsys):
    workdir, _ = whole
    before = (workdir / "metrics.jsonl").read_text()
    run(settings(data_dir, **WHOLE), workdir)
    assert "is trained: 7 of 7 steps are done" in capsys.readouterr().out
    assert (workdir / "metrics.jsonl").read_text() == before


@pytest.fixture
def stopped(whole, tmp_path):
    """The folder of the run as it was after step 6, within the joint stage."""
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    last = tmp_path / "checkpoints" / "last"
    for path in last.glob("step-7.*"):
        path.unlink()
    (last / "checkpoint").write_text('model_checkpoint_path: "step-6"\n')
    (tmp_path / "metrics.jsonl").unlink()
    return tmp_path


def test_a_run_gone_on_with_ends_as_if_it_had_not_stopped(
    whole, data_dir, stopped, capsys
):
    run(settings(data_dir, **WHOLE), stopped)
    assert "Going on after step 6, in stage joint." in capsys.readouterr().out
    assert_same_state(state(stopped, 7), state(whole[0], 7))
    events = [line.get("event") for line in logs.read(stopped)]
    assert events == ["resumed", None, None, "overhead", "finished"]


def test_a_graph_takes_the_step_of_eager_code(whole, data_dir, stopped):
    run(settings(data_dir, **WHOLE | {"run_eagerly": False}), stopped)
    (line,) = losses(stopped)
    eager = losses(whole[0])[-1]
    assert line["step"] == eager["step"] == 7
    found, expected = (
        {key: value for key, value in of.items() if key.startswith("loss/")}
        for of in (line, eager)
    )
    assert len(found) == 9  # of seven updates, two of which have two terms
    for task in WHOLE["tasks"]:
        first = f"loss/multi_task/{task}"
        assert found[first] == pytest.approx(expected[first], rel=1e-5)
    # Adam's steps are of much the same size whatever the gradient, so that what follows
    # sees rounding errors.
    assert found == pytest.approx(expected, rel=0.2)


def test_decoders_on_a_frozen_encoder_are_validated(whole, data_dir, tmp_path):
    # Table 11: features of other tasks, and a new decoder.
    source, _ = whole
    rows = ALONE | {"tasks": ("normals",), "multi_task_length": "0steps"}
    rows |= {"start_from": (str(source),), "freeze": ("encoder",), "run_eagerly": True}
    planned = run(settings(data_dir, **rows), tmp_path)
    best = Checkpoints(tmp_path, planned.networks).best()
    assert (best.stage, best.step) == ("joint", 2)
