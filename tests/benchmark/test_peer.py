"""The PyTorch program that speed is compared with has the same networks, and learns."""

import importlib.util
import json

import pytest

from mgm_tf import networks
from tests.benchmark import against_peer

TASKS = {"segmentation": 5, "depth": 1, "normals": 3}


@pytest.mark.parametrize("width", [1.0, 0.0625])
def test_parameters_are_equal_network_by_network(width):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed: the peer's networks cannot be counted")
    given = {"tasks": json.dumps(TASKS), "classes": 10, "width": width, "threads": 1}
    arguments = (f"--{name}={value}" for name, value in given.items())
    with against_peer.started(*arguments, "--batch_size=2") as peer:
        ours = networks.build_networks(TASKS, 10, width=width)
        assert peer.parameters == networks.parameter_counts(ours)
        if width < 1:
            # It raises unless the loss is a number.
            assert peer.step()[1] > 0
