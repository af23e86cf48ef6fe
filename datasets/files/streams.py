"""Output that never ends a command: of any characters, to any terminal, or to none."""

import io
import os
import sys

_ERRORS = "backslashreplace"


def prepare() -> None:
    """Has characters that cannot be written shown escaped, and output go nowhere.

    The last where a stream was closed by who started the command.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", errors=_ERRORS))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def close() -> None:
    """Has what is still to be written go nowhere, for its reader has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
