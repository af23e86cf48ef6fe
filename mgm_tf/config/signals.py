"""Signals that stop a command: cleanly, in time, with an exit code of its own.

The first SIGTERM, SIGINT or SIGHUP raises `KeyboardInterrupt`, or is waited for where
work would be lost (`train/callbacks.py`); a second one ends the process at once, and so
does the end of the time. Files are whole all the same: see `files/whole.py`.
"""

import contextlib
import os
import signal
import threading
import types
from collections.abc import Callable, Iterator
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# "Try again": what was stopped goes on by the same command, unlike what is broken.
EXIT_CODE = os.EX_TEMPFAIL
_END = 0  # no signal


@contextlib.contextmanager
def handled(grace: float) -> Iterator[None]:
    """Has signals stop what is done in the context.

    Args:
      grace: the seconds after which a stopped process ends in any case.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # A handler in Python has to wait until TensorFlow returns; a thread does not.
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, grace), daemon=True)
    watcher.start()
    try:
        with handling(_stop):
            yield
    finally:
        signal.set_wakeup_fd(previous)
        os.write(writer, bytes([_END]))
        watcher.join()
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def handling(act: Callable[[int, types.FrameType | None], None]) -> Iterator[None]:
    """Calls `act` on each of the signals, but those that are ignored, as by nohup."""
    heeded = [n for n in SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, act) for number in heeded}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _stop(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(reader: int, grace: float) -> None:
    """Ends the process on a second signal, or `grace` seconds after the first."""
    timer: threading.Timer | None = None
    while (number := os.read(reader, 1)[0]) != _END:
        if number not in SIGNALS:
            continue
        if timer is not None:
            end("Stopped at once.")
        words = f"Not stopped within --grace_s={grace:g}; what is on the disk is whole."
        timer = threading.Timer(grace, end, [words])
        timer.daemon = True
        timer.start()
    if timer is not None:
        timer.cancel()


def end(words: str) -> NoReturn:
    """Ends the process at once, with words and the exit code that says "try again"."""
    # Not by Python's stream: the thread that is ended may hold it.
    with contextlib.suppress(OSError):
        os.write(2, f"\n{words}\n".encode())
    os._exit(EXIT_CODE)
