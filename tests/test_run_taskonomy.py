"""Tiny-Taskonomy, generated, by its flag file."""

from datasets.tiny_taskonomy import generate
from tests import data_set_run


def test_taskonomy_trains(tmp_path):
    generate.write(tmp_path / "manual", generate.BUILDINGS[:3], frames=10, size=64)
    flags = ("--target_coding=taskonomy", "--weak=none", "--self_supervision=none")
    done = data_set_run.trained("tiny_taskonomy", tmp_path, *flags)
    depth = done.tasks[1]
    assert depth.name == "depth" and depth.info.target_log > 0
    metrics = done.evaluate(done.data.validation)
    # The holes count as the largest depth: the unmasked loss is another.
    assert metrics["depth"]["loss_unmasked"] != metrics["depth"]["loss"]
