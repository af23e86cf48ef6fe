"""The made-up data set, opened, and the settings of a run that saves at every turn."""

import pytest

from mgm_tf.data import builders
from tests.fake_dataset import settings

QUICK = {
    "log_every": 1,
    "evaluate_every": 2,
    "picture_every": 0,
    "checkpoint_every": 2,
}


@pytest.fixture(scope="module")
def wanted(data_dir):
    return settings(data_dir, **QUICK)


@pytest.fixture(scope="module")
def builder(data_dir):
    return builders.open_builder("rooms", "", 64, str(data_dir))
