"""The data sets: TFDS builders that tell what their data are (`metadata.DataInfo`)."""

import importlib

import tensorflow_datasets as tfds

# Imported when asked for, by their full names: a registry would search every package
# that is called `datasets`.
BUILDERS = {
    "rooms": "datasets.rooms.rooms_dataset_builder",
    "nyuv2": "datasets.nyuv2.nyuv2_dataset_builder",
}


def builder_class(name: str) -> type[tfds.core.GeneratorBasedBuilder]:
    """The builder of data set `name`, a key of `BUILDERS`."""
    return importlib.import_module(BUILDERS[name]).Builder


def config_name(protocol: str, image_size: int) -> str:
    """The builder config of a way of splitting (may be empty) at a size in pixels."""
    return f"{protocol}_{image_size}" if protocol else str(image_size)
