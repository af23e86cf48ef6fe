"""The command's table and file, with a stand-in for what was trained."""

import json
import types

import numpy as np
import pytest

from mgm_tf.evaluate import __main__ as evaluate
from mgm_tf.tasks.scenes import MultiHot
from mgm_tf.train import validation
from tests.train.test_validation import (
    SCENE_CLASSES,
    TASKS,
    FakeSplit,
    predict,
    refine,
)
from tests.train.test_validation import evaluate as metrics_of

TASK_ROWS = {"segmentation", "depth"}
# The metrics of the constant predictor.
CONSTANT = {
    "segmentation": dict.fromkeys(metrics_of()["segmentation"], 0.25),
    "depth": dict.fromkeys(metrics_of()["depth"], 2.0),
}


def examples(scenes=(1, -1, 0)):
    """Returns three, of which R classifies the first as bright and the last as dim."""
    split = FakeSplit()
    split.image = split.image.copy()
    split.image[2, ..., 0] = 20  # .2 m
    split.scene = np.array(scenes, np.int32)
    return split


class FakeExperiment:
    """A trained run on the three examples, with the interface of an `Experiment`.

    Args:
      networks: the names of the networks that were trained.
      scene_classes: the scene classes of the data.
      split: the examples.
      clusters: whether the scene labels are pseudo labels.
    """

    tasks = TASKS
    networks = {"refiner": refine}
    predict = staticmethod(predict)

    def __init__(
        self, networks, scene_classes=SCENE_CLASSES, split=None, clusters=False
    ):
        self._networks = set(networks)
        relabel = (lambda *parts: parts) if clusters else None
        self.scene_label_source = types.SimpleNamespace(relabel=relabel)
        self.data = types.SimpleNamespace(
            builder=None,
            split={"test": split or examples()}.__getitem__,
            scene_classes=scene_classes,
            frequencies=np.array([0.4, 0.6], np.float32),
        )
        self.evaluate = self.evaluator(predict)

    def evaluator(self, predictor, scene_classes=None):
        return validation.Evaluator(predictor, TASKS, 2, scene_classes)

    def trained(self, step):
        return self._networks if step == 7 else set()

    def restore(self, workdir, which):
        assert (which, workdir.is_dir()) == ("best", True)
        return 7

    def evaluate_constant_predictor(self, split, workdir):
        assert split == "test" and workdir.is_dir()
        return {task: dict(values) for task, values in CONSTANT.items()}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command; returns the record and the rows of the table."""

    def call(experiment):
        values = types.SimpleNamespace(
            split="test", checkpoint="best", allow_other_data=False
        )
        monkeypatch.setattr(
            evaluate.results.provenance,
            "origin",
            lambda workdir, builder, step, **options: {"step": step},
        )
        monkeypatch.setattr(evaluate.saved, "load", lambda workdir: None)
        monkeypatch.setattr(
            "mgm_tf.train.experiment.Experiment", lambda settings: experiment
        )
        monkeypatch.setattr(evaluate.command_line, "workdir", lambda: tmp_path)
        monkeypatch.setattr(evaluate.flags, "FLAGS", values)
        evaluate.main()
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        record = json.loads((tmp_path / "eval" / "test.json").read_text())
        return record, {tuple(row[:2]): row[-2:] for row in rows}

    return call


def test_the_scene_has_the_metrics_of_the_constant_predictor_too(run):
    record, rows = run(FakeExperiment(["encoder", "refiner"]))
    assert record["metrics"].keys() == TASK_ROWS | {"scene"}
    assert record["metrics"]["scene"] == {"accuracy": 1}
    # All are bright.
    assert record["constant_predictor"]["scene"] == {"accuracy": 0.5}
    assert rows["scene", "accuracy"] == ["1.0000", "0.5000"]


def test_several_labels(run):
    split = examples([[1, 1], [0, 0], [1, 0]])
    record, rows = run(
        FakeExperiment(["refiner"], MultiHot(SCENE_CLASSES.names), split)
    )
    assert record["metrics"]["scene"].keys() == {"f1", "f1_macro", "accuracy"}
    # R misses that the first is dim as well.
    assert record["metrics"]["scene"]["f1"] == pytest.approx(4 / 5)
    # Bright for both: a hit, two misses and a false alarm.
    assert record["constant_predictor"]["scene"]["f1"] == pytest.approx(2 / 5)
    assert rows["scene", "f1"] == ["0.8000", "0.4000"]


@pytest.mark.parametrize(
    "experiment",
    [FakeExperiment(["encoder"]), FakeExperiment(["refiner"], clusters=True)],
    ids=["not learned", "pseudo labels"],
)
def test_scenes_are_left_out_where_they_cannot_be_evaluated(run, experiment):
    record, _ = run(experiment)
    assert record["metrics"].keys() == record["constant_predictor"].keys() == TASK_ROWS


def test_the_score_is_that_of_the_tasks_alone(run):
    without, _ = run(FakeExperiment(["encoder"]))
    with_scenes, _ = run(FakeExperiment(["refiner"]))
    expected = validation.score(metrics_of(split=examples()), CONSTANT, TASKS)
    assert without["score"] == with_scenes["score"] == pytest.approx(expected)
    for task in TASK_ROWS:
        assert without["metrics"][task] == with_scenes["metrics"][task]
