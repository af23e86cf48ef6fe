"""The devices of a run: GPUs, or logical CPUs."""

import dataclasses

import pytest
import tensorflow as tf

from mgm_tf.config.checks import check
from mgm_tf.config.settings import RunConfig
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
    """Pretends that there are two GPUs."""
    devices_by_kind = {"GPU": ["gpu a", "gpu b"], "CPU": ["cpu"]}
    monkeypatch.setattr(tf.config, "list_physical_devices", devices_by_kind.get)

    @dataclasses.dataclass
    class Strategy:
        devices: tuple[str, ...]

        @property
        def num_replicas_in_sync(self):
            return len(self.devices)

    monkeypatch.setattr(devices, "_mirrored", Strategy)


def test_all_gpus_are_used_unless_replicas_are_given(gpus):
    assert devices.strategy_of(0).devices == ("GPU:0", "GPU:1")
    assert devices.strategy_of(2).devices == ("GPU:0", "GPU:1")
    assert devices.strategy_of(1) is tf.distribute.get_strategy()
    with pytest.raises(ValueError, match="--replicas=3: only 2 GPUs are seen"):
        devices.strategy_of(3)


@pytest.mark.parametrize(
    ("name", "value"), [("steps_per_execution", 2), ("jit_compile", True)]
)
def test_options_of_one_device_are_refused_on_two_gpus(gpus, tmp_path, name, value):
    changes = {"run_eagerly": False, name: value}
    run_settings = settings(tmp_path, **changes)
    check(run_settings)  # --replicas=0: it depends on the machine
    with pytest.raises(ValueError, match=f"--{name}.* on 2 devices; --replicas=1"):
        Experiment(run_settings).strategy  # noqa: B018
    assert Experiment(settings(tmp_path, replicas=1, **changes)).strategy


@pytest.mark.parametrize(
    ("changes", "processor", "words"),
    [
        ({}, "EPYC (avx2)", ()),
        ({"precision": "bfloat16"}, "EPYC (avx2, avx512_bf16)", ()),
        ({"precision": "bfloat16"}, "EPYC (avx2)", ("--precision=bfloat16", "EPYC")),
        ({"precision": "float16"}, "EPYC (avx512_bf16)", ("--precision=float16",)),
        ({"jit_compile": True}, "EPYC (avx2)", ("--jit_compile", "slower")),
    ],
)
def test_what_makes_steps_slower_without_a_gpu_is_said(changes, processor, words):
    sentences = devices.notes(RunConfig(**changes), processor)
    assert len(sentences) == bool(words)
    assert all(word in sentences[0] for word in words)


def test_workers_take_all_of_their_devices(gpus, monkeypatch):
    strategy = object()
    monkeypatch.setattr(devices.workers, "strategy", lambda: strategy)
    assert devices.strategy_of(0) is devices.strategy_of(2) is strategy
    with pytest.raises(ValueError, match="--replicas=1: each of several workers takes"):
        devices.strategy_of(1)
