"""Commands called in this process, with their flags defined as long as they run."""

import contextlib
import sys
import types
from collections.abc import Iterator

import pytest
from absl import flags

from mgm_tf.config import command_line


@contextlib.contextmanager
def flags_of(module: types.ModuleType) -> Iterator[None]:
    """Defines a command's flags for as long as it runs."""
    before = set(flags.FLAGS)
    module.define_flags()
    names = set(flags.FLAGS) - before | {"debug", "grace_s"}
    try:
        yield
    finally:
        for name in names & set(flags.FLAGS):
            delattr(flags.FLAGS, name)
        flags.FLAGS.mark_as_parsed()


def call(module: types.ModuleType, *arguments: object) -> int | str:
    """Runs a command with these arguments and returns its exit code."""
    with pytest.MonkeyPatch.context() as monkeypatch, flags_of(module):
        monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            # A module has one command, or several by name.
            main = getattr(module, "COMMANDS", None) or module.main
            command_line.run(main)
    return ended.value.code or 0


def given(**values: object) -> list[str]:
    """Flags with values."""
    return [f"--{name}={value}" for name, value in values.items()]
