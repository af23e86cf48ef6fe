"""Two logical CPU devices (distribution is tested on any machine), deterministic TF."""

import gc
import os
import pathlib
import signal
from collections.abc import Callable, Iterator, Mapping

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# It prepares its kernels for every shape, which pays for large images only.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from mgm_tf.train import devices
from tests import fake_dataset

# Who starts tests in the background has them, and what they start, ignore signals.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)
flags.FLAGS.mark_as_parsed()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration(), tf.config.LogicalDeviceConfiguration()],
)
tf.config.experimental.enable_op_determinism()
devices.keep_graphs()
# The tests run in as many processes as there are cores.
tf.config.threading.set_intra_op_parallelism_threads(1)

# A process that begins with one of these near the end keeps the others waiting.
LONGEST_FIRST = (
    "test_updates",
    "test_loop",
    "test_loop_alone",
    "test_networks",
    "test_other_runs",
    "test_train_step",
    "test_main",
    "test_tiny_taskonomy",
    "test_results",
    "test_command_line",
)
# What `make test-long` runs, and `make test` does not.
LONG = (
    "test_real_data",
    "test_run_cityscapes",
    "test_run_clusters",
    "test_run_folder",
    "test_run_taskonomy",
    "test_workers",
)
# What trains, builds whole networks, data sets or processes: `make test-fast` leaves it
# out.
SLOW = (
    *LONGEST_FIRST,
    "test_adashare",
    "test_audit",
    "test_benchmark",
    "test_builders",
    "test_cityscapes_generate",
    "test_cityscapes_zurich",
    "test_command",
    "test_contract",
    "test_damaged_runs",
    "test_dry_run",
    "test_em",
    "test_experiment",
    "test_environment",
    "test_folder",
    "test_folder_silent_data",
    "test_generated",
    "test_generated_files",
    "test_grouping",
    "test_kills",
    "test_nyuv2",
    "test_nyuv2_generate",
    "test_pictures",
    "test_predictions",
    "test_replicas",
    "test_report_arrays",
    "test_rooms",
    "test_sagan",
    "test_saved_model",
    "test_sharing",
    "test_splits",
    "test_storage",
    "test_tfds_command",
    "test_tiny_taskonomy_parts",
    "test_tiny_taskonomy_real",
    "test_variants",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first, and marks the slow and the long ones."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if item.path.stem in LONG:
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="module", autouse=True)
def _garbage_of_a_file() -> Iterator[None]:
    """Collects what a file leaves, and spares the collector what stays.

    TensorFlow keeps much of every graph: to look through all of that time and again
    takes longer than some tests.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """The folder of a made-up data set, which is there by name meanwhile."""
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        yield folder


@pytest.fixture
def golden() -> Callable[[str], Mapping[str, np.ndarray]]:
    """Loads `tests/golden/NAME.npz`: values from other people's code."""
    folder = pathlib.Path(__file__).parent / "golden"
    return lambda name: np.load(folder / f"{name}.npz")


@pytest.fixture
def real_data() -> pathlib.Path:
    """The folder of real data named by MGM_REAL_DATA; without it the test skips."""
    if "MGM_REAL_DATA" not in os.environ:
        pytest.skip("MGM_REAL_DATA is not set: no real data to test on")
    return pathlib.Path(os.environ["MGM_REAL_DATA"])
