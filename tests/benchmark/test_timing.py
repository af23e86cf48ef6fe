"""Times, rates and ratios, by a clock of our own."""

import pytest
import tensorflow as tf

from mgm_tf.benchmark import convolutions, steps, timing
from mgm_tf.benchmark.convolutions import Convolution
from mgm_tf.benchmark.timing import Rate, Timing


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but for what a test takes; a core works half of it."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(timing.time, "perf_counter", lambda: Clock.now)
    monkeypatch.setattr(timing.time, "process_time", lambda: Clock.now / 2)
    return Clock


def test_variants_take_turns(clock):
    order = []

    def taking(name, seconds):
        def act():
            order.append(name)
            clock.now += seconds

        return act

    acts = {"a": taking("a", 0.5), "b": taking("b", 2.0)}
    measured = timing.in_turn(acts, windows=2, window_seconds=1.0)
    # A window has as many calls as fill it, one at least.
    assert order == ["a", "a", "b", "a", "a", "b"]
    assert measured == {
        "a": Timing((0.5, 0.5), (0.25, 0.25)),
        "b": Timing((2.0, 2.0), (1.0, 1.0)),
    }
    assert str(measured["b"]) == "2,000.0 (2,000.0-2,000.0)"


def test_a_rate_is_of_images(clock):
    def act():
        clock.now += 0.5

    assert timing.rate(act, images=4, windows=3, window_seconds=1.0) == Rate((8.0,) * 3)


def test_a_first_call_is_timed_alone(clock):
    seconds = iter([3.0, 1.0])

    def act():
        clock.now += next(seconds)

    assert timing.first_call(act) == 3.0 and clock.now == 4.0


def test_ratios_are_of_windows_side_by_side():
    one, other = Timing((1.0, 6.0, 4.0), (0,) * 3), Timing((2.0, 4.0, 4.0), (0,) * 3)
    assert timing.ratios(one, other) == (1.0, 0.5, 1.5)


@pytest.mark.parametrize(
    ("shape", "flops"),
    [
        # 2 images of 4 x 4 outputs, 4 channels of 27 products each, two a product.
        (
            Convolution((2, 8, 8, 3), (3, 3, 3, 4), 2, "SAME", (4, 4)),
            2 * 2 * 16 * 4 * 27,
        ),
        (Convolution((1, 7, 5, 2), (3, 3, 2, 1), 1, "VALID", (5, 3)), 2 * 5 * 3 * 18),
        (Convolution((1, 7, 7, 1), (1, 1, 1, 1), 2, "VALID", (4, 4)), 2 * 16),
    ],
)
def test_operations_of_a_convolution(shape, flops):
    assert shape.flops == flops


def test_convolutions_of_a_graph_are_counted():
    kernel = (3, 3, 3, 4)
    same = Convolution((2, 8, 8, 3), kernel, 2, "SAME", (4, 4))
    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    padded = Convolution((2, 8, 8, 3), kernel, 1, around, (8, 8))

    @tf.function
    def several(images, kernel):
        return same(images, kernel) + same(images + 1, kernel), padded(images, kernel)

    specs = tf.TensorSpec(same.images), tf.TensorSpec(kernel)
    graph = several.get_concrete_function(*specs).graph
    assert convolutions.convolutions_of(graph) == {same: 2, padded: 1}
    assert convolutions.peak(graph, 1, 0.0) > 0
    assert convolutions.peak(tf.Graph(), 1, 0.0) == 0


@pytest.mark.parametrize(("read", "mark"), [(29.0, ", below 3"), (30.0, "")])
def test_slow_reading_is_marked(read, mark):
    row = {"step": Rate((10.0,)), "read": Rate((read,)), "ratio": read / 10}
    assert steps.reading_note(row).endswith(f"{read / 10:.1f} times the step's{mark}")
