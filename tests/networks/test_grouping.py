import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.decoders import DECODERS, Decoders
from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.grouping import (
    GroupedDecoders,
    GroupedEncoder,
    output_names,
    parse_groups,
    served_by,
)

TASKS = ("segmentation", "depth", "normals")
CHANNELS = {"segmentation": 5, "depth": 1, "normals": 3}
GROUPS = (("segmentation", "normals"), ("depth", "normals"))
IMAGES = tf.random.stateless_uniform((2, 32, 32, 3), (0, 1), -1.0, 1.0)


def test_groups_are_parsed():
    texts = ["segmentation+normals", "depth + normals"]
    assert parse_groups(texts, TASKS) == GROUPS
    assert parse_groups(["depth"], ["depth"]) == (("depth",),)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["segmentation+depth", "normals+edges"], "'normals\\+edges' with 'edges'"),
        (["segmentation+depth+", "normals"], "'segmentation\\+depth\\+' with ''"),
        (["segmentation+depth+depth", "normals"], "with depth more than once"),
        (["segmentation", "normals"], "segmentation, normals without depth"),
        ([], "no group without segmentation, depth, normals"),
    ],
)
def test_impossible_groups_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        parse_groups(texts, TASKS)


def test_a_task_is_read_from_the_last_group_that_has_it():
    assert served_by(GROUPS) == {"segmentation": 0, "depth": 1, "normals": 1}
    assert served_by((TASKS, ("normals",))) == {
        "segmentation": 0,
        "depth": 0,
        "normals": 1,
    }


def test_predictions_that_are_not_read_have_names_of_their_own():
    assert output_names(GROUPS) == (
        {"segmentation": "segmentation", "normals": "normals_in_group_1"},
        {"depth": "depth", "normals": "normals"},
    )
    assert output_names((TASKS,)) == ({task: task for task in TASKS},)


def decoders_of(group):
    make = DECODERS["taskgrouping"]
    return Decoders({task: make(CHANNELS[task], 16, 0.03) for task in group})


@pytest.fixture(scope="module")
def networks():
    keras.utils.set_random_seed(0)
    named = dict(zip(("first", "second"), GROUPS, strict=True))
    encoder = GroupedEncoder(
        {name: ResNet((1, 1, 1, 1), (4, 5, 6, 8), 4) for name in named}
    )
    decoders = GroupedDecoders(
        {name: decoders_of(group) for name, group in named.items()},
        dict(zip(named, output_names(GROUPS), strict=True)),
    )
    decoders(encoder(IMAGES))
    return encoder, decoders


def test_predictions_are_those_of_the_groups(networks):
    encoder, decoders = networks
    features = encoder(IMAGES)
    predictions = tf.function(lambda: decoders(encoder(IMAGES)))()
    first = decoders.decoders["first"](features["first"])
    second = decoders.decoders["second"](features["second"])
    expected = {
        "segmentation": first["segmentation"],
        "normals_in_group_1": first["normals"],
        "depth": second["depth"],
        "normals": second["normals"],
    }
    assert set(predictions) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(predictions[name], value, atol=1e-5)
    assert predictions["segmentation"].shape == (2, 32, 32, 5)


def test_groups_share_no_weight(networks):
    parts = [
        {name: [*encoder.variables, *networks[1].decoders[name].variables]}
        for name, encoder in networks[0].encoders.items()
    ]
    first, second = (
        {id(v) for group in part.values() for v in group} for part in parts
    )
    assert first and second and not first & second
    assert len(first) + len(second) == sum(len(net.variables) for net in networks)


@pytest.mark.parametrize(
    ("output", "own", "other"),
    [
        ("segmentation", "first", "second"),
        ("normals_in_group_1", "first", "second"),
        ("depth", "second", "first"),
        ("normals", "second", "first"),
    ],
)
def test_a_loss_reaches_its_group_only(networks, output, own, other):
    encoder, decoders = networks
    with tf.GradientTape() as tape:
        predictions = decoders(encoder(IMAGES, training=True), training=True)
        loss = tf.reduce_mean(predictions[output] ** 2)
    weights = {
        name: [
            v.value
            for network in (encoder.encoders[name], decoders.decoders[name])
            for v in network.trainable_variables
        ]
        for name in (own, other)
    }
    gradients = tape.gradient(loss, weights)
    assert all(gradient is None for gradient in gradients[other])
    reached = encoder.encoders[own].trainable_variables
    assert all(np.any(gradient) for gradient in gradients[own][: len(reached)])


def test_checkpoints_hold_everything(networks, tmp_path):
    encoder, decoders = networks
    parts = {"encoder": encoder, "decoders": decoders}
    path = tf.train.Checkpoint(**parts).save(str(tmp_path / "checkpoint"))
    variables = [*encoder.variables, *decoders.variables]
    before = [variable.numpy() for variable in variables]
    for variable in variables:
        variable.assign_add(tf.ones_like(variable))
    tf.train.Checkpoint(**parts).restore(path).assert_consumed()
    for value, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"one": {"depth": "depth"}}, "Expected names for the tasks"),
        ({"one": {"depth": "depth"}, "two": {"normals": "n"}}, "got them for"),
        ({"one": {"depth": "depth"}, "two": {"depth": "depth"}}, "got depth twice"),
    ],
)
def test_every_prediction_needs_a_name(outputs, message):
    with pytest.raises(ValueError, match=message):
        GroupedDecoders(
            {name: decoders_of(["depth"]) for name in ("one", "two")}, outputs
        )
