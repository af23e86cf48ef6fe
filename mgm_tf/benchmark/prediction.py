"""How long predictions take, by the networks in this program."""

from collections.abc import Callable, Mapping

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
    acts = {n: _act(experiment, n) for n in BATCH_SIZES}
    record, rows = by_batch_size(acts, windows)
    return record, terminal.table(COLUMNS, rows)


def by_batch_size(
    acts: Mapping[int, Callable[[], object]], windows: Windows
) -> tuple[dict[str, dict], list[tuple[str, ...]]]:
    """Measures what deals with several images at once; returns record and rows.

    Args:
      acts: the number of images -> what deals with them.
      windows: how times are measured.
    """
    for act in acts.values():
        first_call(act)
    named = {str(number): act for number, act in acts.items()}
    record: dict[str, dict] = {}
    rows: list[tuple[str, ...]] = []
    for number, timing in in_turn(named, windows.number, windows.seconds).items():
        speed = int(number) / timing.median
        record[number] = {"timing": timing, "images_per_second": speed}
        times = str(timing), f"{1e3 * timing.cpu_median:,.1f}"
        rows.append((number, *times, f"{speed:,.1f}"))
    return record, rows


def _act(experiment: Experiment, number: int) -> Callable[[], object]:
    size = experiment.settings.data.image_size
    images = tf.random.stateless_uniform((number, size, size, 3), (0, 1), -1.0, 1.0)
    predict = tf.function(experiment.predict, autograph=False)

    def act() -> None:
        tf.nest.map_structure(lambda tensor: tensor.numpy(), predict(images))

    return act
