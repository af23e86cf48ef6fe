"""Options: frozen dataclasses whose fields are flags.

A field made by `option` is a flag of the same name; its type is the flag's type, its
metadata the help text. A dataclass may hold others; names are unique over all.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Literal

from absl import flags


def option(default, text: str, *, may_change: bool = False, folder: bool = False):
    """A field with its help text.

    Args:
      habit: the value changes what is shown or how fast it goes, not what is learned; a
        run may be continued with another value.
      folder: the value names folders: it is what lies there that matters, not where.
    """
    metadata = {"help": text, "may_change": may_change, "folder": folder}
    return dataclasses.field(default=default, metadata=metadata)


def _enum(name, default, text, kind, values):
    flags.DEFINE_enum(name, default, typing.get_args(kind), text, flag_values=values)


def _list(name, default, text, kind, values):
    flags.DEFINE_list(name, list(default), text, flag_values=values)


def _plain(define):
    return lambda name, default, text, kind, values: define(
        name, default, text, flag_values=values
    )


_DEFINE = {
    Literal: _enum,
    tuple: _list,
    int: _plain(flags.DEFINE_integer),
    float: _plain(flags.DEFINE_float),
    bool: _plain(flags.DEFINE_bool),
    str: _plain(flags.DEFINE_string),
}


def define_flags(group, values: flags.FlagValues) -> None:
    """Defines one flag for each leaf field of `group`."""
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            define_flags(field.type, values)
        else:
            kind = typing.get_origin(field.type) or field.type
            define = _DEFINE[kind]
            text = field.metadata["help"]
            define(field.name, field.default, text, field.type, values)


def build(group, settings: Mapping):
    """`group` from flat settings, name -> value (lists for tuples)."""
    made = {}
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            made[field.name] = build(field.type, settings)
        else:
            value = settings[field.name]
            made[field.name] = tuple(value) if isinstance(value, list) else value
    return group(**made)


def from_flags(group, values: flags.FlagValues):
    """`group` from parsed flags."""
    return build(group, {name: values[name].value for name in leaves(group)})


def leaves(group) -> dict[str, dataclasses.Field]:
    """All leaf fields below `group`, by name."""
    found = {}
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            found.update(leaves(field.type))
        else:
            found[field.name] = field
    return found


def settings(options) -> dict[str, object]:
    """The values of groups of options as one flat mapping, name -> value."""
    groups = dataclasses.asdict(options)
    return {name: value for group in groups.values() for name, value in group.items()}
