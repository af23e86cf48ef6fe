"""Standard streams whose readers may go away: what they would have read is lost.

A training whose terminal is closed, or whose pipe ends in `head`, goes on.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO, Any


class Steady:
    """A stream that writes into nothing once it cannot be written to."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text, or loses it."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            self._lose()
        return len(text)

    def flush(self) -> None:
        """Has what was written seen."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._lose()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self) -> None:
        # The same number: what is left in the buffer would fail again at the end.
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Makes the standard output and the standard error `Steady` in the context."""
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w") as nothing:
        # None where the program was started without them.
        sys.stdout, sys.stderr = (Steady(stream or nothing) for stream in before)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
