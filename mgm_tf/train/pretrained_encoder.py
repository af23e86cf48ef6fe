"""Published weights that a run's encoder begins with, and the record of them."""

import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from mgm_tf.config.settings import Config, SourceConfig
from mgm_tf.networks.published import resnets, state_dicts
from mgm_tf.networks.sharing import SHARING

KEY = "pretrained"  # of a start's record


def initialize(networks: Mapping[str, keras.Model], settings: Config) -> None:
    """Gives E the weights of --pretrained; where tasks have their own, each of them.

    Args:
      networks: the networks by name, E as `encoder`.
      settings: the settings of the run.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file cannot be read, or its weights are not of E's form; the
        message names those that are missing and those that were not expected.
    """
    source = settings.source.pretrained
    if not source:
        return
    weights = state_dicts.read(source)
    sharing = SHARING[settings.network.sharing]
    for network in sharing.residual_networks(networks["encoder"]):
        resnets.load(network, weights, f"--pretrained={source}")


def record(
    source: SourceConfig, starts: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Describes the file of --pretrained, for the record of a start.

    A run that has begun goes on without the file as well.

    Args:
      source: what the run takes from others.
      starts: the records of the run's earlier starts.

    Returns:
      {"pretrained": its name, size in bytes and SHA-256}; nothing without the flag.

    Raises:
      ValueError: the run began with a file of other content.
    """
    if not source.pretrained:
        return {}
    path = pathlib.Path(source.pretrained)
    began = next((start[KEY] for start in starts if KEY in start), None)
    if began is not None and not path.exists():
        return {KEY: began}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if began is not None and began["sha256"] != digest:
        raise ValueError(
            f"--pretrained={path}: the run began with another content of this file, "
            f"SHA-256 {began['sha256']}, now {digest}. Put that one back, or take "
            "another --workdir."
        )
    return {KEY: {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}}
