"""The files of an evaluated run: metrics, costs, measurements, arrays of a report."""

import json

import numpy as np
import pytest

from mgm_tf.evaluate import report_arrays, results
from mgm_tf.probe import __main__ as probe
from mgm_tf.train import logs, loop
from mgm_tf.train.checkpoints import Checkpoints
from mgm_tf.train.experiment import Experiment
from tests import fake_dataset
from tests.commands import call


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of every stage, a step each, and its folder."""
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        planned = Experiment(
            fake_dataset.settings(
                folder,
                tasks=("segmentation", "depth"),
                generator_updates=1,
                multi_task_length="1steps",
                generative_length="1steps",
                joint_length="1steps",
            )
        )
        workdir = tmp_path_factory.mktemp("runs") / "run"
        loop.claim(planned, workdir)
        loop.train(planned, workdir)
        results.test(planned, workdir)
        yield planned, workdir


def test_the_test_examples_are_evaluated(run):
    _, workdir = run
    record = json.loads((workdir / "eval" / "test.best_of_joint.json").read_text())
    assert (record["split"], record["examples"]) == ("test", 3)
    assert (record["checkpoint"], record["step"]) == ("best_of_joint", 3)
    assert record["metrics"].keys() == {"segmentation", "depth", "scene"}
    assert not list((workdir / "eval").glob("*.part"))


def test_predictions_are_kept_with_their_targets(run):
    planned, workdir = run
    with np.load(workdir / report_arrays.FOLDER / "predictions.npz") as file:
        arrays = dict(file)
    assert arrays.keys() == {"image"} | {
        f"{part}_{task}"
        for part in ("prediction", "target", "valid")
        for task in ("segmentation", "depth")
    }
    example = fake_dataset.example("test", 2)
    np.testing.assert_array_equal(arrays["image"][2], example["image"])
    # Metres, to the millimetre; the first column has no label.
    depth = example["depth"].astype(np.float32) / 1000
    np.testing.assert_allclose(arrays["target_depth"][2], depth, atol=1e-5)
    assert not arrays["valid_depth"][2][:, 0].any() and arrays["valid_depth"][2, 5, 5]
    assert arrays["prediction_segmentation"].shape == (3, 64, 64, 1)
    assert set(np.unique(arrays["prediction_segmentation"])) <= {0, 1, 2}
    tasks = json.loads((workdir / report_arrays.FOLDER / "tasks.json").read_text())
    assert tasks["depth"]["unit"] == "m"


def test_generated_images_are_kept_by_scene(run):
    _, workdir = run
    with np.load(workdir / report_arrays.FOLDER / "samples.npz") as file:
        assert tuple(file["titles"]) == fake_dataset.SCENES
        images = file["images"]
    assert images.shape == (3, 6, 64, 64, 3) and images.dtype == np.uint8
    # A row is a scene, a column a latent vector: no two are alike.
    flat = images.reshape(18, -1)
    assert len(np.unique(flat, axis=0)) == 18


def test_each_checkpoint_has_a_file_of_its_own(run):
    planned, workdir = run
    written = results.evaluate(planned, workdir, "test", "last")
    assert written == workdir / "eval" / "test.last.json"
    record = json.loads(written.read_text())
    assert (record["checkpoint"], record["step"]) == ("last", 3)
    # One validation in the joint stage, at its last step: the weights are the same, and
    # so are the statistics, which the last checkpoint has none of that fit.
    joint = json.loads((workdir / "eval" / "test.best_of_joint.json").read_text())
    assert record["metrics"] == joint["metrics"]
    planned.restore(workdir, "best_of_joint")
    layer = planned.networks["encoder"].normalize
    fitting = layer.moving_mean.numpy()
    Checkpoints(workdir, planned.networks).restore("last")
    assert not np.allclose(layer.moving_mean, fitting, rtol=0.01)


def test_an_evaluated_run_is_not_evaluated_again(run):
    planned, workdir = run
    path = workdir / "eval" / "test.best_of_joint.json"
    written_at = path.stat().st_mtime_ns
    results.test(planned, workdir)
    assert path.stat().st_mtime_ns == written_at


def test_metrics_by_other_rules_are_computed_anew_and_the_old_ones_kept(run, capsys):
    planned, workdir = run
    path = workdir / "eval" / "test.best_of_joint.json"
    current = path.read_text()
    record = json.loads(current)
    assert record.pop("metrics_version") == 2
    old = json.dumps(record | {"score": 7})
    path.write_text(old)
    arrays = workdir / report_arrays.FOLDER / "predictions.npz"
    written_at = arrays.stat().st_mtime_ns
    capsys.readouterr()
    results.test(planned, workdir)
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == (
        f"{path} has metrics of version 1, not of 2: the checkpoint is evaluated anew."
    )
    kept = workdir / "eval" / "test.best_of_joint.metrics-1.json"
    assert last == f"Written to {path}; the one before is {kept}."
    assert kept.read_text() == old
    anew = json.loads(path.read_text())
    assert anew == json.loads(current)
    # What has no metrics in it stays.
    assert arrays.stat().st_mtime_ns == written_at


def test_a_broken_result_is_named(run):
    planned, workdir = run
    path = workdir / "eval" / "test.best_of_joint.json"
    current = path.read_text()
    try:
        path.write_text(current[:-9])
        with pytest.raises(ValueError, match="is no JSON") as error:
            results.test(planned, workdir)
        assert str(path) in str(error.value)
    finally:
        path.write_text(current)


def test_the_costs_are_kept(run):
    planned, workdir = run
    costs = json.loads((workdir / "costs.json").read_text())
    assert set(costs["parameters"]) == set(planned.networks)
    parts = [costs["parameters"][name] for name in ("encoder", "decoders")]
    assert costs["prediction_parameters"] == sum(parts)
    assert {name: s["steps"] for name, s in costs["stages"].items()} == {
        "multi_task": 1,
        "generative": 1,
        "joint": 1,
    }
    seconds = [stage["seconds"] for stage in costs["stages"].values()]
    assert costs["wall_seconds"] == pytest.approx(sum(seconds))
    assert costs["peak_memory_bytes"] > 10**8
    # Without a graph, operations are not counted.
    assert costs["stages"]["joint"]["flops_per_step"] is None
    # What was not training, of each stage, and the end.
    events = [line["event"] for line in logs.read(workdir) if "event" in line]
    assert events == ["overhead"] * 3 + ["finished"]


def test_the_networks_are_probed(run, capsys):
    _, workdir = run
    assert call(probe, f"--workdir={workdir}") == 0
    record = json.loads((workdir / "eval" / "probe.json").read_text())
    assert record["scene"].keys() == {"linear_probe", "nearest_neighbours"}
    # Three test images: a multiple of a third is right.
    for value in record["scene"].values():
        assert (3 * value) % 1 == pytest.approx(0, abs=1e-9)
    distance = record["kernel_distance"]
    assert distance["size"] == 3 and np.isfinite(distance["mean"])
    # Of three images all subsets are the same.
    assert distance["std"] == pytest.approx(0, abs=1e-9)
    assert record["features_of"] == str(workdir)
    assert "KID" in capsys.readouterr().out
