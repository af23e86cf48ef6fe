"""The errors that a person can mend: reported in a sentence, not as a traceback."""

import re


class DamagedExample(ValueError):
    """An error of a stored example that cannot be read; the text says which."""


class DamagedFile(ValueError):
    """An error of a file that is not whole, or not what was expected."""


class NotWritten(OSError):
    """An error of a file that cannot be written; the text says why and what helps."""


class InUse(OSError):
    """An error of a folder in which another process works; the text says which."""


class Interrupted(Exception):
    """A request to stop the run, whose state is saved."""


class WorkerLost(Exception):
    """An error of a worker that has ended, or cannot be reached, while others train."""


class NotFinite(FloatingPointError):
    """An error of a loss or a weight that is NaN or infinite."""


def damaged_example(error: Exception) -> DamagedExample | None:
    """Returns the `DamagedExample` that was raised inside a graph; None if none was.

    TensorFlow turns whatever Python code of a graph raises into an error of its own and
    keeps nothing but the text.
    """
    match = re.search(r"DamagedExample: (.*)", str(error))
    return DamagedExample(match[1]) if match else None
