"""Two processes train one run: as one with two devices, and through losses of each."""

import numpy as np
import pytest

from mgm_tf.train import logs
from tests import commands
from tests.fake_dataset import TINY, settings
from tests.train import worker_processes
from tests.train.runs import losses, run, state
from tests.train.worker_processes import KILL, TERMINATE

STEPS = 5
# Batch statistics and contrasts over all devices, in few operations.
CHANGES = {
    "tasks": ("depth",),
    "weak": "none",
    "refinement": "none",
    "multi_task_length": "0steps",
    "joint_length": f"{STEPS}steps",
    "run_eagerly": False,
    "log_every": 1,
    "evaluate_every": STEPS,
    "checkpoint_every": 2,
    "picture_every": 0,
    "deterministic": True,
}


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The folder of a run that is stopped twice; each time, the codes and words."""
    folder = tmp_path_factory.mktemp("workers")
    flags = TINY | CHANGES | {"tasks": "depth", "data_dir": data_dir}
    arguments = commands.given(**flags, workdir=folder / "run")
    ends = []
    for stop in ({1: (3, KILL)}, {1: (4, TERMINATE)}, {}):
        processes = worker_processes.started(folder, arguments, stop)
        codes = worker_processes.codes(processes)
        words = [(folder / f"{index}.log").read_text() for index in range(2)]
        ends.append((codes, words))
    return folder / "run", ends


def test_who_loses_a_worker_ends_and_says_how_to_go_on(trained):
    codes, (words, _) = trained[1][0]
    assert codes == [75, -KILL]
    assert "WorkerLost: worker 1 of 2 has lost another one" in words
    assert "the same command again on every machine" in words


def test_a_signal_to_one_worker_stops_all_after_the_same_step(trained):
    codes, words = trained[1][1]
    assert codes == [75, 75]
    for each in words:
        assert "Going on after step 2, in stage joint." in each
        assert "Stopped after step 4; the same command goes on" in each


def test_all_go_on_from_the_last_checkpoint_to_the_end(trained):
    workdir, ends = trained
    codes, words = ends[-1]
    assert codes == [0, 0]
    assert all("Going on after step 4, in stage joint." in each for each in words)
    # One worker writes, and each step once.
    assert [line["step"] for line in losses(workdir)] == [*range(1, STEPS + 1)]
    events = [line["event"] for line in logs.read(workdir) if "event" in line]
    what = ["resumed", "overhead", "interrupted", "resumed", "overhead", "finished"]
    assert events == what
    (log,) = {path.parent for path in workdir.rglob("events.out*")}
    assert log == workdir / "tensorboard"
    validations = [line for line in logs.read(workdir) if "validation/score" in line]
    assert [line["step"] for line in validations] == [STEPS]


def test_two_workers_train_as_two_devices_of_one(trained, data_dir, tmp_path):
    run(settings(data_dir, **CHANGES, replicas=2), tmp_path)
    for one, other in zip(losses(tmp_path), losses(trained[0]), strict=True):
        names = [name for name in one if name.startswith("loss/")]
        assert one["step"] == other["step"] and len(names) == 2
        for name in names:
            assert one[name] == pytest.approx(other[name], rel=1e-4), name
    one, other = state(tmp_path, STEPS), state(trained[0], STEPS)
    assert one.keys() == other.keys()
    names = [name for name in one if name.startswith("networks/")]
    values, others = (
        np.concatenate([each[name].ravel() for name in names]) for each in (one, other)
    )
    # A step of Adam's is about 1e-3, whatever the size of the gradient.
    np.testing.assert_allclose(values, others, rtol=0, atol=5e-4)
    assert np.abs(values - others).mean() < 1e-5
