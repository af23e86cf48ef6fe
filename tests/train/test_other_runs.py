"""What a run takes from others: weights, generators, an oracle."""

import json

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.config import saved
from mgm_tf.train import loop, other_runs
from mgm_tf.train.checkpoints import Best, Checkpoints
from mgm_tf.train.experiment import Experiment
from tests import fake_dataset

THREE = ("segmentation", "depth", "normals")
ALONE = fake_dataset.ALONE


@pytest.fixture(scope="module")
def made(data_dir, tmp_path_factory):
    """The folder of runs by name, whose first weights are their best; their networks.

    The networks are not to be changed.
    """
    folder = tmp_path_factory.mktemp("runs")
    changes_of = {
        "segmentation": ALONE | {"tasks": ("segmentation",), "seed": 1},
        "depth": ALONE | {"tasks": ("depth",), "seed": 2},
        "normals": ALONE | {"tasks": ("normals",), "seed": 3},
        "two": ALONE | {"tasks": ("segmentation", "depth"), "seed": 4},
        "wide": ALONE | {"tasks": ("depth",), "width": 0.125},
        "guided": {"tasks": ("depth",), "self_supervision": "none"},
        "unguided": {"tasks": ("depth",), "weak": "frozen", "refinement": "none"},
    }
    networks = {}
    for name, changes in changes_of.items():
        settings = fake_dataset.settings(data_dir, **changes)
        networks[name] = Experiment(settings).networks
        saved.save(settings, folder / name)
        checkpoints = Checkpoints(folder / name, networks[name])
        checkpoints.keep_best(Best(1, "joint", 1.0))
    return folder, networks


@pytest.fixture(scope="module")
def runs(made):
    """The folder of the runs."""
    return made[0]


@pytest.fixture(scope="module")
def sources(made):
    """The networks of the runs, by the run's name."""
    return made[1]


def weights(layer):
    return layer.get_weights()


def same(first, second):
    pairs = zip(weights(first), weights(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def experiment(data_dir, **changes):
    return Experiment(fake_dataset.settings(data_dir, **(ALONE | changes)))


def started(data_dir, **changes):
    """Returns the experiment with the weights that it begins with."""
    planned = experiment(data_dir, **changes)
    planned.start()
    return planned


def test_one_run_gives_its_encoder_and_the_decoders_it_has(data_dir, runs, sources):
    changes = {"start_from": (str(runs / "two"),), "tasks": ("depth", "normals")}
    own = started(data_dir, **changes).networks
    source = sources["two"]
    assert same(own["encoder"], source["encoder"])
    decoders, theirs = own["decoders"].decoders, source["decoders"].decoders
    assert same(decoders["depth"], theirs["depth"])
    fresh = experiment(data_dir, tasks=("depth", "normals")).networks
    assert same(decoders["normals"], fresh["decoders"].decoders["normals"])


def test_cross_stitch_begins_with_the_run_of_each_task(data_dir, runs, sources):
    folders = tuple(str(runs / task) for task in reversed(THREE))
    own = started(
        data_dir, sharing="cross_stitch", start_from=folders, tasks=THREE
    ).networks
    for task in THREE:
        source = sources[task]
        assert same(own["encoder"].encoders[task], source["encoder"])
        assert same(own["decoders"].decoders[task], source["decoders"].decoders[task])


def test_a_frozen_encoder_is_left_out_of_every_update(data_dir, runs):
    planned = started(
        data_dir,
        start_from=(str(runs / "two"),),
        freeze=("encoder",),
        tasks=("normals",),
    )
    (stage,) = planned.stages
    before = [w.copy() for w in weights(planned.networks["encoder"])]
    decoders = [w.copy() for w in weights(planned.networks["decoders"])]
    model = planned.model(stage, planned.optimizers(stage))
    model.train_step(batch_of(planned, stage))
    after = weights(planned.networks["encoder"])
    # Moving averages included: E works as at test time.
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    changed = weights(planned.networks["decoders"])
    assert any(not np.array_equal(a, b) for a, b in zip(decoders, changed, strict=True))


def batch_of(planned, stage):
    numbers = tf.range(stage.batch_size, dtype=tf.int64)
    batch = planned.data.train.batch(numbers)
    step = tf.fill([stage.batch_size], tf.constant(stage.begin, tf.int64))
    return batch | {"position": numbers, "step": step}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_from": ("segmentation", "two")}, "one run that has learned segm.*2"),
        ({"start_from": ("depth", "normals")}, "one run that has learned segm.*0"),
        ({"start_from": ("wide",)}, "wide: the encoder is of another form.*--width"),
        ({"start_from": ("nowhere",)}, "nowhere"),
    ],
)
def test_weights_that_cannot_be_taken_are_refused(data_dir, runs, changes, message):
    folders = tuple(str(runs / name) for name in changes["start_from"])
    planned = experiment(data_dir, start_from=folders, tasks=("segmentation", "depth"))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        planned.start()


def test_an_encoder_of_another_form_is_refused(data_dir, runs):
    changes = {"start_from": (str(runs / "two"),), "encoder_form": "imagenet"}
    planned = experiment(data_dir, tasks=("depth",), **changes)
    with pytest.raises(ValueError, match="two: .* say --encoder_form=paper"):
        planned.start()


def test_generators_of_other_runs_synthesize_their_share(data_dir, runs, sources):
    names = ("guided", "unguided")
    planned = experiment(
        data_dir,
        weak="combined",
        refinement="eml",
        generators_from=tuple(str(runs / name) for name in names),
        tasks=("depth",),
        joint_length="2steps",
    )
    assert list(planned.helpers) == ["synthesizer_1", "synthesizer_2"]
    for number, name in enumerate(names, 1):
        helper = planned.helpers[f"synthesizer_{number}"]
        assert same(helper.generator, sources[name]["generator"])
    # The first run's G is fed with E's features, the second's with noise alone.
    assert planned.helpers["synthesizer_1"].embedding is not None
    assert planned.helpers["synthesizer_2"].embedding is None
    joint = planned.stages[-1]
    before = [w.copy() for h in planned.helpers.values() for w in weights(h)]
    model = planned.model(joint, planned.optimizers(joint))
    losses = model.train_step(batch_of(planned, joint))
    assert np.isfinite(float(losses["refine_weak/cross_entropy"]))
    after = [w for h in planned.helpers.values() for w in weights(h)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_an_oracle_is_as_at_test_time_and_no_part_of_the_run(data_dir, runs, sources):
    changes = {"weak": "oracle", "oracle": str(runs / "depth"), "tasks": ("depth",)}
    planned = experiment(data_dir, **changes)
    assert "oracle" not in planned.networks
    source = sources["depth"]
    images = tf.random.stateless_uniform((2, 64, 64, 3), (0, 1), -1.0, 1.0)
    expected = source["decoders"](source["encoder"](images))["depth"]
    labels = planned.helpers["oracle"](images, training=True)["depth"]
    np.testing.assert_allclose(labels, expected, atol=1e-6)


def test_an_oracle_must_have_learned_the_tasks(data_dir, runs):
    changes = {"weak": "oracle", "oracle": str(runs / "depth"), "tasks": ("normals",)}
    with pytest.raises(ValueError, match="oracle=.*depth has not learned normals"):
        experiment(data_dir, **changes).helpers  # noqa: B018


def test_a_generator_must_have_been_trained(data_dir, runs):
    planned = experiment(
        data_dir, weak="combined", generators_from=(str(runs / "two"),)
    )
    with pytest.raises(ValueError, match="two: the run has no generator"):
        planned.helpers  # noqa: B018


def test_the_provenance_names_the_runs(data_dir, runs, tmp_path):
    planned = experiment(
        data_dir,
        start_from=(str(runs / "two"),),
        tasks=("depth",),
        check_data="warn",
    )
    loop.claim(planned, tmp_path / "run")
    line = json.loads((tmp_path / "run" / "provenance.jsonl").read_text())
    (source,) = line["sources"]
    assert (source["flag"], source["name"]) == ("start_from", "two")
    assert source["settings"]["tasks"] == ["segmentation", "depth"]
    assert other_runs.records(experiment(data_dir).settings.source) == []


def test_adashare_retrains_from_its_first_weights(data_dir):
    planned = experiment(
        data_dir,
        sharing="adashare",
        tasks=THREE,
        policy_length="2steps",
        policy_batch_size=2,
        joint_length="2steps",
        policy_draw=3,
    )
    names = [stage.name for stage in planned.stages]
    assert names == ["multi_task", "policy", "joint"]
    assert [stage.restarts for stage in planned.stages] == [False, False, True]
    # 20 % of 12 examples are held out for the policy: 2, and 10 for the weights.
    assert planned.stages[1].extra == {"held_out": 2}
    assert (len(planned.data.policy_weights), len(planned.data.held_out)) == (10, 2)
    first = [w.copy() for w in weights(planned.networks["encoder"])]
    for network in planned.networks.values():
        for variable in network.trainable_variables:
            variable.assign(variable + 1.0)
    planned.restart()
    now = weights(planned.networks["encoder"])
    assert all(np.array_equal(a, b) for a, b in zip(first, now, strict=True))
    logits = planned.networks["policy"].logits.numpy()
    # Settled: one of both is 1, the other 0, and not everything is kept.
    assert set(np.unique(logits)) == {0.0, 1.0}
    assert np.array_equal(logits.sum(axis=-1), np.ones(logits.shape[:2]))
