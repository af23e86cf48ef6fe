"""The composition root: stages, optimizers and places of a run, and what is refused."""

import contextlib
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf import networks
from mgm_tf.config import saved
from mgm_tf.data import audit, builders
from mgm_tf.method.stages import STAGE_NAMES
from mgm_tf.train import devices, loop, provenance
from mgm_tf.train.experiment import Experiment
from mgm_tf.train.optimizers import Adam
from tests.fake_dataset import SCENES, settings

TWO = {"replicas": 2, "run_eagerly": False}


@pytest.fixture
def tiny_networks(monkeypatch):
    """One weight matrix each in the place of the networks; a new seed, new weights."""

    def build(**wanted):
        made = {}
        for name in networks.FIGURE_2:
            made[name] = keras.Sequential([keras.layers.Dense(2)], name=name)
            made[name].build((None, 3))
        return made

    monkeypatch.setattr(networks, "build_networks", build)


# --- Stages -------------------------------------------------------------------------


def stages(data_dir, **changes):
    return Experiment(settings(data_dir, **changes)).stages


def test_stages_are_as_long_as_asked_for(data_dir):
    # 12 examples: 5 epochs of 4 are 15 steps, of 6 are 10; 0.5 epochs of 3 are 2.
    found = stages(
        data_dir,
        multi_task_length="5epochs",
        multi_task_batch_size=4,
        generative_length="5epochs",
        generative_batch_size=6,
        joint_length="0.5epochs",
        joint_batch_size=3,
    )
    assert [(s.name, s.steps, s.batch_size) for s in found] == [
        ("multi_task", 15, 4),
        ("generative", 10, 6),
        ("joint", 2, 3),
    ]


def test_stages_without_steps_or_updates_are_left_out(data_dir):
    found = stages(data_dir, multi_task_length="0epochs")
    assert [stage.name for stage in found] == ["generative", "joint"]
    # Without synthesized images there is nothing to generate.
    found = stages(data_dir, weak="none")
    assert [stage.name for stage in found] == ["multi_task", "joint"]


@pytest.mark.parametrize(
    "changes",
    [
        {f"{name}_length": "0steps" for name in STAGE_NAMES},
        {"weak": "none", "multi_task_length": "0steps", "joint_length": "0steps"},
    ],
    ids=["no length", "no update"],
)
def test_nothing_to_train_is_refused(data_dir, changes):
    with pytest.raises(ValueError, match="Nothing to train.*--joint_length"):
        stages(data_dir, **changes)


def test_a_batch_is_at_most_the_set(data_dir):
    found = stages(data_dir, generative_batch_size=128, generative_length="3epochs")
    assert (found[1].batch_size, found[1].steps) == (12, 3)


def test_a_batch_of_a_small_set_is_split_evenly(data_dir):
    few = settings(data_dir, protocol="few", **TWO)
    # Three examples: two of them at once.
    assert {stage.batch_size for stage in Experiment(few).stages} == {2}


@pytest.mark.parametrize(
    ("examples", "changes"),
    [
        (1, {}),
        (1, TWO),
        # The number of replicas is not always known when settings are checked.
        (12, TWO | {"joint_batch_size": 5}),
    ],
)
def test_an_impossible_batch_is_refused(data_dir, examples, changes):
    with pytest.raises(ValueError, match=f"of {examples} examples on . replicas"):
        Experiment(settings(data_dir, **changes)).plan(examples)


def test_a_network_is_trained_from_its_first_stage_on(data_dir):
    planned = Experiment(settings(data_dir))  # 4, 2 and 3 steps
    multi_task, players = {"encoder", "decoders"}, {"generator", "discriminator"}
    assert planned.trained(0) == set()
    assert planned.trained(1) == planned.trained(4) == multi_task
    assert planned.trained(5) == multi_task | players | {"embedding"}
    assert planned.trained(7) == set(networks.FIGURE_2)


# --- Parts --------------------------------------------------------------------------


def test_parts_are_sized_by_the_data(data_dir, monkeypatch):
    asked = {}
    monkeypatch.setattr(networks, "build_networks", lambda **wanted: asked | wanted)
    wanted = settings(
        data_dir,
        tasks=("depth", "segmentation"),
        gan="dcgan",
        width=0.5,
        gan_width=0.25,
        task_weighting="dwa",
        weak="none",
    )
    assert Experiment(wanted).networks == {
        "tasks": {"depth": 1, "segmentation": 3},
        "classes": len(SCENES),
        "image_size": 64,
        "encoder": "resnet10",
        "encoder_widths": "narrow",
        "encoder_form": "paper",
        "output_stride": 16,
        "decoder": "taskgrouping",
        "gan": "dcgan",
        "width": 0.5,
        "gan_width": 0.25,
        # Of no generator there is an update.
        "names": ("encoder", "decoders", "task_weights", "refiner", "projector"),
        "sharing": "hard",
        "groups": ("segmentation+normals", "depth+normals"),
        "task_weights": "dwa",
        # An absolute difference, then classes: `task_weighting`.
        "costs": (1.0, 0.5),
    }


def test_weights_are_a_function_of_the_seed(data_dir, tiny_networks):
    def weights(seed):
        made = Experiment(settings(data_dir, seed=seed)).networks
        return np.concatenate([w.numpy().ravel() for w in made["encoder"].weights])

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_every_network_has_its_own_optimizer(data_dir, tiny_networks):
    planned = Experiment(settings(data_dir))
    joint = planned.stages[-1]
    made = planned.optimizers(joint)
    assert set(made) == set(networks.FIGURE_2)
    by_update = planned.model(joint, made).update_optimizers
    assert by_update["multi_task", "encoder"] is by_update["refine", "encoder"]
    assert by_update["multi_task", "encoder"] is made["encoder"]


def test_or_every_network_in_every_update(data_dir, tiny_networks):
    planned = Experiment(settings(data_dir, optimizers="per_update"))
    joint = planned.stages[-1]
    made = planned.optimizers(joint)
    # The pair of players moves twice in a step, each time by the same optimizers.
    assert set(made) == {
        f"{update.name}.{name}" for update in joint.updates for name in update.trains
    }
    by_update = planned.model(joint, made).update_optimizers
    assert by_update["multi_task", "encoder"] is not by_update["refine", "encoder"]
    assert len({id(optimizer) for optimizer in by_update.values()}) == len(made)


def test_the_joint_stage_may_have_a_rate_of_its_own_for_what_is_trained(
    data_dir, tiny_networks
):
    planned = Experiment(
        settings(data_dir, learning_rate=0.5, joint_learning_rate=0.125)
    )
    rates = [
        {name: float(each.learning_rate) for name, each in optimizers.items()}
        for optimizers in map(planned.optimizers, planned.stages)
    ]
    first, *_, joint = rates
    assert first["encoder"] == first["decoders"] == 0.5
    assert joint["encoder"] == joint["decoders"] == 0.125
    assert joint["refiner"] == joint["projector"] == 0.5


def test_learning_rates_and_penalties_go_to_their_networks(data_dir, tiny_networks):
    planned = Experiment(
        settings(
            data_dir,
            learning_rate=0.5,
            generator_learning_rate=0.25,
            embedding_learning_rate=0.125,
            discriminator_learning_rate=0.0625,
            gan_beta_1=0.75,
            weight_decay=2.0,
        )
    )
    made = planned.optimizers(planned.stages[-1])
    assert all(type(optimizer) is Adam for optimizer in made.values())
    found = {name: (float(o.learning_rate), o.beta_1, o.l2) for name, o in made.items()}
    multi_task = (0.5, 0.9, 2.0)
    assert found == {
        "encoder": multi_task,
        "decoders": multi_task,
        "refiner": multi_task,
        "projector": multi_task,
        "embedding": (0.125, 0.75, 0.0),
        "generator": (0.25, 0.75, 0.0),
        "discriminator": (0.0625, 0.75, 0.0),
    }


def fingerprint(experiment):
    return provenance.fingerprint(experiment.settings, experiment.networks)


def test_a_fingerprint_tells_weights_and_settings_apart(data_dir, tiny_networks):
    one, same = (Experiment(settings(data_dir)) for _ in range(2))
    may_change = Experiment(settings(data_dir, log_every=7))
    assert len({fingerprint(each) for each in (one, same, may_change)}) == 1
    same.networks["refiner"].weights[0].assign_add(tf.fill((3, 2), 1e-6))
    other = Experiment(settings(data_dir, temperature=0.25))
    prints = {fingerprint(each) for each in (one, same, other)}
    assert len(prints) == 3


# --- Places -------------------------------------------------------------------------


def test_devices_are_chosen_before_tensorflow_reads_data(data_dir, monkeypatch):
    """A CPU cannot be split once TensorFlow runs."""
    order = []

    def strategy_of(replicas):
        order.append("devices")
        return tf.distribute.get_strategy()

    monkeypatch.setattr(devices, "strategy_of", strategy_of)

    def prepare(*parts, **more):
        order.append("data")

    monkeypatch.setattr(builders, "prepare", prepare)
    assert Experiment(settings(data_dir, seed=77)).stages
    assert order == ["devices", "data"]


# --- Claiming a folder --------------------------------------------------------------


def test_a_run_claims_its_folder_and_goes_on_with_other_habits(data_dir, tmp_path):
    first = settings(data_dir, log_every=5)
    loop.claim(Experiment(first), tmp_path / "run")
    assert saved.load(tmp_path / "run") == first
    may_change = settings(data_dir, log_every=7)
    loop.claim(Experiment(may_change), tmp_path / "run")
    assert saved.load(tmp_path / "run") == may_change


@pytest.mark.parametrize("what", loop.CHECK_DATA)
def test_nonsense_does_not_claim_a_folder_unless_told_to(
    data_dir, tmp_path, monkeypatch, what
):
    looked = []

    def check(splits, *, refuse):
        looked.append((tuple(splits), refuse))
        if refuse:
            raise ValueError("These data cannot be trained on.")

    monkeypatch.setattr(audit, "check", check)
    wanted = settings(data_dir, tasks=("depth",), check_data=what)
    allowed = contextlib.nullcontext()
    refused = pytest.raises(ValueError, match="cannot be trained on")
    with {"refuse": refused, "warn": allowed}[what]:
        loop.claim(Experiment(wanted), tmp_path / "run")
    assert looked == [(("train", "validation"), what == "refuse")]
    assert (tmp_path / "run").exists() == (what == "warn")


def test_the_folder_of_another_run_is_refused(data_dir, tmp_path):
    first = settings(data_dir)
    loop.claim(Experiment(first), tmp_path)
    with pytest.raises(ValueError) as refusal:
        loop.claim(Experiment(settings(data_dir, temperature=0.25)), tmp_path)
    words = (str(tmp_path), "--temperature: 0.5 before, 0.25 now", "--workdir")
    assert all(word in str(refusal.value) for word in words)
    assert saved.load(tmp_path) == first


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"tasks": ("depth", "edges")}, "edges"),
        ({"protocol": "half"}, "half"),
        ({"joint_batch_size": 5, "replicas": 2}, "replicas"),
        ({f"{n}_length": "0steps" for n in STAGE_NAMES}, "Nothing to train"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_impossible_settings_do_not_claim_a_folder(data_dir, tmp_path, changes, word):
    with pytest.raises(ValueError, match=word):
        loop.claim(Experiment(settings(data_dir, **changes)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_task_is_refused_before_the_data_are_built(data_dir, tmp_path):
    elsewhere = pathlib.Path(tmp_path / "empty")
    with pytest.raises(ValueError, match="edges"):
        Experiment(settings(elsewhere, tasks=("edges",))).data.train  # noqa: B018
    assert not elsewhere.exists()
