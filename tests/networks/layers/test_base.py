import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.base import (
    CompositeLayer,
    CompositeModel,
    state_variable,
)
from tests.rig import two_replicas


class InList(CompositeLayer):
    def __init__(self):
        super().__init__()
        self.steps = [keras.layers.Dense(2), keras.layers.Dense(3)]

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return inputs


class InDict(CompositeModel):
    def __init__(self):
        super().__init__()
        self.parts = {"first": InList(), "second": keras.layers.Dense(1)}

    def call(self, inputs):
        return self.parts["second"](self.parts["first"](inputs))


@pytest.fixture
def model():
    model = InDict()
    model(tf.ones((1, 4)))
    return model


def test_variables_are_those_of_the_parts(model):
    shapes = [tuple(variable.shape) for variable in model.variables]
    assert sorted(shapes) == [(1,), (2,), (2, 3), (3,), (3, 1), (4, 2)]


def test_checkpoints_hold_parts_in_lists_and_dicts(model, tmp_path):
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    before = [variable.numpy() for variable in model.variables]
    for variable in model.variables:
        variable.assign_add(tf.ones_like(variable))
    tf.train.Checkpoint(model=model).restore(path).assert_consumed()
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_every_replica_assigns_its_own_state_and_the_first_stands_for_all():
    strategy = two_replicas()
    with strategy.scope():
        value = state_variable((1,), "zeros", "value")

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        value.assign([5.0 + tf.cast(replica, tf.float32)])

    tf.function(lambda: strategy.run(step))()
    copies = strategy.experimental_local_results(value.value)
    assert [float(copy[0]) for copy in copies] == [5.0, 6.0]
    assert value.numpy().tolist() == [5.0]


def test_state_is_no_weight():
    assert not state_variable((1,), "ones", "value").trainable
