"""What records say of the machine they were made on, and how others are spared it.

Models and records of runs are given away: paths in them become names, and what names a
machine or a person is left out.
"""

import re
from collections.abc import Mapping
from typing import Any

# Settings that are places on one machine, and no part of what is learned.
PLACES = ("data_dir", "manual_dir")
# What is recorded of a machine by its name.
_OF_THE_MACHINE = frozenset({"platform", "hostname", "host", "user", "command"})
# A path from the root, of two parts or more; its last part is kept.
_PATH = re.compile(r"(?<![\w.:/~])~?/(?:[^/\s,;:'\"]+/)+([^/\s,;:'\"]*)")


def without_places(value: Any) -> Any:
    """Returns JSON values without paths and names of machines."""
    if isinstance(value, Mapping):
        return {
            name: _emptied(one) if name in PLACES else without_places(one)
            for name, one in value.items()
            if name not in _OF_THE_MACHINE
        }
    if isinstance(value, list | tuple):
        return [without_places(one) for one in value]
    return _PATH.sub(r"\1", value) if isinstance(value, str) else value


def _emptied(value: object) -> object:
    return "" if isinstance(value, str) else value
