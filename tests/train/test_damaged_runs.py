"""Folders of runs that were damaged: what is said, where the run goes on, what is kept.

The run is claimed and resumed by the real loop; its stages train nothing here.
"""

import json
import pathlib
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.config import saved
from mgm_tf.errors import DamagedFile
from mgm_tf.method.stages import Stage
from mgm_tf.train import costs, logs, loop, provenance
from mgm_tf.train.checkpoints import Best, Checkpoints
from tests.fake_dataset import settings
from tests.train.test_checkpoints import networks_of, optimizers_of, state, train

STEPS = (2, 4)  # of which the folder has checkpoints; 6 are to be done
LAST = "checkpoints/last"


class StageRun:
    """Notes from where the run goes on."""

    begun: list = []

    def __init__(self, run, stage):
        self._run = run

    def __call__(self, done, interruption):
        self._run.checkpoints.restore_last()
        self.begun.append(done)


@pytest.fixture(scope="module")
def wanted(data_dir):
    return settings(data_dir, joint_length="0steps")


@pytest.fixture
def experiment(wanted, builder, monkeypatch):
    """An experiment of two small networks, whose stage takes no steps."""
    StageRun.begun = []
    monkeypatch.setattr(loop, "StageRun", StageRun)
    monkeypatch.setattr(loop.audit, "check", lambda splits, refuse: None)
    return types.SimpleNamespace(
        settings=wanted,
        networks=networks_of(5),
        stages=(Stage("multi_task", (), 4, 6),),
        data=types.SimpleNamespace(builder=builder, train=None, validation=None),
        start=lambda: None,
        evaluate_constant_predictor=lambda split, workdir: {},
    )


def write_run(folder, wanted, builder, save):
    """Writes what a run leaves that is stopped after its last checkpoint."""
    saved.save(wanted, folder)
    provenance.note(folder, provenance.collect(builder) | {"sources": []})
    networks = networks_of(1)
    optimizers = optimizers_of(networks)
    log, run_costs = logs.Log(folder), costs.RunCosts(folder)
    weights = {}
    for step in STEPS:
        train(networks, optimizers, steps=2, seed=step)
        weights[step] = state(networks)
        log.scalars(step, "multi_task", {"loss/a/b": 1.0 / step})
        run_costs.record_steps("multi_task", 2, 1.0, batch_size=4)
        save(networks, optimizers, step, run_costs)
        run_costs.save()
    log.scalars(5, "multi_task", {"loss/a/b": 0.1})
    return weights


@pytest.fixture(scope="module")
def whole(wanted, builder, tmp_path_factory):
    """The folder of a run as it is written today, and its weights by step."""
    folder = tmp_path_factory.mktemp("whole")
    identity = {
        "settings": saved.lasting(wanted),
        "data": provenance.data(builder),
    }

    def save(networks, optimizers, step, run_costs):
        checkpoints = Checkpoints(folder, networks, identity=identity)
        checkpoints.keep_best(Best(step, "multi_task", step / 10))
        checkpoints.save_last(step, optimizers, {"costs": run_costs.record})

    return folder, write_run(folder, wanted, builder, save)


@pytest.fixture(scope="module")
def old(wanted, builder, tmp_path_factory):
    """The folder of a run as TensorFlow's manager wrote it, without sums."""
    folder = tmp_path_factory.mktemp("old")

    def save(networks, optimizers, step, run_costs):
        for name, keep, parts in (
            ("best", 1, {"networks": networks}),
            ("last", 2, {"networks": networks, "optimizers": optimizers}),
        ):
            checkpoint = tf.train.Checkpoint(**parts)
            place = str(folder / "checkpoints" / name)
            tf.train.CheckpointManager(
                checkpoint, place, keep, checkpoint_name="step"
            ).save(checkpoint_number=step)
        record = {"step": step, "stage": "multi_task", "score": step / 10}
        path = folder / "checkpoints" / "best.json"
        path.write_text(json.dumps(record | {"metrics_version": 2}) + "\n")

    return folder, write_run(folder, wanted, builder, save)


def cut(path):
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def deleted(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def other_type(path):
    path.write_text("[1, 2]\n")


def files_of(folder):
    """The contents of all files but logs that are written anew at a start."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts
    }


def go_on(experiment, folder):
    loop.claim(experiment, folder)
    loop.train(experiment, folder)


STATE_DAMAGES = [
    (f"{LAST}/step-4.{kind}", damage)
    for kind in ("data-00000-of-00001", "index", "json")
    for damage in (cut, emptied, flipped, deleted)
    if (kind, damage) != ("json", deleted)
]
WORDS = {cut: "has|expected", emptied: "has 0 bytes|empty", deleted: "is missing"}


@pytest.mark.parametrize(("name", "damage"), STATE_DAMAGES)
def test_a_damaged_state_is_named_and_kept_and_the_one_before_is_taken(
    whole, experiment, tmp_path, capsys, name, damage
):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    damage(folder / name)
    left = {p.name: p.read_bytes() for p in (folder / LAST).glob("step-4.*")}
    go_on(experiment, folder)
    output = capsys.readouterr().out
    line = next(line for line in output.splitlines() if "damaged" in line)
    assert line.startswith("The checkpoint of step 4 is damaged: ")
    assert str(folder / name) in line and "that of step 2 is taken" in line
    aside = folder / "damaged" / "last-step-4"
    assert str(aside) in line
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == left
    assert StageRun.begun == [2]
    for found, expected in zip(state(experiment.networks), whole[1][2], strict=True):
        np.testing.assert_array_equal(found, expected)
    lines = logs.read(folder)
    assert [(each["step"], each.get("event")) for each in lines] == [
        (2, None),
        (2, "damaged"),
        (6, "finished"),
    ]
    assert lines[1]["text"] == line
    # The costs are those of the state.
    assert costs.RunCosts(folder).record["stages"]["multi_task"]["steps"] == 2


@pytest.mark.parametrize("damage", [cut, emptied, flipped, deleted])
@pytest.mark.parametrize("kind", ["data-00000-of-00001", "index"])
def test_a_damaged_state_of_an_earlier_version_is_found_by_reading_it(
    old, experiment, tmp_path, capsys, kind, damage
):
    folder = tmp_path / "run"
    shutil.copytree(old[0], folder)
    damage(folder / LAST / f"step-4.{kind}")
    go_on(experiment, folder)
    assert "The checkpoint of step 4 is damaged: " in capsys.readouterr().out
    assert StageRun.begun == [2]
    for found, expected in zip(state(experiment.networks), old[1][2], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("damage", [cut, emptied, flipped, deleted, other_type])
def test_the_state_file_of_an_earlier_version_decides_nothing(
    old, experiment, tmp_path, capsys, damage
):
    folder = tmp_path / "run"
    shutil.copytree(old[0], folder)
    damage(folder / LAST / "checkpoint")
    go_on(experiment, folder)
    assert "damaged" not in capsys.readouterr().out
    assert StageRun.begun == [4]
    for found, expected in zip(state(experiment.networks), old[1][4], strict=True):
        np.testing.assert_array_equal(found, expected)


def break_all(folder):
    for step in STEPS:
        cut(folder / LAST / f"step-{step}.index")


def of_another_run(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))


REFUSED = {
    "all states": (break_all, "no checkpoint to go on from: .*step-4.index has"),
    "last deleted": (lambda f: deleted(f / LAST), "no checkpoint to go on from"),
    "checkpoints deleted": (
        lambda f: deleted(f / "checkpoints"),
        r"holds metrics.jsonl, costs.json of a run, but no checkpoint to go on from",
    ),
    "settings deleted": (
        lambda f: deleted(f / "config.json"),
        "but no config.json, which says of which",
    ),
    "settings emptied": (
        lambda f: emptied(f / "config.json"),
        "config.json: expected an object, found an empty file",
    ),
    "settings cut": (
        lambda f: cut(f / "config.json"),
        "config.json: expected an object, found what is no JSON",
    ),
    "settings of another type": (
        lambda f: other_type(f / "config.json"),
        "config.json: expected an object, found list",
    ),
    "settings of another run": (of_another_run, "--seed: 1 before, 0 now"),
}


@pytest.mark.parametrize(("damage", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_gone_on_with_is_refused_and_left_as_it_is(
    whole, experiment, tmp_path, damage, expected
):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    damage(folder)
    before = files_of(folder)
    with pytest.raises(ValueError, match=expected) as error:
        go_on(experiment, folder)
    assert str(folder) in str(error.value)
    assert files_of(folder) == before and not StageRun.begun


def test_checkpoints_of_another_run_beside_the_settings_are_refused(
    whole, experiment, data_dir, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    other = settings(data_dir, joint_length="0steps", seed=1)
    saved.save(other, folder)
    experiment.settings = other
    before = files_of(folder)
    with pytest.raises(ValueError, match="--seed: 0 there, 1 in config.json"):
        go_on(experiment, folder)
    assert files_of(folder) == before


@pytest.mark.parametrize("damage", [cut, emptied, deleted, other_type])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("metrics.jsonl", "metrics.jsonl"),
        ("provenance.jsonl", "provenance.jsonl"),
        ("costs.json", ""),
        ("config.flags", ""),
        ("checkpoints/best.json", "best.json was missing or damaged, and is made"),
    ],
)
def test_a_damaged_small_file_stops_nothing(
    whole, experiment, tmp_path, capsys, name, words, damage
):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    damage(folder / name)
    go_on(experiment, folder)
    output = capsys.readouterr().out
    # A last line that is torn is what a killed process leaves, and nothing to tell.
    if words and not (damage is cut and name.endswith("jsonl")):
        assert words in output
    assert StageRun.begun == [4]
    # All is whole again.
    assert json.loads((folder / "checkpoints/best.json").read_text())["step"] == 4
    assert (folder / "config.flags").read_text() == saved.as_flagfile(
        experiment.settings
    )
    assert logs.read(folder)[-1]["event"] == "finished"
    assert provenance.read(folder)[-1]["data"]["name"] == "fake/64/1.0.0"
    if name in ("metrics.jsonl", "provenance.jsonl") and damage is other_type:
        assert (folder / "damaged" / name).read_text() == "[1, 2]\n"


def test_other_data_are_refused_though_the_record_of_starts_is_lost(
    whole, experiment, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    deleted(folder / "provenance.jsonl")
    few = types.SimpleNamespace(builder=None, train=None, validation=None)
    few.builder = types.SimpleNamespace(
        info=types.SimpleNamespace(splits={}, metadata={}, full_name="other/1")
    )
    experiment.data = few
    before = files_of(folder)
    with pytest.raises(ValueError, match="began with fake/64.* now there is other/1"):
        go_on(experiment, folder)
    assert files_of(folder) == before


@pytest.mark.parametrize("damage", [cut, flipped, deleted])
@pytest.mark.parametrize("kind", ["data-00000-of-00001", "index", "json"])
def test_lost_best_weights_are_said_and_the_next_validation_makes_them(
    whole, experiment, tmp_path, capsys, kind, damage
):
    if (kind, damage) == ("json", deleted):
        # Then TensorFlow reads it whole.
        return
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    path = folder / "checkpoints" / "best" / f"step-4.{kind}"
    damage(path)
    with pytest.raises(DamagedFile, match="Expected the whole checkpoint `best`"):
        Checkpoints(folder, networks_of(1)).restore("best")
    go_on(experiment, folder)
    output = capsys.readouterr().out
    assert "The weights `best` of step 4 are lost: " in output
    assert "The next validation makes them anew, whatever its score" in output
    assert [line.get("event") for line in logs.read(folder)].count("damaged") == 1
    checkpoints = Checkpoints(folder, experiment.networks)
    assert checkpoints.best() is None
    checkpoints.keep_best(Best(6, "multi_task", -1.0))
    assert checkpoints.best().step == 6


def test_deleted_best_weights_are_said(whole, experiment, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    deleted(folder / "checkpoints/best")
    deleted(folder / "checkpoints/best.json")
    go_on(experiment, folder)
    assert "The weights `best` of step 4 are lost" in capsys.readouterr().out


# --- Beginning anew -----------------------------------------------------------------


def test_a_restart_moves_the_old_run_aside(whole, experiment, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    deleted(folder / "config.json")
    before = files_of(folder)
    loop.claim(experiment, folder, restart=True)
    assert f"is now in {folder / 'before' / '1'}" in capsys.readouterr().out
    assert files_of(folder / "before" / "1") == before
    loop.train(experiment, folder)
    assert StageRun.begun == [0]
    loop.claim(experiment, folder, restart=True)
    assert (folder / "before" / "2" / "config.json").exists()
    assert files_of(folder / "before" / "1") == before


def test_a_run_that_was_killed_before_its_first_state_begins(experiment, tmp_path):
    folder = tmp_path / "run"
    loop.claim(experiment, folder)
    part = folder / LAST / ".step-0.part"
    part.mkdir(parents=True)
    (part / "step-0.index").write_bytes(b"half")
    go_on(experiment, folder)
    assert StageRun.begun == [0]
    assert Checkpoints(folder, {}).last_step() == 0
    assert not part.exists()


# --- Names --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lr[0.001]", "a*b?", "run 1", "größe", "back\\slash"])
def test_a_folder_may_have_any_name(whole, experiment, tmp_path, name):
    folder = tmp_path / name
    shutil.copytree(whole[0], folder)
    # What the name would match as a pattern.
    pathlib.Path(tmp_path / "lr0" / LAST).mkdir(parents=True)
    go_on(experiment, folder)
    assert StageRun.begun == [4]
    for found, expected in zip(state(experiment.networks), whole[1][4], strict=True):
        np.testing.assert_array_equal(found, expected)
