"""A lock on a folder, which the system takes from a process that ends, however it does.

It is a file in the folder; where the file system knows no locks, there is none.
"""

import contextlib
import fcntl
import os
import pathlib
import shlex
import socket
import sys
import time
from collections.abc import Iterator

from mgm_tf.errors import InUse
from mgm_tf.files import whole

FILE = ".lock"
_PAUSE = 0.1  # seconds between attempts


@contextlib.contextmanager
def held(folder: pathlib.Path, patience: float = 0.0) -> Iterator[None]:
    """Keeps others out of `folder` as long as the context lasts.

    A folder that was not there is made; it is gone again if nothing has come into it.

    Args:
      folder: the folder.
      patience: the seconds for which another holder is waited for.

    Raises:
      InUse: another process holds it; the message says which.
      NotWritten: nothing can be written there.
    """
    is_new = not folder.exists()
    path = folder / FILE
    end = time.monotonic() + patience
    descriptor = whole.retried(path, lambda: _locked(path))
    while descriptor is None:
        if time.monotonic() >= end:
            raise InUse(
                f"{folder} is in use by {_holder(path)}. Wait until it is done, or "
                "stop it, then give the same command again."
            )
        time.sleep(_PAUSE)
        descriptor = whole.retried(path, lambda: _locked(path))
    try:
        yield
    finally:
        # Removed while it is locked: whoever opened it meanwhile sees that it is gone.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _locked(path: pathlib.Path) -> int | None:
    """Returns the descriptor of the lock file, locked; None if another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o664)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_current = os.fstat(descriptor).st_ino == os.stat(path).st_ino
    except (BlockingIOError, FileNotFoundError):
        is_current = False
    except OSError as error:
        print(f"{path.parent} cannot be locked: {error}.", file=sys.stderr, flush=True)
        return descriptor
    if not is_current:
        os.close(descriptor)
        return None
    # On a full disk there is a lock all the same.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _oneself().encode())
    return descriptor


def _oneself() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    command = shlex.join([pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"process {os.getpid()} on {socket.gethostname()} since {since}: {command}"


def _holder(path: pathlib.Path) -> str:
    try:
        return path.read_text(errors="replace") or "another process"
    except OSError:
        return "another process"
