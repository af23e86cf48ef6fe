"""What the builders share: the file format, one build at a time, nothing left over."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import shuffle

LOCK = ".building"

# Serialised examples that are sorted in memory; more are sorted in files. The 1000 MiB
# of TFDS leave little of 2 GiB: 1.6 were taken for 20,000 examples, 0.9 with this.
_SORTED_IN_MEMORY = 256 * 2**20


class BeingBuilt(OSError):
    """The error that another process builds the same data set in the same folder."""


class RandomAccessBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """A builder whose examples can be read by their numbers, in any order.

    Attributes:
      beam_defaults: options `name=value` of the pipeline of a builder that uses Apache
        Beam, which a user's options override; None: it does not use Beam.
      max_damaged: the fraction of damaged frames that may be left out.
    """

    beam_defaults: tuple[str, ...] | None = None
    max_damaged: float = 0.001

    def __init__(self, *, file_format: str | None = None, **arguments: Any):
        """Makes a builder of TFDS whose `file_format` is array_record by default.

        Also `tfds build` then writes what can be read by random access.
        """
        super().__init__(file_format=file_format, **arguments)
        if file_format is None and not self.info.initialized:
            self.info.set_file_format("array_record", override=True)

    def download_and_prepare(self, **arguments: Any) -> None:
        """Builds the data set, unless that is done; see TFDS.

        Raises:
          BeingBuilt: another process builds the data set.
        """
        with alone(self.data_path.parent) as is_alone:
            if is_alone:
                _remove_leftovers(self.data_path)
            with _sorting_in(_SORTED_IN_MEMORY):
                super().download_and_prepare(**arguments)

    def expect(self, counts: Mapping[str, int]) -> None:
        """Tells how many examples each split will have, for the time left.

        To be called in `_split_generators` or before.
        """
        # The progress bars look into this object, which a failed build leaves filled.
        self.info.splits.clear()
        for name, count in counts.items():
            self.info.splits[name] = tfds.core.SplitInfo(
                name=name, shard_lengths=[count], num_bytes=0
            )


@contextlib.contextmanager
def alone(folder: os.PathLike) -> Iterator[bool]:
    """Keeps other builds out of `folder` as long as the context lasts.

    Yields:
      whether it does: some file systems know no locks.

    Raises:
      BeingBuilt: another build is in there.
    """
    path = epath.Path(folder) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        # Removed while it is locked: whoever opened it meanwhile sees that it is gone.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: epath.Path) -> int | None:
    """Returns the descriptor of the lock file, locked; None without locks."""
    busy = BeingBuilt(
        f"{path.parent}: another process builds this data set. Wait until it is done, "
        "then start again."
    )
    if str(path).partition("://")[1]:  # no path of this machine
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o664)
    try:
        # The system takes the lock away when the process ends, however it ends.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_current = os.fstat(descriptor).st_ino == os.stat(path).st_ino
    except (BlockingIOError, FileNotFoundError):
        os.close(descriptor)
        raise busy from None
    except OSError:
        os.close(descriptor)
        return None
    if not is_current:
        os.close(descriptor)
        raise busy
    return descriptor


@contextlib.contextmanager
def _sorting_in(memory: int) -> Iterator[None]:
    """Lets TFDS sort up to `memory` bytes of examples in memory."""
    usual = shuffle.MAX_MEM_BUFFER_SIZE
    shuffle.MAX_MEM_BUFFER_SIZE = memory
    try:
        yield
    finally:
        shuffle.MAX_MEM_BUFFER_SIZE = usual


def _remove_leftovers(data_path: epath.Path) -> None:
    """Removes what killed builds of this data set have left beside `data_path`."""
    for folder in data_path.parent.glob(f"incomplete.*_{data_path.name}"):
        print(f"Removing {folder}, left by a build that was stopped.", flush=True)
        folder.rmtree()
