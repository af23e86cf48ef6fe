"""How long predictions take, by the networks in this program."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from mgm_tf.benchmark.reading import Windows
from mgm_tf.benchmark.timing import first_call, in_turn
from mgm_tf.config.settings import Config
from mgm_tf.plotting import terminal
from mgm_tf.train.experiment import Experiment

BATCH_SIZES = (1, 8, 32)

COLUMNS = (
    terminal.Column("images at once", 16),
    terminal.Column("milliseconds", 26, right=True),
    terminal.Column("CPU ms", 10, right=True),
    terminal.Column("images/s", 9, right=True),
)


def measure(settings: Config, windows: Windows) -> tuple[dict, str]:
    """Measures predictions as an evaluation makes them; returns record and table."""
    experiment = Experiment(settings)
    acts = {str(n): _act(experiment, n) for n in BATCH_SIZES}
    for act in acts.values():
        first_call(act)
    timings = in_turn(acts, windows.number, windows.seconds)
    speeds = {name: int(name) / timing.median for name, timing in timings.items()}
    record = {
        name: {"timing": timing, "images_per_second": speeds[name]}
        for name, timing in timings.items()
    }
    rows: list[Sequence[str] | str] = [
        (name, str(timing), f"{1e3 * timing.cpu_median:,.1f}", f"{speeds[name]:,.1f}")
        for name, timing in timings.items()
    ]
    return record, terminal.table(COLUMNS, rows)


def _act(experiment: Experiment, number: int) -> Callable[[], object]:
    size = experiment.settings.data.image_size
    images = tf.random.stateless_uniform((number, size, size, 3), (0, 1), -1.0, 1.0)
    predict = tf.function(experiment.predict, autograph=False)

    def act() -> None:
        tf.nest.map_structure(lambda tensor: tensor.numpy(), predict(images))

    return act
