"""What can go wrong and a person can mend: told in a sentence, not as a traceback."""

import re


class DamagedExample(ValueError):
    """A stored example cannot be read; the text says which."""


class Interrupted(Exception):
    """The run was asked to stop; its state is saved."""


class NotFinite(FloatingPointError):
    """A loss or a weight is NaN or infinite."""


def damaged_example(error: Exception) -> DamagedExample | None:
    """The `DamagedExample` that was raised inside a graph, if it was one.

    TensorFlow turns whatever Python code of a graph raises into an error of its own and
    keeps nothing but the text.
    """
    found = re.search(r"DamagedExample: (.*)", str(error))
    return DamagedExample(found[1]) if found else None
