"""What each update does: it changes what it names, on replicas as on one device."""

import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.algorithm import (
    MOVING_STATISTICS,
    REFINEMENT,
    SELF_SUPERVISION,
    WEAK,
    algorithm_1,
    stage_updates,
    synthetic,
    weakly_labelled,
    with_moving_statistics,
)
from tests import rig, toy
from tests.toy_networks import small_networks


def updates_of(choice, rule, tasks):
    """All updates of a variant, those of its stages included."""
    weak, refinement, self_supervision = choice
    losses = toy.objectives(tasks)
    rows = (WEAK[weak], REFINEMENT[refinement], SELF_SUPERVISION[self_supervision])
    stages = stage_updates(losses, algorithm_1(losses, *rows, 1))
    for updates in stages.values():
        yield from with_moving_statistics(updates, rule)


def distinct_updates():
    """The updates of all variants, by what they do; what variants share is there once.

    Losses go by the name of the update.
    """
    variants = itertools.product(WEAK, REFINEMENT, SELF_SUPERVISION)
    return {
        f"{row.name} on {row.images.__name__}: {'+'.join(row.trains)}, {rule}": row
        for choice, rule in itertools.product(variants, MOVING_STATISTICS)
        for row in updates_of(choice, rule, toy.TWO_TASKS)
    }


def mgm(rule, tasks):
    """The updates of the full method's joint step, by name."""
    updates = updates_of(("synthetic", "eml", "simclr"), rule, tasks)
    return {row.name: row for row in updates}


UPDATES = distinct_updates()
MGM = mgm("home", toy.TWO_TASKS)
SMALL = mgm("everywhere", toy.ALL_TASKS)
# On real, weakly labelled images, of which a batch has another number.
SMALL |= {
    f"{row.name} on real": row
    for row in updates_of(("real", "eml", "simclr"), "everywhere", toy.ALL_TASKS)
    if row.images is weakly_labelled
}

ONE = tf.distribute.get_strategy()


@pytest.fixture(scope="module")
def sagan():
    return rig.Rig(ONE, toy.TWO_TASKS, toy.tiny_networks)


@pytest.fixture(scope="module")
def dcgan():
    return rig.Rig(ONE, toy.TWO_TASKS, toy.tiny_dcgan_networks)


@pytest.fixture(scope="module")
def sagan_on_two():
    return rig.Rig(rig.two_replicas(), toy.TWO_TASKS, toy.tiny_networks)


@pytest.fixture(scope="module")
def small():
    return rig.Rig(ONE, toy.ALL_TASKS, small_networks)


@pytest.fixture(scope="module")
def small_on_two():
    return rig.Rig(rig.two_replicas(), toy.ALL_TASKS, small_networks)


def test_the_joint_step_is_among_them():
    assert len(MGM) == 7
    # The generator of the second stage trains less and goes by the same name.
    assert MGM["generate"].trains == ("generator", "embedding", "encoder")
    assert "generate on real: generator+embedding, home" in UPDATES


def check(some_rig, update):
    """Applies an update; it changes exactly what it is to change, bit for bit."""
    outcome = some_rig.apply(update)
    expected = {weight for weight in some_rig.weights if concerns(update, weight)}
    idle = without_effect(some_rig)
    assert expected
    assert not outcome.changed - expected
    assert not expected - outcome.changed - idle
    return outcome


def concerns(update, weight):
    """Whether an update is to change a weight."""
    passed = weight.network in rig.PATHS[update.name]
    # The images of a weak update come from a pass of their own.
    drew = update.images is synthetic and weight.network in rig.DRAWING
    return {
        "trainable": weight.network in update.trains,
        "spectral": weight.network in update.trains,
        "moving": (passed and weight.network in update.advances)
        or (drew and weight.network in update.drawing_advances),
    }[weight.kind]


def without_effect(some_rig):
    """Weights that may stay: constants that a later operation takes away again.

    A bias that a normalisation follows, or the softmax over the keys of an attention,
    has a gradient of rounding errors alone; u of a single output is always 1.
    """
    normalised = re.compile(
        "decoders/.*/stage.*/bias|embedding/.*/bias|.*/self_attention.*/key/bias|"
        "generator/(generator_block|self_attention).*/bias"
    )
    idle = {
        weight
        for weight, variable in some_rig.weights.items()
        if normalised.fullmatch(weight.name)
        or (variable.name == "u" and variable.shape == (1,))
    }
    assert len(idle) < 0.1 * len(some_rig.weights)
    return idle


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_changes_exactly_what_it_names(sagan, name):
    check(sagan, UPDATES[name])


@pytest.mark.parametrize("name", ["discriminate", "generate"])
def test_so_it_does_with_dcgan(dcgan, name):
    check(dcgan, MGM[name])


@pytest.mark.parametrize("name", MGM)
def test_so_it_does_on_two_replicas(sagan, sagan_on_two, name):
    two = check(sagan_on_two, MGM[name])
    one = sagan.apply(MGM[name])
    # In float32 these networks agree roughly: they make rounding errors a thousandfold,
    # and more where a ReLU turns over. A sum that replicas forget to share changes a
    # gradient by as much as there is of it.
    assert two.terms == pytest.approx(one.terms, rel=1e-2, abs=1e-3)
    assert distance(two.gradients, one.gradients) < 0.1


def distance(values, others):
    """|values - others| / |others|, all weights together."""
    errors = sum(np.sum(np.square(values[w] - others[w])) for w in others)
    return np.sqrt(errors / sum(np.sum(np.square(v)) for v in others.values()))


@pytest.mark.parametrize("name", SMALL)
def test_two_replicas_do_what_one_device_does(small, small_on_two, name):
    # In the first half of the batch most labels are missing, in the second a scene.
    one, two = small.apply(SMALL[name]), small_on_two.apply(SMALL[name])
    assert two.terms == pytest.approx(one.terms, abs=1e-5)
    assert one.gradients.keys() == two.gradients.keys()
    for weight, gradient in one.gradients.items():
        same(two.gradients[weight], gradient, weight)
    averages = [weight for weight in one.changed if weight.kind == "moving"]
    assert averages
    for weight in averages:
        same(two.values[weight], one.values[weight], weight)


def same(value, expected, what):
    np.testing.assert_allclose(value, expected, atol=1e-5, rtol=0, err_msg=str(what))
