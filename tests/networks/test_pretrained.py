"""Trained networks put together, of parts that note how they are called."""

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.pretrained import Annotator, Synthesizer

IMAGES = tf.random.stateless_uniform((3, 4, 4, 3), (0, 1), -1.0, 1.0)
NOISE = tf.random.stateless_normal((3, 2), (0, 2))
CONDITION = tf.one_hot([0, 2, 1], 3)


class Part(CompositeModel):
    """A network of one weight that keeps `training` of its calls."""

    def __init__(self, function, name):
        super().__init__(name=name)
        self.function = function
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.seen = []
        self.built = True

    def call(self, *inputs, training=False):
        self.seen.append(training)
        return self.function(self.scale * inputs[0], *inputs[1:])


def encoder():
    return Part(lambda images: tf.reduce_mean(images, axis=(1, 2))[:, :2], "encoder")


def embedding():
    return Part(lambda features: 10 * features, "embedding")


def generator():
    def paint(z, condition):
        return tf.concat([z, condition], axis=-1)[:, None, None]

    return Part(paint, "generator")


def test_an_oracle_predicts_as_at_test_time():
    parts = encoder(), Part(lambda features: {"depth": features - 1}, "decoders")
    oracle = Annotator(*parts)
    assert oracle.name == "oracle"
    for training in (False, True):
        found = oracle(IMAGES, training=training)
        expected = tf.reduce_mean(IMAGES, axis=(1, 2))[:, :2] - 1
        np.testing.assert_allclose(found["depth"], expected, rtol=1e-6)
    assert all(part.seen == [False, False] for part in parts)


def painted(synthesizer, training=False):
    made = synthesizer(IMAGES, NOISE, CONDITION, training=training)[:, 0, 0]
    np.testing.assert_array_equal(made[:, 2:], CONDITION)
    return made[:, :2].numpy()


def test_a_guided_generator_has_the_embedding_of_its_own_encoder():
    synthesizer = Synthesizer(encoder(), embedding(), generator())
    z = NOISE + 10 * tf.reduce_mean(IMAGES, axis=(1, 2))[:, :2]
    np.testing.assert_allclose(painted(synthesizer), z, rtol=1e-5)


def test_a_generator_of_noise_has_noise():
    parts = encoder(), generator()
    synthesizer = Synthesizer(parts[0], None, parts[1])
    np.testing.assert_array_equal(painted(synthesizer), NOISE)
    assert not parts[0].seen


def test_all_parts_work_as_the_synthesizer_does():
    parts = encoder(), embedding(), generator()
    synthesizer = Synthesizer(*parts)
    for training in (True, False):
        painted(synthesizer, training)
    assert all(part.seen == [True, False] for part in parts)


def test_weights_are_those_of_the_parts():
    parts = encoder(), embedding(), generator()
    for whole in (Synthesizer(*parts), Annotator(*parts[:2])):
        assert isinstance(whole, keras.Model) and whole.built
        own = {id(variable) for variable in whole.trainable_variables}
        known = {id(part.scale) for part in parts}
        assert own and own <= known
