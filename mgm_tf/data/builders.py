"""Data sets by name: opens a builder, and builds what is not built yet."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence

import tensorflow_datasets as tfds
from etils import epath

import datasets
from datasets.files import names, records
from datasets.metadata import DataInfo

# What the system says when nothing more can be written. The C++ writer of records and
# the workers of Beam pass on the words only.
_SOURCE = "source.json"  # from where a data set was built
_RECORDS = ("dataset_info.json", "features.json", "metadata.json")
_FULL = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


def open_builder(
    dataset: str, protocol: str, image_size: int, data_dir: str
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a data set, which may not be built yet.

    Args:
      dataset: a key of `datasets.BUILDERS`.
      protocol: the protocol by which it is split; empty: that of the builder's
        default config.
      image_size: the height and width in pixels.
      data_dir: the folder of built data sets.

    Raises:
      ValueError: the data set has no such protocol or size, or is there in files that
        cannot be read by random access.
    """
    builder_class = datasets.builder_class(dataset)
    protocol_or_default = protocol or datasets.default_protocol(dataset)
    config = datasets.config_name(protocol_or_default, image_size)
    configs = sorted(builder_class.builder_configs)
    if config not in configs:
        raise ValueError(
            f"--dataset={dataset} can be had as {configs} "
            f"(protocol_size); received {config!r} of --protocol={protocol!r} "
            f"--image_size={image_size}{names.nearest(config, configs)}"
        )
    builder = _opened(builder_class, config, data_dir)
    file_format = tfds.core.FileFormat.ARRAY_RECORD
    if not builder.info.initialized:
        builder.info.set_file_format(file_format, override=True)
    if builder.info.file_format is not file_format:
        raise ValueError(
            f"{builder.data_path} holds {builder.info.file_format.value} files; "
            f"expected {file_format.value}. Remove it and build it again: without "
            "--file_format, `tfds build` writes what can be read."
        )
    return builder


def _opened(
    builder_class: type[tfds.core.GeneratorBasedBuilder], config: str, data_dir: str
) -> tfds.core.DatasetBuilder:
    """Returns a builder; what is built of its data set can be read.

    Raises:
      ValueError: it cannot; the message names the file.
    """
    version = str(builder_class.VERSION)
    folder = epath.Path(data_dir).expanduser() / builder_class.name / config / version
    remedy = (
        f"Remove {folder} and build it again with `python -m mgm_tf.data "
        f"--dataset={builder_class.name}`."
    )
    if (folder / _RECORDS[0]).exists():
        _check_records(folder, remedy)
    try:
        builder = builder_class(config=config, data_dir=data_dir)
    except Exception as error:  # whatever a library makes of its damaged files
        if not folder.exists():
            raise
        reason = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            f"{folder}: the built data set cannot be read: {reason[0]}. {remedy}"
        ) from error
    return builder


def _check_records(folder: epath.Path, remedy: str) -> None:
    """Raises ValueError if a record of a built data set cannot be read."""
    for name in _RECORDS:
        if not (folder / name).exists():
            raise ValueError(f"{folder / name} is missing. {remedy}")
        record = records.read_object(folder / name, remedy)
    # The last of them says what the data are.
    DataInfo.from_metadata(record, folder / name, remedy)


def prepare(
    builder: tfds.core.DatasetBuilder,
    manual_dir: str = "",
    max_damaged: float = 0.001,
    beam_options: Sequence[str] = (),
) -> None:
    """Builds the data set, if that is not done yet.

    Args:
      builder: a builder by `open_builder`.
      manual_dir: the folder of files that a person has fetched.
      max_damaged: the fraction of frames that may be left out as damaged.
      beam_options: the options of the pipeline of a builder that uses Beam, as
        `name=value`.

    Raises:
      FileNotFoundError: there is no such folder, it is empty, or a file of the built
        data set is gone.
      ValueError: `beam_options` for a builder that uses no Beam; what is built came
        from another source; or what the builder says of the files.
      OSError: `data_dir` cannot be written, its disk is full, or another process builds
        the same.
    """
    if is_built(builder):
        check_built(builder)
        if manual_dir and hasattr(builder, "check_source"):
            builder.check_source(manual_dir)
        return
    if builder.data_path.exists():
        raise ValueError(
            f"{builder.data_path} is there, but not a whole data set: it has no "
            "dataset_info.json. Remove it, then start again."
        )
    pipeline = _pipeline_options(builder, beam_options)
    manual = _manual_folder(builder, manual_dir)
    _check_writable(builder)
    builder.max_damaged = max_damaged
    source = f" from {manual}" if manual else ""
    print(
        f"Building {builder.info.full_name} in {builder.data_dir}{source}.", flush=True
    )
    download = tfds.download.DownloadConfig(
        manual_dir=manual, beam_options=pipeline, try_download_gcs=False
    )
    with _explained_storage(builder):
        builder.download_and_prepare(download_config=download)


def check_built(builder: tfds.core.DatasetBuilder) -> None:
    """Refuses a data set that is not built, or no longer whole.

    Raises:
      FileNotFoundError: it is not built, or one of its files is gone.
    """
    if not is_built(builder):
        raise FileNotFoundError(
            f"{builder.info.full_name} is not built in "
            f"--data_dir={os.path.abspath(builder.data_dir_root)}."
        )
    if not builder.info.initialized:  # built since the builder was opened
        builder.info.read_from_directory(builder.data_dir)
    splits = builder.info.splits.values()
    missing = [
        path for split in splits for path in split.filepaths if not path.exists()
    ]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} is missing. Remove {builder.data_path} and build it again."
        )


def bytes_on_disk(builder: tfds.core.DatasetBuilder) -> int:
    """Returns the size of all files of a built data set, in bytes."""
    files = (path for path in builder.data_path.glob("*") if path.is_file())
    return sum(path.stat().length for path in files)


def quarantined(builder: tfds.core.DatasetBuilder) -> list[dict[str, str]]:
    """Returns the frames that were left out: `name`, `file`, `path`, `reason` of each.

    Raises:
      ValueError: the list cannot be read.
    """
    rows = datasets.quarantined(builder.data_path)
    # A folder of one's own names its files as they are in it.
    source = builder.data_path / _SOURCE
    record = records.read(source) if rows and source.exists() else {}
    folder = record.get("folder", "") if isinstance(record, dict) else ""
    return [row | {"path": os.path.join(folder, row["file"])} for row in rows]


def is_built(builder: tfds.core.DatasetBuilder) -> bool:
    """Returns whether the data set is built."""
    # Not asked of TFDS, which warns if it is not. This is the last file that TFDS
    # writes, in a folder that it renames when it is whole.
    return (builder.data_path / "dataset_info.json").exists()


def _pipeline_options(
    builder: tfds.core.DatasetBuilder, beam_options: Sequence[str]
) -> object | None:
    """Returns the options of a builder's pipeline; None if it uses no Beam."""
    defaults = getattr(builder, "beam_defaults", None)
    if defaults is None:
        if beam_options:
            raise ValueError(
                f"--beam_options={','.join(beam_options)}: {builder.name} is built "
                "without Apache Beam."
            )
        return None
    # Imported where it is needed: it takes seconds, and most builders do without.
    from apache_beam.options import pipeline_options

    options = [f"--{option}" for option in (*defaults, *beam_options)]
    return pipeline_options.PipelineOptions(flags=options)


def _manual_folder(
    builder: tfds.core.DatasetBuilder, manual_dir: str
) -> epath.Path | None:
    """Returns the folder of files fetched by hand; None for data without such.

    TFDS looks for it too, but only after other work, and not by our flag's name.
    """
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    default = builder.data_dir_root / "downloads" / "manual"
    folder = epath.Path(manual_dir).expanduser() if manual_dir else default
    if not manual_dir and not instructions:
        return None
    is_folder = folder.is_dir()
    if is_folder and any(folder.iterdir()):
        return folder
    problem = "is empty" if is_folder else "is no folder"
    text = f"--manual_dir={manual_dir}: {folder} {problem}."
    raise FileNotFoundError(f"{text} {instructions or ''}".strip())


def _check_writable(builder: tfds.core.DatasetBuilder) -> None:
    """Writes a file where the data set will be, before hours of work."""
    folder = builder.data_path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"\0")
        probe.unlink()
    except OSError as error:
        raise OSError(
            f"--data_dir={builder.data_dir_root}: nothing can be built there: {error}"
        ) from error


@contextlib.contextmanager
def _explained_storage(builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    """Raises one OSError for the many errors of a disk that is full, or gone."""
    try:
        yield
    except Exception as error:
        if not builder.data_path.parent.is_dir():
            raise OSError(
                f"--data_dir={builder.data_dir_root}: {builder.data_path.parent} is "
                f"gone, so {builder.info.full_name} was not built. Bring the folder "
                "back and start again."
            ) from error
        if not any(map(_is_of_full_disk, _chain(error))):
            raise
        free = shutil.disk_usage(builder.data_path.parent).free / 2**20
        raise OSError(
            f"--data_dir={builder.data_dir_root}: the disk is full ({free:.0f} MiB are "
            f"free without it), so {builder.info.full_name} was not built. Nothing "
            "half-written is kept in its place: make room and start again."
        ) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error, and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_of_full_disk(error: BaseException) -> bool:
    return any(map(str(error).__contains__, _FULL))
