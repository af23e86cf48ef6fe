"""What each update does: it changes what it names, on replicas as on one device."""

import dataclasses
import functools
import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.adashare import LearnPolicy
from mgm_tf.method.algorithm import REFINEMENT, SELF_SUPERVISION, WEAK_ROWS
from mgm_tf.method.objectives import MultiTask
from mgm_tf.method.stages import (
    MOVING_STATISTICS,
    stage_updates,
    with_moving_statistics,
)
from mgm_tf.networks.sharing import SHARING
from tests import rig, toy
from tests.toy_networks import Z_DIM, small_networks

OTHERS = ("synthesizer_1", "synthesizer_2")
GROUPS = ("segmentation+depth", "depth")
ALONE = ("none", "none", "none")

# What is no row of the tables: a change to the full method each.
CHANGES = {
    "latent": {"em": "latent"},
    "uncertainty": {"task_weighting": "uncertainty"},
    "pcgrad": {"gradient_surgery": "pcgrad"},
    "diffaugment": {"discriminator_augmentation": "diffaugment"},
    "average": {"generator_average": 0.9},
    "ratio": {"synthesis_ratio": 2.0},
}
DECAY = CHANGES["average"]["generator_average"]

# --- The updates --------------------------------------------------------------------


def updates_of(method, rule="home"):
    """All updates of a method, those of its stages included."""
    for updates in stage_updates(method).values():
        yield from with_moving_statistics(updates, rule, method.frozen)


def distinct(*variants):
    """The updates of variants, by what they do; what several share is there once.

    Args:
      variants: (name, method, rule of the moving statistics) each.
    """
    found = {}
    for name, method, rule in variants:
        for row in updates_of(method, rule):
            what = f"{row.name} by {type(row.loss).__name__}: {'+'.join(row.trains)}"
            found.setdefault(row, f"{what} ({name}, {rule})")
    by_name = {name: row for row, name in found.items()}
    assert len(by_name) == len(found)
    return by_name


def tables(tasks, size):
    """The variants that are rows of the tables."""
    methods = itertools.product(WEAK_ROWS, REFINEMENT, SELF_SUPERVISION)
    for choice, rule in itertools.product(methods, MOVING_STATISTICS):
        method = toy.method(tasks, *choice, synthesizers=OTHERS, latent_size=size)
        yield "-".join(choice), method, rule


def changes(tasks, size):
    """The full method, and the variants that are none of the tables."""
    for name, change in {"mgm": {}, **CHANGES}.items():
        yield name, toy.method(tasks, latent_size=size, **change), "home"


def alone(**changes):
    """The multi-task network without anything else."""
    return toy.method(toy.TWO_TASKS, *ALONE, **changes)


def adashare():
    """With a policy to learn."""
    return dataclasses.replace(alone(), policy=toy.policy(alone().multi_task))


def task_grouping():
    """All predictions of the groups are trained."""
    names = SHARING["task_grouping"].outputs(toy.TWO_TASKS, GROUPS)
    outputs = tuple((key, *toy.tasks_of([task])) for key, task in names)
    return dataclasses.replace(alone(), multi_task=MultiTask(outputs))


# --- The networks -------------------------------------------------------------------


def everything(tasks):
    """All networks of a run whose tasks share one encoder."""
    names = ("reconstructor", "generator", "average_generator", "task_weights")
    further = toy.tiny_networks(tasks, names=names, task_weights="uncertainty")
    return further | toy.tiny_networks(tasks)


def sharing(key):
    """Makes the multi-task network of a row of the table."""
    return functools.partial(
        toy.tiny_networks, names=(), sharing=key, groups=GROUPS, costs=()
    )


def with_policy(tasks):
    """The multi-task network, of which every task uses all blocks as yet."""
    made = sharing("adashare")(tasks)
    made["policy"].logits.assign(tf.fill(made["policy"].logits.shape, 0.5))
    return made


def with_record(tasks):
    """The multi-task network, and what notes its losses."""
    return toy.tiny_networks(tasks, names=("task_weights",), task_weights="dwa")


MGM = {row.name: row for row in updates_of(toy.method(toy.TWO_TASKS))}


@dataclasses.dataclass(frozen=True)
class Subject:
    """Networks, and the updates that are applied to them."""

    make: object
    updates: dict
    tasks: tuple = toy.TWO_TASKS


SUBJECTS = {
    # Every update there is; small networks take little time.
    "small": Subject(
        small_networks,
        distinct(*tables(toy.ALL_TASKS, Z_DIM), *changes(toy.ALL_TASKS, Z_DIM)),
        toy.ALL_TASKS,
    ),
    # The real ones, narrow.
    "sagan": Subject(
        everything,
        distinct(
            *changes(toy.TWO_TASKS, toy.Z_DIM),
            (
                "reconstruction",
                toy.method(toy.TWO_TASKS, self_supervision="reconstruction"),
                "home",
            ),
            ("peoe", toy.method(toy.TWO_TASKS, refinement="peoe"), "home"),
        ),
    ),
    "dcgan": Subject(
        toy.tiny_dcgan_networks, {n: MGM[n] for n in ("discriminate", "generate")}
    ),
    "dwa": Subject(with_record, distinct(("dwa", alone(task_weighting="dwa"), "home"))),
    "cross-stitch": Subject(sharing("cross_stitch"), {"multi_task": MGM["multi_task"]}),
    "adashare": Subject(with_policy, distinct(("adashare", adashare(), "home"))),
    "task grouping": Subject(
        sharing("task_grouping"), distinct(("groups", task_grouping(), "home"))
    ),
}
CASES = [(name, row) for name, subject in SUBJECTS.items() for row in subject.updates]

ONE = tf.distribute.get_strategy()
TWO = rig.two_replicas()


@pytest.fixture(scope="module")
def rig_of():
    """(subject, strategy) -> its rig."""

    def make(name, strategy=ONE):
        return rig.Rig(strategy, SUBJECTS[name].tasks, SUBJECTS[name].make)

    return functools.cache(make)


# --- On one device ------------------------------------------------------------------


def test_the_updates_of_all_variants_are_among_them():
    assert len(MGM) == 7
    # The generator of the second stage trains less and goes by the same name.
    assert MGM["generate"].trains == ("generator", "encoder", "embedding")
    small = SUBJECTS["small"].updates
    name = "generate by Generate: generator+embedding (synthetic-eml-simclr, home)"
    assert small[name].trains == ("generator", "embedding")
    images = {type(row.images).__name__ for row in small.values()}
    assert images == {
        "RealImages",
        "Synthetic",
        "Combined",
        "Annotated",
        "ExtraImages",
    }
    # AdaShare: that of its first stage, and the two of the policy's.
    assert len(SUBJECTS["adashare"].updates) == 3
    assert len(SUBJECTS["dwa"].updates) == len(SUBJECTS["task grouping"].updates) == 1


@pytest.mark.parametrize(("name", "update"), CASES)
def test_an_update_changes_exactly_what_it_names(rig_of, name, update):
    # After a pass of the examples, when records of the losses move as well.
    check(rig_of(name), SUBJECTS[name].updates[update], step=1)


def check(some_rig, update, **given):
    """Applies an update; it changes exactly what it is to change, bit for bit."""
    outcome = some_rig.apply(update, **given)
    expected = {w for w in some_rig.weights if rig.is_to_change(update, w)}
    idle = without_effect(some_rig)
    assert expected
    assert not outcome.changed - expected
    assert not expected - outcome.changed - idle
    return outcome


def without_effect(some_rig):
    """Weights that may stay: constants that a later operation takes away again.

    A bias that a normalisation follows, or the softmax over the keys of an attention,
    has a gradient of rounding errors alone; u of a single output is always 1.
    """
    normalised = re.compile(
        "(decoders|reconstructor)/.*/stage.*/bias|embedding/.*/bias|"
        ".*/self_attention.*/key/bias|generator/(generator_block|self_attention).*/bias"
    )
    idle = {
        weight
        for weight, variable in some_rig.weights.items()
        if normalised.fullmatch(weight.name)
        or (variable.name == "u" and variable.shape == (1,))
    }
    assert len(idle) < 0.1 * len(some_rig.weights)
    return idle


def test_what_is_frozen_stays(rig_of):
    # Table 11: a decoder on the features of E as it is. It is one update in all stages
    # and by all rules.
    method = alone(frozen=("encoder",))
    (row,) = {row for rule in MOVING_STATISTICS for row in updates_of(method, rule)}
    assert row.trains == row.advances == ("decoders",)
    outcome = check(rig_of("dcgan"), row, frozen=method.frozen)
    assert {weight.network for weight in outcome.changed} == {"decoders"}


# --- On two replicas ----------------------------------------------------------------


@pytest.fixture(scope="module")
def sagan_on_two():
    # The first of the networks of the rig on one device, and the same weights.
    return rig.Rig(TWO, toy.TWO_TASKS, toy.tiny_networks)


@pytest.mark.parametrize("name", MGM)
def test_so_it_does_on_two_replicas(rig_of, sagan_on_two, name):
    two = check(sagan_on_two, MGM[name])
    agree_roughly(two, rig_of("sagan").apply(MGM[name]))


def agree_roughly(two, one):
    # In float32 these networks agree roughly: they make rounding errors a thousandfold,
    # and more where a ReLU turns over. A sum that replicas forget to share changes a
    # gradient by as much as there is of it.
    assert two.terms == pytest.approx(one.terms, rel=1e-2, abs=1e-3)
    assert distance(two.gradients, one.gradients) < 0.1


def distance(values, others):
    """|values - others| / |others|, all weights together."""
    errors = sum(np.sum(np.square(values[w] - others[w])) for w in others)
    return np.sqrt(errors / sum(np.sum(np.square(v)) for v in others.values()))


def test_replicas_draw_one_policy(rig_of):
    rows = {type(row.loss): row for row in SUBJECTS["adashare"].updates.values()}
    two, one = (
        check(rig_of("adashare", strategy), rows[LearnPolicy], step=1)
        for strategy in (TWO, ONE)
    )
    agree_roughly(two, one)


# (name of an update, the method is the full one but for this)
VARIANTS = (
    # A batch has another number of weakly labelled images.
    ("refine_weak", {"weak": "real"}),
    ("self_supervise_weak", {"weak": "real"}),
    ("multi_task_weak", {"weak": "oracle"}),
    ("self_supervise", {"self_supervision": "reconstruction"}),
    # Of the last turn, half of the examples.
    ("self_supervise_weak", {"synthesis_ratio": 1.5}),
    ("multi_task", CHANGES["uncertainty"]),
    ("multi_task", CHANGES["pcgrad"]),
    ("generate", CHANGES["diffaugment"]),
    ("generate", CHANGES["average"]),
)


def on_both():
    """The full method's updates on small networks, and others, by name."""
    named = {}
    for name, change in ((None, {}), *VARIANTS):
        method = toy.method(toy.ALL_TASKS, latent_size=Z_DIM, **change)
        # By this rule, every pass moves averages.
        rows = {row.name: row for row in updates_of(method, "everywhere")}
        named |= {f"{name}, {described(change)}": rows[name]} if name else rows
    return named


def described(change):
    return ", ".join(f"{setting}={value}" for setting, value in change.items())


BOTH = on_both()


@pytest.mark.parametrize("name", BOTH)
def test_two_replicas_do_what_one_device_does(rig_of, name):
    # In the first half of the batch most labels are missing, in the second a scene.
    one, two = (rig_of("small", each).apply(BOTH[name]) for each in (ONE, TWO))
    agree(two, one)
    assert any(weight.kind == "moving" for weight in one.changed)


def agree(two, one):
    assert two.terms == pytest.approx(one.terms, abs=1e-5)
    assert one.gradients.keys() == two.gradients.keys()
    for weight, gradient in one.gradients.items():
        same(two.gradients[weight], gradient, weight)
    for weight in one.changed:
        if weight.kind in ("moving", "record"):
            same(two.values[weight], one.values[weight], weight)


def same(value, expected, what):
    np.testing.assert_allclose(value, expected, atol=1e-5, rtol=0, err_msg=str(what))


def test_two_replicas_find_the_latent_predictions_of_one_device(rig_of):
    method = toy.method(toy.ALL_TASKS, latent_size=Z_DIM, **CHANGES["latent"])
    rows = {row.name: row for row in updates_of(method)}
    one, two = (rig_of("small", each).apply(rows["refine_weak"]) for each in (ONE, TWO))
    # Where an absolute difference is almost 0, rounding decides on its slope.
    agree_roughly(two, one)


def test_losses_are_noted_on_two_replicas_as_on_one():
    make = functools.partial(small_networks, task_weights="dwa")
    row = next(updates_of(toy.method(toy.ALL_TASKS, *ALONE, task_weighting="dwa")))
    # In this step a pass is over.
    one, two = (
        rig.Rig(strategy, toy.ALL_TASKS, make).apply(row, step=1)
        for strategy in (ONE, TWO)
    )
    agree(two, one)
    noted = {w.name.split("/")[-1] for w in one.changed if w.kind == "record"}
    assert noted == {"last", "before_last", "present", "sums", "number"}


@pytest.mark.parametrize("strategy", [ONE, TWO], ids=["one", "two"])
def test_an_average_follows_its_network(rig_of, strategy):
    some_rig = rig_of("small", strategy)
    outcome = some_rig.apply(BOTH[f"generate, {described(CHANGES['average'])}"])
    followers = [w for w in some_rig.weights if w.network == "average_generator"]
    for weight in followers:
        value = outcome.values[dataclasses.replace(weight, network="generator")]
        if weight.kind == "trainable":
            value = DECAY * some_rig.start[weight] + (1 - DECAY) * value
        np.testing.assert_allclose(outcome.values[weight], value, rtol=1e-5)
