"""What holds for every network, whichever rows of the tables it comes from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.networks import (
    DECODERS,
    ENCODERS,
    FIGURE_2,
    GENERATORS,
    TASK_WEIGHTS,
    build_networks,
)
from mgm_tf.networks import parameter_counts as counts
from mgm_tf.networks.layers.batch_normalization import advancing_statistics
from mgm_tf.networks.layers.convolution import scaled
from mgm_tf.networks.layers.spectral_normalization import (
    SpectralLayer,
    advance_power_iterations,
)
from tests.rig import two_replicas

TASKS = {"segmentation": 5, "depth": 1, "normals": 3}
CLASSES = 4
SIZE = 64
NAMES = list(FIGURE_2)
# Of few layers where the row is of another network: building takes most of the time.
SHORT = {"encoder": "resnet10"}
ROWS = {
    "sagan": {},
    "dcgan": {"gan": "dcgan"} | SHORT,
    "taskonomy": {"decoder": "taskonomy"} | SHORT,
    "resnet34": {"encoder": "resnet34"},
    "stride_32": {"output_stride": 32} | SHORT,
}


def build(**settings):
    keras.utils.set_random_seed(settings.pop("seed", 0))
    tiny = {"image_size": SIZE, "width": 0.125}
    return build_networks(TASKS, CLASSES, **(tiny | settings))


def small(**settings):
    return build(**SHORT, **settings)


@pytest.fixture(scope="module")
def whole():
    """All networks, not to be changed."""
    return small()


@pytest.fixture(scope="module")
def of_another_seed():
    """All networks of another seed, not to be changed but by `emptied`."""
    return small(seed=1)


@pytest.fixture
def emptied(of_another_seed):
    """The networks of another seed, of zeros, for a test to fill."""
    values = {name: net.get_weights() for name, net in of_another_seed.items()}
    for name, network in of_another_seed.items():
        network.set_weights([np.zeros_like(value) for value in values[name]])
    yield of_another_seed
    for name, network in of_another_seed.items():
        network.set_weights(values[name])


def data():
    images = tf.random.stateless_uniform((4, SIZE, SIZE, 3), (0, 1), -1.0, 1.0)
    z = tf.random.stateless_normal((4, 128), (2, 3))
    return images, z, tf.one_hot([0, 1, 2, 3], CLASSES)


def run(networks, training=False):
    """The outputs of all networks."""
    images, z, condition = data()
    call = {name: _with(network, training) for name, network in networks.items()}
    features = call["encoder"](images)
    predictions = call["decoders"](features)
    fakes = call["generator"](z, condition)
    return {
        "encoder": features,
        "decoders": predictions,
        "refiner": call["refiner"](predictions),
        "projector": call["projector"](features),
        "embedding": call["embedding"](features),
        "generator": fakes,
        "discriminator": call["discriminator"](images, condition),
    }


def _with(network, training):
    return lambda *inputs: network(*inputs, training=training)


@pytest.fixture(scope="module", params=ROWS)
def networks(request):
    return build(**ROWS[request.param])


def test_rows_cover_the_tables():
    covered = {value for row in ROWS.values() for value in row.values()}
    covered |= {"resnet18", "taskgrouping", "sagan"}
    assert {*ENCODERS, *DECODERS, *GENERATORS} <= covered


def test_names_and_shapes(networks):
    assert list(networks) == NAMES
    assert [network.name for network in networks.values()] == NAMES
    outputs = run(networks)
    assert outputs["encoder"].shape[-1] == scaled(360, 0.125)
    for task, channels in TASKS.items():
        assert outputs["decoders"][task].shape == (4, SIZE, SIZE, channels)
    assert outputs["refiner"].shape == (4, CLASSES)
    assert outputs["projector"].shape == (4, 128)
    assert outputs["embedding"].shape == (4, 128)
    assert outputs["generator"].shape == (4, SIZE, SIZE, 3)
    assert outputs["discriminator"].shape == (4,)
    assert float(tf.reduce_max(tf.abs(outputs["generator"]))) <= 1.0
    for value in tf.nest.flatten(outputs):
        assert value.dtype == tf.float32
        assert np.isfinite(value).all()


def open_attention(networks):
    """While sigma is 0, what is inside of the attention has no say."""
    for name in ("generator", "discriminator"):
        if hasattr(networks[name], "attention"):
            networks[name].attention.sigma.assign(0.5)


# A bias before a normalisation by the batch moves nothing but the mean it takes off.
WITHOUT_EFFECT = {
    "decoders": lambda path: "stage" in path and path.endswith("bias"),
    "generator": lambda path: (
        path.endswith("bias") and "attention" not in path and "output" not in path
    ),
    "embedding": lambda path: path.endswith("dense/bias"),
}


def test_gradients_reach_every_variable(networks):
    open_attention(networks)
    with tf.GradientTape() as tape:
        outputs = run(networks, training=True)
        score = tf.add_n([tf.reduce_sum(v**2) for v in tf.nest.flatten(outputs)])
    variables = {name: net.trainable_variables for name, net in networks.items()}
    gradients = tape.gradient(
        score, {name: [v.value for v in group] for name, group in variables.items()}
    )
    for name, group in variables.items():
        for variable, gradient in zip(group, gradients[name], strict=True):
            assert gradient is not None, variable.path
            assert np.isfinite(gradient).all(), variable.path
            expected_zero = WITHOUT_EFFECT.get(name, lambda path: False)
            if not expected_zero(variable.path):
                assert np.any(gradient), variable.path


def changed(networks, action):
    before = {n: [v.numpy() for v in net.variables] for n, net in networks.items()}
    action()
    return {
        variable.path
        for name, network in networks.items()
        for value, variable in zip(before[name], network.variables, strict=True)
        if not np.array_equal(value, variable)
    }


def test_calls_alone_change_nothing(networks):
    assert not changed(networks, lambda: run(networks, training=True))


def test_advancing_moves_all_statistics_and_nothing_else(networks):
    def action():
        with advancing_statistics(True):
            run(networks, training=True)

    paths = {v.path for net in networks.values() for v in net.variables}
    assert changed(networks, action) == {path for path in paths if "/moving_" in path}


def test_power_iterations_move_all_vectors_and_nothing_else(networks):
    def action():
        # Twice: the first step finds v where it starts.
        for network in [*networks.values()] * 2:
            advance_power_iterations(network)

    layers = [layer for net in networks.values() for layer in net._flatten_layers()]
    spectral = [layer for layer in layers if isinstance(layer, SpectralLayer)]
    # A single output has no unit vectors but 1 and -1, and one v that belongs to it.
    moving = [layer for layer in spectral if layer.kernel.shape[-1] > 1]
    assert moving
    expected = {vector.path for layer in moving for vector in (layer.u, layer.v)}
    assert changed(networks, action) == expected


def assert_equal(first, second):
    """Of the first all weights are the second's."""
    for name, network in first.items():
        for a, b in zip(network.variables, second[name].variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


# Keras saves through a conversion that NumPy will want otherwise.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_survive_saving(whole, emptied, tmp_path):
    load_what_is_saved(whole, emptied, tmp_path)
    assert list(whole) == NAMES


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("gan", sorted(GENERATORS.keys() - {"sagan"}))
def test_weights_of_another_gan_survive_saving(gan, tmp_path):
    pair = ("generator", "discriminator")
    saved, loaded = (small(gan=gan, seed=seed, names=pair) for seed in (0, 1))
    load_what_is_saved(saved, loaded, tmp_path)


def load_what_is_saved(saved, loaded, folder):
    for name, network in saved.items():
        path = folder / f"{name}.weights.h5"
        network.save_weights(path)
        loaded[name].load_weights(path)
    assert_equal(saved, loaded)


def test_checkpoints_hold_everything(whole, emptied, tmp_path):
    path = tf.train.Checkpoint(**whole).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(**emptied).restore(path).assert_consumed()
    assert_equal(whole, emptied)


# --- What is wanted, and nothing else -----------------------------------------------


def test_nothing_but_what_is_wanted_is_built():
    assert list(small(names=())) == ["encoder", "decoders"]
    named = small(names=("projector", "encoder"))
    assert list(named) == ["encoder", "decoders", "projector"]


def test_the_weights_of_m_do_not_depend_on_what_else_there_is(whole):
    alone = small(names=())
    assert list(alone) == ["encoder", "decoders"]
    assert_equal(alone, whole)


def test_a_reconstructor_makes_images_of_features():
    networks = small(names=("reconstructor",))
    images, _, _ = data()
    made = networks["reconstructor"](networks["encoder"](images))
    assert made.shape == images.shape and made.dtype == tf.float32
    # Of the form of a task's decoder, with three channels as the normals have.
    three = networks["decoders"].decoders["normals"]
    assert counts({"own": networks["reconstructor"]}) == counts({"own": three})


@pytest.mark.parametrize("gan", GENERATORS)
def test_an_average_generator_begins_as_the_generator(gan):
    networks = small(gan=gan, names=("generator", "average_generator"))
    one, other = networks["generator"], networks["average_generator"]
    assert other.name == "average_generator"
    for variable, copy in zip(one.variables, other.variables, strict=True):
        assert variable is not copy
        np.testing.assert_array_equal(variable.numpy(), copy.numpy())
    _, z, condition = data()
    np.testing.assert_array_equal(other(z, condition), one(z, condition))


@pytest.mark.parametrize("rule", sorted(TASK_WEIGHTS.keys() - {"equal"}))
def test_task_weights_are_for_as_many_tasks_as_have_costs(rule):
    networks = small(names=("task_weights",), task_weights=rule, costs=(0.5, 1.0, 1.0))
    network = networks["task_weights"]
    assert network.variables and network.name == "task_weights"
    losses = tf.constant([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(network(losses, tf.constant(0.0)), losses)


def test_the_refiner_reads_the_tasks_whatever_else_is_predicted():
    # The normals are predicted twice, and R is for three maps.
    groups = ("segmentation+normals", "depth+normals")
    networks = small(names=("refiner",), sharing="task_grouping", groups=groups)
    images, _, _ = data()
    predictions = networks["decoders"](networks["encoder"](images))
    assert len(predictions) == 4
    logits = networks["refiner"](predictions)
    assert logits.shape == (4, CLASSES)
    others = predictions | {"normals_in_group_1": 0 * predictions["normals"]}
    np.testing.assert_array_equal(networks["refiner"](others), logits)


def test_the_seed_decides_the_weights(whole, of_another_seed):
    assert_equal(small(), whole)
    for name, network in whole.items():
        with pytest.raises(AssertionError):
            assert_equal({name: network}, of_another_seed)


def test_replicas_and_graphs(whole):
    strategy = two_replicas()
    alone = run(whole)
    with strategy.scope():
        networks = small()
    outputs = tf.function(lambda: strategy.run(run, (networks,)))()
    for name in NAMES:
        for own, replicas in zip(
            tf.nest.flatten(alone[name]), tf.nest.flatten(outputs[name]), strict=True
        ):
            for value in strategy.experimental_local_results(replicas):
                np.testing.assert_allclose(value, own, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 96}, "96"),
        ({"decoder": "taskonomy", "output_stride": 32}, "stride 16, got 32"),
        ({"output_stride": 8}, "got 8"),
        ({"encoder": "resnet50"}, "resnet18, resnet34, got 'resnet50'"),
        ({"encoder_widths": "wide"}, "narrow, standard, got 'wide'"),
        ({"decoder": "none"}, "taskgrouping, taskonomy"),
        ({"gan": "biggan"}, "sagan, dcgan"),
        ({"sharing": "soft"}, "hard, cross_stitch, .*, got 'soft'"),
        ({"task_weights": "even"}, "uncertainty, dwa, got 'even'"),
        ({"width": 0.0}, "positive width"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_no_task_is_refused():
    with pytest.raises(ValueError, match="one task"):
        build_networks({}, CLASSES)


def test_the_gan_has_a_width_of_its_own(whole):
    names = ("generator", "discriminator")
    thin = counts(small(gan_width=1 / 16))
    thin_throughout = counts(small(width=1 / 16, names=names))
    for name, number in counts(whole).items():
        assert thin[name] == (thin_throughout[name] if name in names else number)
        assert (thin[name] < number) == (name in names)


def test_counts_are_of_what_is_trained(whole):
    number = sum(v.numpy().size for v in whole["encoder"].trainable_variables)
    assert counts(whole)["encoder"] == number
    assert list(counts(whole)) == NAMES


@pytest.mark.parametrize(
    ("width", "factor", "expected"), [(64, 0.125, 8), (360, 0.125, 45), (3, 0.01, 1)]
)
def test_scaled(width, factor, expected):
    assert scaled(width, factor) == expected
