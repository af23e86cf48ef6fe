"""Two logical CPU devices (distribution is tested on any machine), deterministic TF."""

import gc
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# It prepares its kernels for every shape, which pays for large images only.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

flags.FLAGS.mark_as_parsed()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration(), tf.config.LogicalDeviceConfiguration()],
)
tf.config.experimental.enable_op_determinism()
# The tests run in as many processes as there are cores.
tf.config.threading.set_intra_op_parallelism_threads(1)

# A process that begins with one of these near the end keeps the others waiting.
LONGEST_FIRST = (
    "test_loop",
    "test_real_data",
    "test_updates",
    "test_networks",
    "test_other_runs",
    "test_main",
)


def pytest_collection_modifyitems(items):
    """Puts the longest files first."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="module", autouse=True)
def _garbage_of_a_file():
    """Collects what a file leaves, and spares the collector what stays.

    TensorFlow keeps much of every graph: to look through all of that time and again
    takes longer than some tests.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden():
    """Loads `tests/golden/NAME.npz`: values from other people's code."""
    folder = pathlib.Path(__file__).parent / "golden"
    return lambda name: np.load(folder / f"{name}.npz")


@pytest.fixture
def real_data() -> pathlib.Path:
    """The folder of real data named by MGM_REAL_DATA; without it the test skips."""
    if "MGM_REAL_DATA" not in os.environ:
        pytest.skip("MGM_REAL_DATA is not set: no real data to test on")
    return pathlib.Path(os.environ["MGM_REAL_DATA"])
