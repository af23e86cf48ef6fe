"""A run that goes on for long takes no more memory: what it makes, it lets go of."""

import gc

from mgm_tf.train.checkpoints import Checkpoints
from tests.fake_dataset import settings
from tests.train.runs import ALONE, run

ROUNDS = 6  # of steps, losses, an evaluation, pictures and a checkpoint
SETTLED = 3  # rounds in which what is needed once is made


def test_rounds_of_a_run_leave_no_objects(data_dir, tmp_path, monkeypatch):
    counts = []
    save = Checkpoints.save_last

    def counted(self, step, *arguments):
        save(self, step, *arguments)
        if step in (2 * SETTLED, 2 * ROUNDS):
            gc.collect()
            counts.append(len(gc.get_objects()))

    monkeypatch.setattr(Checkpoints, "save_last", counted)
    every = {f"{what}_every": 2 for what in ("evaluate", "picture", "checkpoint")}
    lengths = {"multi_task_length": f"{2 * ROUNDS}steps", "joint_length": "0steps"}
    run(settings(data_dir, **ALONE | every | lengths), tmp_path)
    before, after = counts
    # A few strings and patterns are TensorFlow's; a step that leaves one object, or an
    # evaluation that leaves its graph, would be seen.
    assert after - before < 2 * (ROUNDS - SETTLED) * 5
