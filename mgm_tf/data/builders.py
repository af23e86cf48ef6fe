"""The data sets by name: opening a builder, and building what is not built yet."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence

import tensorflow_datasets as tfds
from etils import epath

import datasets

# What the system says when nothing more can be written. The C++ writer of records and
# the workers of Beam pass on the words only.
_FULL = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


def open_builder(
    dataset: str, protocol: str, image_size: int, data_dir: str
) -> tfds.core.DatasetBuilder:
    """The builder of a data set, which may not be built yet.

    Args:
      dataset: a key of `datasets.BUILDERS`.
      protocol: how it is split; empty: that of the builder's default config.
      image_size: pixels, height and width.
      data_dir: where built data sets are kept.

    Raises:
      ValueError: the data set has no such protocol or size, or is there in files that
        cannot be read by random access.
    """
    make = datasets.builder_class(dataset)
    chosen = protocol or datasets.default_protocol(dataset)
    config = datasets.config_name(chosen, image_size)
    if config not in make.builder_configs:
        raise ValueError(
            f"--dataset={dataset} can be had as {sorted(make.builder_configs)} "
            f"(protocol_size); received {config!r} of --protocol={protocol!r} "
            f"--image_size={image_size}."
        )
    builder = make(config=config, data_dir=data_dir)
    wanted = tfds.core.FileFormat.ARRAY_RECORD
    if not builder.info.initialized:
        builder.info.set_file_format(wanted, override=True)
    if builder.info.file_format is not wanted:
        raise ValueError(
            f"{builder.data_path} holds {builder.info.file_format.value} files; "
            f"expected {wanted.value}. Remove it and build it again: without "
            "--file_format, `tfds build` writes what can be read."
        )
    return builder


def prepare(
    builder: tfds.core.DatasetBuilder,
    manual_dir: str = "",
    max_damaged: float = 0.001,
    beam_options: Sequence[str] = (),
) -> None:
    """Builds the data set, if that is not done yet.

    Args:
      builder: of `open_builder`.
      manual_dir: the folder of files that a person has fetched.
      max_damaged: the fraction of frames that may be left out as damaged.
      beam_options: `name=value`, options of the pipeline of a builder that uses Beam.

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
    with _full_disk_is_told(builder):
        builder.download_and_prepare(download_config=download)


def check_built(builder: tfds.core.DatasetBuilder) -> None:
    """Refuses a data set that is not built, or no longer whole.

    Raises:
      FileNotFoundError: it is not built, or one of its files is gone.
    """
    if not is_built(builder):
        raise FileNotFoundError(
            f"{builder.info.full_name} is not built in "
            f"--data_dir={builder.data_dir_root}."
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
    """The size of all files of a built data set."""
    files = (path for path in builder.data_path.glob("*") if path.is_file())
    return sum(path.stat().length for path in files)


def quarantined(builder: tfds.core.DatasetBuilder) -> list[dict[str, str]]:
    """What was left out when the data set was built: `name`, `file` and `reason`.

    Raises:
      ValueError: the list cannot be read.
    """
    return datasets.quarantined(builder.data_path)


def is_built(builder: tfds.core.DatasetBuilder) -> bool:
    """Whether the data set is built; is not asked of TFDS, which warns if it is not."""
    # The last file that TFDS writes, in a folder that it renames when it is whole.
    return (builder.data_path / "dataset_info.json").exists()


def _pipeline_options(builder, beam_options: Sequence[str]):
    """The options of a builder's pipeline; None if it uses no Beam."""
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

    given = [f"--{option}" for option in (*defaults, *beam_options)]
    return pipeline_options.PipelineOptions(flags=given)


def _manual_folder(builder, manual_dir: str) -> epath.Path | None:
    """The folder of files fetched by hand; None for a data set without such files.

    TFDS looks for it too, but only after other work, and not by our flag's name.
    """
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    usual = builder.data_dir_root / "downloads" / "manual"
    folder = epath.Path(manual_dir).expanduser() if manual_dir else usual
    if not manual_dir and not instructions:
        return None
    is_folder = folder.is_dir()
    if is_folder and any(folder.iterdir()):
        return folder
    problem = "is empty" if is_folder else "is no folder"
    given = f"--manual_dir={manual_dir}: {folder} {problem}."
    raise FileNotFoundError(f"{given} {instructions or ''}".strip())


def _check_writable(builder) -> None:
    """Makes a file where the data set will be, before hours of work."""
    folder = builder.data_path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".writable-{os.getpid()}"
        trial.write_bytes(b"\0")
        trial.unlink()
    except OSError as error:
        raise OSError(
            f"--data_dir={builder.data_dir_root}: nothing can be built there: {error}"
        ) from error


@contextlib.contextmanager
def _full_disk_is_told(builder) -> Iterator[None]:
    """Makes a sentence of the many errors that a full disk causes."""
    try:
        yield
    except Exception as error:
        if not any(map(_is_of_full_disk, _chain(error))):
            raise
        free = shutil.disk_usage(builder.data_path.parent).free / 2**20
        raise OSError(
            f"--data_dir={builder.data_dir_root}: the disk is full ({free:.0f} MiB are "
            f"free without it), so {builder.info.full_name} was not built. Nothing "
            "half-written is kept in its place: make room and start again."
        ) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_of_full_disk(error: BaseException) -> bool:
    return any(map(str(error).__contains__, _FULL))
