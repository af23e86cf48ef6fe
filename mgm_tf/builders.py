"""The data sets by name: opening a builder, and building what is not built yet."""

import tensorflow_datasets as tfds

import datasets


def open_builder(
    dataset: str, protocol: str, image_size: int, data_dir: str
) -> tfds.core.DatasetBuilder:
    """The builder of a data set, which may not be built yet.

    Raises:
      ValueError: the data set has no such protocol or size.
    """
    make = datasets.builder_class(dataset)
    config = datasets.config_name(protocol, image_size)
    if config not in make.builder_configs:
        raise ValueError(
            f"--dataset={dataset} can be had as {sorted(make.builder_configs)} "
            f"(protocol_size); received {config!r} of --protocol={protocol!r} "
            f"--image_size={image_size}."
        )
    return make(config=config, data_dir=data_dir, file_format="array_record")


def prepare(builder: tfds.core.DatasetBuilder, manual_dir: str = "") -> None:
    """Builds the data set, if that is not done yet.

    Raises:
      FileNotFoundError: files that a person has to fetch are not there.
    """
    if builder.is_prepared():
        return
    print(f"Building {builder.info.full_name} in {builder.data_dir}.", flush=True)
    download = tfds.download.DownloadConfig(manual_dir=manual_dir or None)
    try:
        builder.download_and_prepare(download_config=download)
    except AssertionError as error:  # what TFDS raises without the folder
        raise FileNotFoundError(f"--manual_dir={manual_dir}: {error}") from error
