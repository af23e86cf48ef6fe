"""Where a run computes."""

import dataclasses

import pytest
import tensorflow as tf

from mgm_tf.config.settings import check
from mgm_tf.train import devices
from mgm_tf.train.experiment import Experiment
from tests.fake_dataset import settings


def test_one_device_needs_no_strategy():
    assert devices.strategy_of(0) is tf.distribute.get_strategy()
    assert devices.strategy_of(1) is tf.distribute.get_strategy()


def test_replicas_on_a_cpu_are_logical_devices():
    assert devices.strategy_of(2).num_replicas_in_sync == 2
    with pytest.raises(ValueError, match="--replicas=3: TensorFlow runs with 2"):
        devices.strategy_of(3)


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs, as far as the choice of devices goes."""
    seen = {"GPU": ["gpu a", "gpu b"], "CPU": ["cpu"]}
    monkeypatch.setattr(tf.config, "list_physical_devices", seen.get)

    @dataclasses.dataclass
    class Strategy:
        devices: tuple[str, ...]

        @property
        def num_replicas_in_sync(self):
            return len(self.devices)

    monkeypatch.setattr(devices, "_mirrored", Strategy)


def test_all_gpus_are_taken_unless_told_otherwise(gpus):
    assert devices.strategy_of(0).devices == ("GPU:0", "GPU:1")
    assert devices.strategy_of(2).devices == ("GPU:0", "GPU:1")
    assert devices.strategy_of(1) is tf.distribute.get_strategy()
    with pytest.raises(ValueError, match="--replicas=3: only 2 GPUs are seen"):
        devices.strategy_of(3)


@pytest.mark.parametrize(
    ("name", "value"), [("steps_per_execution", 2), ("jit_compile", True)]
)
def test_what_one_device_can_do_only_is_refused_on_the_gpus_found(
    gpus, tmp_path, name, value
):
    changes = {"run_eagerly": False, name: value}
    wanted = settings(tmp_path, **changes)
    check(wanted)  # --replicas=0: it depends on the machine
    with pytest.raises(ValueError, match=f"--{name}.* on 2 devices; --replicas=1"):
        Experiment(wanted).strategy  # noqa: B018
    assert Experiment(settings(tmp_path, replicas=1, **changes)).strategy
