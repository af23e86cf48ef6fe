import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks.layers.composite import CompositeLayer, CompositeModel


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
