"""The data sets: TFDS builders with a record of their data (`metadata.DataInfo`)."""

import importlib
import os

from etils import epath, epy

from datasets import quarantine

with epy.lazy_imports():
    import tensorflow_datasets as tfds

# Imported when asked for, by their full names: a registry would search every package
# that is called `datasets`.
BUILDERS = {
    "rooms": "datasets.rooms.rooms_dataset_builder",
    "nyuv2": "datasets.nyuv2.nyuv2_dataset_builder",
    "tiny_taskonomy": "datasets.tiny_taskonomy.tiny_taskonomy_dataset_builder",
    "cityscapes_zurich": "datasets.cityscapes_zurich.cityscapes_zurich_dataset_builder",
    "folder": "datasets.folder.folder_dataset_builder",
}


def builder_class(name: str) -> "type[tfds.core.GeneratorBasedBuilder]":
    """Returns the builder of data set `name`, a key of `BUILDERS`."""
    return importlib.import_module(BUILDERS[name]).Builder


def default_protocol(name: str) -> str:
    """Returns the protocol of the default config of data set `name`; may be empty."""
    make = builder_class(name)
    default = make.DEFAULT_BUILDER_CONFIG_NAME or make.BUILDER_CONFIGS[0].name
    return default.rpartition("_")[0]


def config_name(protocol: str, image_size: int) -> str:
    """Returns the name of the builder config of a protocol (or none) at a size."""
    return f"{protocol}_{image_size}" if protocol else str(image_size)


def quarantined(folder: str | os.PathLike) -> list[dict[str, str]]:
    """Reads what the build of a data set left out: `name`, `file` and `reason`.

    Args:
      folder: the folder of the finished data set.

    Raises:
      ValueError: the list cannot be read.
    """
    return quarantine.read(epath.Path(folder) / quarantine.FILE_NAME)
