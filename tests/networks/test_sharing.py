"""Every way of sharing builds an M whose parts are where the table says."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.decoders import DECODERS
from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.sharing import SHARING, Parts

CHANNELS = {"segmentation": 5, "depth": 1, "normals": 3}
TASKS = tuple(CHANNELS)
GROUPS = ("segmentation+normals", "depth+normals")
WIDTHS = (4, 5, 6, 8)
IMAGES = tf.random.stateless_uniform((2, 32, 32, 3), (0, 1), -1.0, 1.0)
# How many encoders M has.
ENCODERS = {"hard": 1, "cross_stitch": 3, "adashare": 1, "task_grouping": 2}


def build(sharing, seed=0):
    keras.utils.set_random_seed(seed)
    made = SHARING[sharing].build(
        Parts(
            TASKS,
            lambda name: ResNet((1, 1, 1, 1), WIDTHS, 4, name=name),
            lambda task: DECODERS["taskgrouping"](CHANNELS[task], 16, 0.03),
            GROUPS,
        )
    )
    made["decoders"](made["encoder"](IMAGES))
    return made


networks_of = functools.cache(build)


def predictions_of(networks):
    return networks["decoders"](networks["encoder"](IMAGES))


each_row = pytest.mark.parametrize("sharing", SHARING)
each_task = pytest.mark.parametrize("task", TASKS)


@each_row
def test_every_task_is_predicted(sharing):
    networks = networks_of(sharing)
    predictions = predictions_of(networks)
    for task, channels in CHANNELS.items():
        assert predictions[task].shape == (2, 32, 32, channels)
        assert predictions[task].dtype == tf.float32
    assert [networks[name].name for name in ("encoder", "decoders")] == [
        "encoder",
        "decoders",
    ]


@each_row
def test_outputs_are_all_predictions_with_their_tasks(sharing):
    outputs = SHARING[sharing].outputs(TASKS, GROUPS)
    predictions = predictions_of(networks_of(sharing))
    assert {key for key, _ in outputs} == set(predictions)
    for key, task in outputs:
        assert predictions[key].shape[-1] == CHANNELS[task]
    # Each task goes by its own name once.
    assert {key for key, task in outputs if key == task} == set(TASKS)


def test_a_task_in_two_groups_is_trained_in_both():
    outputs = SHARING["task_grouping"].outputs(TASKS, GROUPS)
    assert outputs == (
        ("segmentation", "segmentation"),
        ("normals_in_group_1", "normals"),
        ("depth", "depth"),
        ("normals", "normals"),
    )


def alone(networks, sharing):
    """Networks in which nothing of another task is mixed in."""
    for unit in getattr(networks["encoder"], "units", ()):
        identity = tf.eye(len(TASKS))[..., None]
        unit.stitch.assign(tf.broadcast_to(identity, unit.stitch.shape))
    return SHARING[sharing].core, networks


@each_row
@each_task
def test_the_core_of_a_task_predicts_it(sharing, task):
    # Cross-stitch without mixing; of AdaShare all blocks, as at the start.
    core_of, networks = alone(networks_of(sharing), sharing)
    core = core_of(networks, task)
    predicted = core.decoder(core.encoder(IMAGES))
    np.testing.assert_allclose(predicted, predictions_of(networks)[task], atol=1e-5)


def within(part, whole):
    """Whether all variables of a part are the whole's."""
    known = {id(variable) for variable in whole.variables}
    return {id(variable) for variable in part.variables} <= known


@each_row
def test_cores_are_parts_of_the_networks(sharing):
    core_of, networks = SHARING[sharing].core, networks_of(sharing)
    cores = {task: core_of(networks, task) for task in TASKS}
    for core in cores.values():
        assert isinstance(core.encoder, ResNet) and core.encoder.variables
        assert within(core.encoder, networks["encoder"])
        assert within(core.decoder, networks["decoders"])
    decoders = {id(core.decoder) for core in cores.values()}
    assert len(decoders) == 3
    encoders = {id(core.encoder) for core in cores.values()}
    assert len(encoders) == ENCODERS[sharing]


def test_a_task_is_read_from_the_last_group_that_has_it():
    core_of, networks = SHARING["task_grouping"].core, networks_of("task_grouping")
    first, second = (core_of(networks, task).encoder for task in TASKS[:2])
    assert core_of(networks, "normals").encoder is second is not first


@each_row
def test_a_policy_is_there_where_one_is_learned(sharing):
    networks = networks_of(sharing)
    assert SHARING[sharing].learns_policy == ("policy" in networks)
    assert set(networks) - {"policy"} == {"encoder", "decoders"}


def test_a_policy_is_for_the_tasks_and_blocks_and_no_part_of_the_encoder():
    networks = networks_of("adashare")
    logits = networks["policy"].logits
    assert logits.shape == (3, 4, 2)
    assert id(logits) not in {id(v) for v in networks["encoder"].variables}


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="without normals"):
        SHARING["task_grouping"].outputs(TASKS, ("segmentation", "depth"))


@each_row
def test_a_checkpoint_keeps_all_of_it(sharing, tmp_path):
    saved, loaded = networks_of(sharing), build(sharing, seed=1)
    path = tf.train.Checkpoint(**saved).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(**loaded).restore(path).assert_consumed()
    for name, network in saved.items():
        assert network.variables
        others = loaded[name].variables
        for one, other in zip(network.variables, others, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
