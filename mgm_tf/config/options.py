"""Options: frozen dataclasses whose fields are flags; and the values written in words.

A field made by `option` is a flag of the same name; its type is the flag's type, its
metadata the help text. A dataclass may hold others; names are unique over all.
"""

import dataclasses
import math
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from absl import flags


def option(
    default: object,
    text: str,
    *,
    may_change: bool = False,
    folder: bool = False,
    before: object = None,
) -> Any:
    """Returns a field of a dataclass that is a flag.

    Args:
      default: the value where the flag is not given.
      text: the help of the flag, understood without the code.
      may_change: whether the value changes what is shown or how fast a run goes, and
        not what is learned; a run may be continued with another value.
      folder: whether the value names folders: it is what lies there that matters, not
        where.
      before: the value that describes the runs from before there was the option; None
        if there are none.
    """
    metadata = {
        "help": text,
        "may_change": may_change,
        "folder": folder,
        "before": before,
    }
    return dataclasses.field(default=default, metadata=metadata)


class _FiniteParser(flags.FloatParser):
    """A parser of numbers that one can compute with."""

    def convert(self, argument: Any) -> float:
        """Returns the number; raises ValueError if it is infinite or none."""
        number = super().convert(argument)
        if not math.isfinite(number):
            raise ValueError(f"expected a finite number, found {argument}")
        return number


def _define_finite(
    name: str, default: float, text: str, flag_values: flags.FlagValues
) -> None:
    flags.DEFINE(_FiniteParser(), name, default, text, flag_values=flag_values)


_DEFINE: dict[Any, Callable[..., object]] = {
    int: flags.DEFINE_integer,
    float: _define_finite,
    bool: flags.DEFINE_bool,
    str: flags.DEFINE_string,
}


def define_flags(group: type, values: flags.FlagValues) -> None:
    """Defines one flag for each leaf field of `group`."""
    for name, field in leaves(group).items():
        kind = typing.get_origin(field.type) or field.type
        default: Any = field.default
        text = field.metadata["help"]
        if kind is Literal:
            choices = typing.get_args(field.type)
            flags.DEFINE_enum(name, default, choices, text, flag_values=values)
        elif kind is tuple:
            flags.DEFINE_list(name, list(default), text, flag_values=values)
        else:
            _DEFINE[kind](name, default, text, flag_values=values)


def build(group: type, settings: Mapping[str, object]) -> Any:
    """Returns an instance of `group` of flat settings, name -> value.

    A list, as flags and JSON have it, becomes a tuple.
    """
    values: dict[str, object] = {}
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            values[field.name] = build(cast(type, field.type), settings)
        else:
            value = settings[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return group(**values)


def from_flags(group: type, values: flags.FlagValues) -> Any:
    """Returns an instance of `group` of parsed flags."""
    return build(group, {name: values[name].value for name in leaves(group)})


def leaves(group: type) -> dict[str, dataclasses.Field]:
    """Returns all leaf fields below `group`, by name."""
    fields: dict[str, dataclasses.Field] = {}
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            fields.update(leaves(cast(type, field.type)))
        else:
            fields[field.name] = field
    return fields


def settings(options: Any) -> dict[str, Any]:
    """Returns the values of groups of options as one flat mapping, name -> value."""
    groups = dataclasses.asdict(options)
    return {name: value for group in groups.values() for name, value in group.items()}


@dataclasses.dataclass(frozen=True)
class StepRange:
    """Steps of a run, as an option has them in words.

    Attributes:
      first: the first step, counted from 1.
      last: the last step, which belongs to them.
    """

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> "StepRange":
        """Reads `100:110`.

        Raises:
          ValueError: the text is no such range, or an empty one.
        """
        match = re.fullmatch(r"(\d+):(\d+)", text.strip())
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(
                "Steps are written like 100:110, the first from 1 on and the last; "
                f"received {text!r}."
            )
        return cls(int(match[1]), int(match[2]))


@dataclasses.dataclass(frozen=True)
class StageLength:
    """The length of a stage, as an option has it in words.

    Attributes:
      amount: the number of epochs or steps, 0 or more.
      in_epochs: whether the amount counts epochs, else steps.
    """

    amount: float
    in_epochs: bool

    @classmethod
    def parse(cls, text: str) -> "StageLength":
        """Reads `100epochs`, `0.5epochs` or `2000steps`.

        Raises:
          ValueError: the text is none of these.
        """
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:(epochs)|steps)", text.strip())
        if match is None or not math.isfinite(float(match[1])):
            raise ValueError(
                f"A length is written like 100epochs or 2000steps; received {text!r}."
            )
        return cls(float(match[1]), in_epochs=bool(match[2]))

    def steps(self, examples: int, batch_size: int) -> int:
        """Returns the number of steps: at least one, unless the amount is 0.

        Args:
          examples: the number of examples in an epoch.
          batch_size: the number of examples in a step.
        """
        exact = self.amount
        if self.in_epochs:
            exact = self.amount * examples / batch_size
        return max(round(exact), int(self.amount > 0))
