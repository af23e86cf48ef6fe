"""The losses of AdaShare's policy stage, on networks one can compute."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import StageProgress
from mgm_tf.data.randomness import BatchRng
from mgm_tf.method.adashare import LearnPolicy, SampledPolicy, UnderPolicy
from mgm_tf.method.objectives import MultiTask
from mgm_tf.networks import adashare_policy
from tests import toy
from tests.hand_made import SIZE, examples, networks, ones

TASKS = ("depth", "edges")
BLOCKS = 4
SAMPLED = SampledPolicy(temperature=5.0, decay=0.5, curriculum=0.5)
MULTI_TASK = MultiTask(tuple((task.name, task) for task in toy.tasks_of(TASKS)))
WEIGHTS = UnderPolicy(MULTI_TASK, SAMPLED)
POLICY = LearnPolicy(WEIGHTS, sparsity=0.1, sharing=0.01)
LOGITS = tf.random.stateless_normal((2, BLOCKS, 2), (0, 1))


def at(progress, passes=0.0, count=2, **changes):
    """Examples of 0 m and no edges everywhere, so far into the stage."""
    case = examples(count, scenes=[0] * count, **changes)
    maps = dict.fromkeys(TASKS, tf.zeros((count, SIZE, SIZE, 1)))
    everywhere = dict.fromkeys(TASKS, tf.ones((count, SIZE, SIZE), bool))
    stage_progress = StageProgress(tf.constant(progress), tf.constant(passes))
    return dataclasses.replace(
        case, targets=maps, valid=everywhere, stage_progress=stage_progress
    )


# --- The sample ---------------------------------------------------------------------


def test_the_sample_is_that_of_the_temperature_after_whole_passes():
    # After 2.9 passes two are over: 5 / 2 / 2.
    case = at(progress=1.0, passes=2.9)
    uniform = tf.random.stateless_uniform(LOGITS.shape, case.rng.fold_in("policy").seed)
    expected = adashare_policy.sampled_usage(LOGITS, uniform, 1.25)
    np.testing.assert_allclose(SAMPLED.usage(LOGITS, case), expected, rtol=1e-6)


def test_the_usage_is_the_same_for_all_of_the_batch():
    # Two replicas, of a half of it each, use blocks alike.
    step = tf.constant(3)
    whole, *halves = (
        dataclasses.replace(at(1.0), rng=BatchRng.at(0, step, tf.constant(places), 4))
        for places in ([0, 1, 2, 3], [0, 1], [2, 3])
    )
    usage = SAMPLED.usage(LOGITS, whole)
    assert usage.shape == (2, BLOCKS)
    for half in halves:
        np.testing.assert_array_equal(SAMPLED.usage(LOGITS, half), usage)
    # Every step has a sample of its own, and so have tasks and blocks.
    later = dataclasses.replace(whole, rng=BatchRng.at(0, step + 1, tf.range(4), 4))
    assert not np.any(SAMPLED.usage(LOGITS, later) == usage)
    assert len(np.unique(usage)) == 2 * BLOCKS


@pytest.mark.parametrize(("progress", "used"), [(0.0, 3), (0.2, 2), (0.3, 1), (0.4, 0)])
def test_blocks_that_are_not_under_policy_yet_are_used(progress, used):
    # One is at first, then another with each eighth of the stage.
    usage = SAMPLED.usage(LOGITS, at(progress)).numpy()
    np.testing.assert_array_equal(usage[:, :used], np.ones((2, used)))
    assert np.all((usage[:, used:] > 0) & (usage[:, used:] < 1))
    mask = SAMPLED.under_policy(LOGITS, at(progress))
    np.testing.assert_array_equal(mask, np.arange(BLOCKS) >= used)


# --- The losses ---------------------------------------------------------------------


def networks_of(logits, seen=None):
    """E gives each task the sum of its usages; that is what is predicted."""

    def encoder(images, usage):
        if seen is not None:
            seen.append(usage)
        sums = tf.unstack(tf.reduce_sum(usage, axis=-1))
        return dict(zip(TASKS, sums, strict=True))

    def decoders(features):
        return {task: features[task] * ones(1) for task in TASKS}

    return networks(encoder=encoder, decoders=decoders, policy=lambda: logits)


def usages(case):
    """How much each task uses, of all blocks."""
    return tf.reduce_sum(SAMPLED.usage(LOGITS, case), axis=-1).numpy()


def test_the_weights_learn_under_the_sample():
    seen = []
    terms = WEIGHTS(networks_of(LOGITS, seen), at(0.3))
    assert tuple(terms) == WEIGHTS.terms == TASKS
    np.testing.assert_array_equal(seen[0], SAMPLED.usage(LOGITS, at(0.3)))
    # The absolute difference to 0 is the sum of the usages.
    np.testing.assert_allclose(list(terms.values()), usages(at(0.3)), rtol=1e-6)


def test_the_policy_learns_what_it_should_be_like_beside():
    case = at(0.3)
    terms = POLICY(networks_of(LOGITS), case)
    assert tuple(terms) == POLICY.terms == (*TASKS, "sparsity", "sharing")
    found = [terms[task].numpy() for task in TASKS]
    np.testing.assert_allclose(found, usages(case), rtol=1e-6)
    mask = SAMPLED.under_policy(LOGITS, case)
    expected = 0.1 * adashare_policy.sparsity(LOGITS, mask)
    assert terms["sparsity"].numpy() == pytest.approx(expected.numpy(), rel=1e-6)
    expected = 0.01 * adashare_policy.sharing(LOGITS, mask)
    assert terms["sharing"].numpy() == pytest.approx(expected.numpy(), rel=1e-6)


def test_equal_logits_by_hand():
    # Skipping is as likely as not, log 2 for each of two tasks, and both keep alike.
    terms = POLICY(networks_of(tf.fill((2, BLOCKS, 2), 0.5)), at(1.0))
    assert terms["sparsity"].numpy() == pytest.approx(0.1 * 2 * np.log(2), rel=1e-6)
    assert terms["sharing"].numpy() == 0


def test_what_tasks_share_by_hand():
    # At the start the last block alone is under policy, of weight 1/4: |1 - 4| / 4.
    keep = tf.constant([[0.0, 9.0, 0.0, 1.0], [5.0, 5.0, 5.0, 4.0]])
    logits = tf.stack([keep, tf.zeros((2, BLOCKS))], axis=-1)
    terms = POLICY(networks_of(logits), at(0.0))
    assert terms["sharing"].numpy() == pytest.approx(0.01 * 3 / 4, rel=1e-6)


def test_the_gradient_reaches_the_policy_of_the_blocks_that_are_under_it():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape(persistent=True) as tape:
        terms = POLICY(networks_of(logits), at(0.25))
    for name, term in terms.items():
        gradient = tape.gradient(term, logits).numpy()
        assert np.all(gradient[:, :1] == 0), name
        assert np.any(gradient[:, 2:] != 0), name
    # A task's loss asks for a policy of its own task.
    gradient = tape.gradient(terms["edges"], logits).numpy()
    assert np.all(gradient[0] == 0) and np.any(gradient[1] != 0)


def test_both_learn_of_different_samples():
    # Updates have draws of their own: the weights' and the policy's samples differ.
    first, second = (
        dataclasses.replace(at(1.0), rng=at(1.0).rng.fold_in(f"update {number}"))
        for number in (0, 1)
    )
    assert not np.any(SAMPLED.usage(LOGITS, first) == SAMPLED.usage(LOGITS, second))


def test_names():
    for loss in (WEIGHTS, POLICY):
        assert loss.networks == ("encoder", "decoders", "policy")
        assert not loss.reads_scenes
