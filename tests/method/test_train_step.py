"""The training step: what its updates see and draw, and how `fit` runs it."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.examples import StageSpan
from mgm_tf.method.algorithm import Average, algorithm_1, networks_of
from mgm_tf.method.objectives import Objective
from mgm_tf.method.passes import Forward
from mgm_tf.method.rates import RateSchedule
from mgm_tf.method.stages import with_moving_statistics
from mgm_tf.method.train_step import MGM, follow
from tests import rig, toy
from tests.toy_networks import Z_DIM, small_networks

UPDATES = with_moving_statistics(
    algorithm_1(toy.method(toy.ALL_TASKS, latent_size=Z_DIM)), "everywhere"
)
NAMES = [row.name for row in UPDATES]
ROWS = {row.name: row for row in UPDATES}


@pytest.fixture(scope="module")
def alone():
    return rig.Rig(tf.distribute.get_strategy(), toy.ALL_TASKS, small_networks)


@dataclasses.dataclass
class Witness:
    """An update's loss that keeps what it is called with."""

    loss: Objective
    seen: list

    @property
    def terms(self):
        return self.loss.terms

    @property
    def networks(self):
        return self.loss.networks

    def __call__(self, networks, examples):
        self.seen.append((examples, networks))
        return self.loss(Listening(networks, self.seen), examples)


class Listening:
    """Networks that keep the latent vectors that the generator is given."""

    def __init__(self, networks, seen):
        self._networks = networks
        self._seen = seen

    def __getattr__(self, name):
        return getattr(self._networks, name)

    def generator(self, z, condition):
        examples, _ = self._seen.pop()
        self._seen.append((examples, z.numpy()))
        return self._networks.generator(z, condition)


def model_of(some_rig, updates, learning_rate=1e-3):
    some_rig.reset()
    optimizers = rig.optimizers_of(some_rig.networks, updates, rate=learning_rate)
    reader = toy.reader(toy.ALL_TASKS)
    return MGM(some_rig.networks, updates, reader, optimizers)


def witnessed(some_rig, step=0, learning_rate=1e-3):
    """A step; for every update its examples and the latent vectors of G, if it ran."""
    seen = []
    updates = tuple(
        dataclasses.replace(row, loss=Witness(row.loss, seen)) for row in UPDATES
    )
    model = model_of(some_rig, updates, learning_rate)
    model.train_step(toy.raw_batch(toy.ALL_TASKS, step))
    return seen


@pytest.fixture(scope="module")
def step_0(alone):
    """What the updates of the first step see and draw."""
    return dict(zip(NAMES, witnessed(alone), strict=True))


@pytest.fixture(scope="module")
def still_0(alone):
    """What they see and draw while the networks stand still."""
    return witnessed(alone, learning_rate=0.0)


def test_both_weak_updates_see_the_same_images(step_0):
    (first, _), (second, _) = step_0["refine_weak"], step_0["self_supervise_weak"]
    real, _ = step_0["multi_task"]
    assert first.images is second.images
    assert first.images.shape == real.images.shape
    assert np.abs(first.images).max() <= 1
    assert not first.targets and not first.valid
    # c~: the labels of the minibatch; where there is none, another's.
    known = [0, 1, 3]
    conditions = [tf.gather(e.condition, known) for e in (first, real)]
    np.testing.assert_array_equal(*conditions)
    assert np.sum(first.condition[2]) == 1 and np.sum(real.condition[2]) == 0


def test_weak_images_are_those_of_the_generator_as_it_is_by_then(alone, step_0):
    weak = step_0["refine_weak"][0].images
    model = model_of(alone, UPDATES[: NAMES.index("refine_weak")])
    batch = toy.raw_batch(toy.ALL_TASKS)
    examples = model.reader(batch)
    images = ROWS["refine_weak"].images
    before = images(Forward(alone.networks, ()), examples).images
    model.train_step(batch)
    after = images(Forward(alone.networks, ()), examples).images
    np.testing.assert_array_equal(weak, after)
    assert np.abs(weak - before).max() > 1e-3


def draws_of(seen):
    """For every update the numbers it would draw, and G's latent vectors where it ran.

    The networks stand still: what differs between latent vectors is their noise.
    """
    numbers = [examples.rng.normal().numpy() for examples, _ in seen]
    return numbers + [z for _, z in seen if isinstance(z, np.ndarray)]


def test_every_update_draws_its_own_numbers(still_0):
    rng = draws_of(still_0)
    # Nine updates, four of which generate.
    assert len(rng) == 9 + 4
    assert len({tuple(d.flat) for d in rng}) == len(rng)


def test_draws_are_a_function_of_the_step(alone, still_0):
    first = draws_of(still_0)
    again, other = (
        draws_of(witnessed(alone, step, learning_rate=0.0)) for step in (0, 1)
    )
    for number, repeated, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(number, repeated)
        assert not np.any(number == different)


def test_a_repeated_step_gives_the_same_bits(alone):
    results = []
    for _ in range(2):
        model = model_of(alone, UPDATES)
        logs = model.train_step(toy.raw_batch(toy.ALL_TASKS))
        values = [variable.numpy() for variable in alone.weights.values()]
        results.append([*values, *(float(value) for value in logs.values())])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def gradients_of(some_rig, compute):
    """Per network, whether the gradient of `compute(networks, examples)` reaches it."""
    some_rig.reset()
    examples = toy.reader(toy.ALL_TASKS)(toy.raw_batch(toy.ALL_TASKS))
    weights = {n: w.trainable_variables for n, w in some_rig.networks.items()}
    with tf.GradientTape() as tape:
        values = compute(Forward(some_rig.networks, ()), examples)
        total = tf.add_n([tf.reduce_sum(v) for v in tf.nest.flatten(values)])
    gradients = tape.gradient(total, weights)
    return {n for n, g in gradients.items() if any(v is not None for v in g)}


def test_synthesized_images_are_constants(alone):
    def weak_loss(networks, examples):
        row = ROWS["refine_weak"]
        return row.loss(networks, row.images(networks, examples))

    assert gradients_of(alone, weak_loss) == {"encoder", "decoders", "refiner"}


def test_the_discriminator_learns_of_constants(alone):
    assert gradients_of(alone, ROWS["discriminate"].loss) == {"discriminator"}
    reached = {"discriminator", "generator", "embedding", "encoder"}
    assert gradients_of(alone, ROWS["generate"].loss) == reached


def test_a_loss_that_does_not_reach_a_network_is_an_error(alone):
    row = dataclasses.replace(ROWS["refine"], trains=("refiner", "generator"))
    model = model_of(alone, (row,))
    message = "Update 'refine' trains 'generator', but its loss does not depend on"
    with pytest.raises(ValueError, match=message):
        model.train_step(toy.raw_batch(toy.ALL_TASKS))


def test_metrics_are_the_means_of_all_terms(alone):
    model = model_of(alone, UPDATES[:2], learning_rate=0.0)
    logs = model.train_step(toy.raw_batch(toy.ALL_TASKS))
    names = [f"multi_task/{name}" for name in toy.ALL_TASKS] + ["refine/cross_entropy"]
    assert list(logs) == names
    first = {name: float(value) for name, value in logs.items()}
    # Without learning the loss of the same batch stays, and so does its mean.
    again = model.train_step(toy.raw_batch(toy.ALL_TASKS))
    assert {n: float(v) for n, v in again.items()} == pytest.approx(first, rel=1e-6)
    model.reset_metrics()
    assert not any(metric.result() for metric in model.metrics)


def test_rates_are_scaled_by_the_schedule_and_m_by_its_factor(alone):
    """Plain descent: what a step changes is the gradient times all of them."""
    row = ROWS["refine"]

    def change(schedule, factor):
        alone.reset()
        update = dataclasses.replace(row, factor=factor)
        optimizers = rig.optimizers_of(alone.networks, (update,), rig.Descent, 0.5)
        model = MGM(
            alone.networks,
            (update,),
            # The step 3 of 12.
            dataclasses.replace(toy.reader(toy.ALL_TASKS), span=StageSpan(0, 12)),
            optimizers,
            rate_schedule=schedule,
        )
        weights = {n: alone.networks[n].trainable_variables[0] for n in row.trains}
        before = {name: weight.numpy() for name, weight in weights.items()}
        model.train_step(toy.raw_batch(toy.ALL_TASKS, 3))
        return {n: weight.numpy() - before[n] for n, weight in weights.items()}

    usual = change(RateSchedule(), 1.0)
    # A quarter is done, which is half of the warm-up.
    scaled = change(RateSchedule(warmup=0.5), 0.1)
    assert row.trains == ("refiner", "encoder")
    close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-7)
    close(scaled["refiner"], 0.5 * usual["refiner"])
    close(scaled["encoder"], 0.1 * 0.5 * usual["encoder"])
    assert all(np.abs(value).max() > 1e-5 for value in usual.values())


def test_an_average_moves_a_step_towards_what_it_follows():
    names = ("generator", "average_generator")
    made = tiny_pair()
    before = [[w.numpy() for w in made[name].trainable_variables] for name in names]
    follow(made[names[0]], made[names[1]], Average(*names, decay=0.75))
    after = [w.numpy() for w in made[names[1]].trainable_variables]
    for value, mean, now in zip(*before, after, strict=True):
        np.testing.assert_allclose(now, 0.75 * mean + 0.25 * value, atol=1e-6)
    # What is no weight is taken over: spectral vectors, moving averages.
    states = (made[name].non_trainable_variables for name in names)
    for value, copy in zip(*states, strict=True):
        np.testing.assert_array_equal(value, copy)


def tiny_pair():
    """A generator and what follows it, whose weights and states differ."""
    made = toy.tiny_networks(("depth",), names=("generator", "average_generator"))
    random = np.random.default_rng(5)
    for variable in made["generator"].variables:
        variable.assign(random.standard_normal(variable.shape))
    return made


def test_what_is_frozen_works_as_at_test_time(alone):
    alone.reset()
    images = tf.random.stateless_uniform((4, toy.SIZE, toy.SIZE, 3), (0, 0), -1, 1)
    frozen = Forward(alone.networks, (), ("encoder",))
    at_test = alone.networks["encoder"](images, training=False)
    np.testing.assert_array_equal(frozen.encoder(images), at_test)
    assert np.any(Forward(alone.networks, ()).encoder(images) != at_test)


def test_a_call_predicts(alone):
    model = model_of(alone, UPDATES)
    images = tf.random.stateless_uniform((2, toy.SIZE, toy.SIZE, 3), (0, 0), -1, 1)
    predictions = model(images)
    assert list(predictions) == list(toy.ALL_TASKS)
    features = alone.networks["encoder"](images, training=False)
    for task in toy.tasks_of(toy.ALL_TASKS):
        shape = (2, toy.SIZE, toy.SIZE, task.output_channels)
        assert predictions[task.name].shape == shape
    expected = alone.networks["decoders"](features, training=False)
    np.testing.assert_array_equal(predictions["depth"], expected["depth"])


def test_fit_runs_on_two_replicas():
    # As a graph, which takes long to make: a few updates stand for all, those among
    # them that do more on replicas than to add up gradients. So do a few tasks, each
    # of which has a gradient and projections of its own.
    tasks = ("segmentation", "depth", "normals")
    method = toy.method(
        tasks,
        latent_size=Z_DIM,
        generator_average=0.9,
        gradient_surgery="pcgrad",
    )
    rows = {row.name: row for row in algorithm_1(method)}
    updates = with_moving_statistics(
        tuple(rows[name] for name in ("multi_task", "generate", "refine_weak")),
        "everywhere",
    )
    strategy = rig.two_replicas()
    with strategy.scope():
        made = small_networks(tasks)
        networks = {name: made[name] for name in networks_of(updates)}
        optimizers = rig.optimizers_of(networks, updates)
        model = MGM(networks, updates, toy.reader(tasks), optimizers)
        model.compile(optimizer=None)
    history = model.fit(dataset(tasks, steps=2), shuffle=False, verbose=0).history
    terms = [f"{row.name}/{term}" for row in updates for term in row.loss.terms]
    assert set(history) == set(terms)
    assert np.isfinite(list(history.values())).all()
    # Two steps, each of which trains E three times.
    taken = {key: int(o.iterations.numpy()) for key, o in optimizers.items()}
    assert taken["multi_task", "encoder"] == 6
    assert taken["generate", "generator"] == 2


def dataset(tasks: tuple[str, ...], steps: int) -> tf.data.Dataset:
    batches = [toy.raw_batch(tasks, step) for step in range(steps)]
    stacked = tf.nest.map_structure(lambda *values: tf.stack(values), *batches)
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    return tf.data.Dataset.from_tensor_slices(stacked).with_options(options)
