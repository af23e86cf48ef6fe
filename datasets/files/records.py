"""JSON that people or programs write, held against the dataclass that it describes.

    record = records.read(path)                   # any JSON, duplicates refused
    best = records.build(Best, record, path)      # an instance, every field checked

Every error names the file, the place in it, what was expected and what was found:
`config.json: depth.scale: expected a finite number, found 1e400`.
"""

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from datasets.files import names, text
from datasets.files.damage import Path

Record = TypeVar("Record")
# place in the file, value -> the value as it is kept; raises ValueError
Check = Callable[[str, Any], Any]

_HALVES = re.compile("[\ud800-\udfff]")
_LONGEST = 80  # characters of a value in a message
_WORDS: Mapping[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
}


class _Written(float):
    """A number as the file has it: 1e400 is infinite only to a computer."""

    def __new__(cls, digits: str) -> "_Written":
        """Reads the digits."""
        number = super().__new__(cls, digits)
        number.digits = digits
        return number

    digits: str

    def __repr__(self) -> str:
        return self.digits


def read(path: Path, remedy: str = "") -> Any:
    """Reads a JSON file.

    Args:
      path: the path of the file.
      remedy: what to do if it is no such file, a sentence.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no JSON, or has a key twice; the message names the file.
    """
    try:
        return parse(text.read(path))
    except ValueError as error:
        where = "" if names.shown(path) in str(error) else f"{names.shown(path)}: "
        raise ValueError(_with_remedy(f"{where}{error}", remedy)) from error


def read_object(path: Path, remedy: str = "") -> dict[str, Any]:
    """Reads a JSON file that holds an object with something in it.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it holds something else; the message names the file.
    """
    record = read(path, remedy)
    if not isinstance(record, dict) or not record:
        error = expected(names.shown(path), "an object {…}", record)
        raise ValueError(_with_remedy(str(error), remedy))
    return record


def parse(source: str) -> Any:
    """Returns the value of a JSON text.

    Raises:
      ValueError: it is none, is nested too deeply, or has a key twice.
    """
    if not source.strip():
        raise ValueError("expected JSON, found an empty file")
    try:
        return json.loads(
            source,
            object_pairs_hook=_unique,
            parse_float=_Written,
            parse_int=lambda digits: (int if len(digits) < 20 else _Written)(digits),
        )
    except RecursionError as error:
        raise ValueError("expected JSON, found brackets without end") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON: {error}") from error


def read_lines(path: Path, remedy: str = "") -> list[dict[str, Any]]:
    """Reads a file of one JSON object a line.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a line is none; the message names file and line.
    """
    records = []
    for number, line in enumerate(text.read(path).splitlines(), 1):
        where = f"{names.shown(path)}, line {number}"
        try:
            records.append(an_object("it", parse(line)))
        except ValueError as error:
            raise ValueError(_with_remedy(f"{where}: {error}", remedy)) from error
    return records


def build(
    kind: type[Record],
    record: Any,
    path: Path,
    *,
    checks: Mapping[str, Check] | None = None,
    remedy: str = "",
) -> Record:
    """Returns an instance of a dataclass with the values of a JSON object.

    Fields with a default may be absent. Lists become tuples where the field is one;
    numbers are finite.

    Args:
      kind: the dataclass.
      record: what the file holds.
      path: the path of the file, for messages.
      checks: what else holds of a field: `NAME`, or `FIELD.NAME` of one in another.
      remedy: what to do if something is wrong, a sentence.

    Raises:
      ValueError: an unknown key, one that is missing, or a value of another type or
        out of range.
    """
    try:
        return _instance(kind, "", record, checks or {})
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            _with_remedy(f"{names.shown(path)}: {error}", remedy)
        ) from error


def check(kind: Any, where: str, value: Any) -> Any:
    """Returns a JSON value as one of a type of a dataclass' field.

    Args:
      kind: the type: `int`, `tuple[float, ...]`, `Literal[...]`, a dataclass, …
      where: the place of the value, for messages.
      value: the value.

    Raises:
      ValueError: it is none of that type, or a number that is not finite.
    """
    return _value(kind, where, value, {})


def an_object(where: str, value: Any, allowed: Collection[str] | None = None) -> dict:
    """Returns a value that is a JSON object, of no other keys than those allowed.

    Raises:
      ValueError: it is something else, or has another key.
    """
    if not isinstance(value, dict):
        raise expected(where, "an object {…}", value)
    unknown = [key for key in value if allowed is not None and key not in allowed]
    if allowed is not None and unknown:
        hint = names.nearest(unknown[0], allowed)
        raise ValueError(
            f"{where}: unknown key {', '.join(map(repr, unknown))}; allowed are "
            f"{', '.join(allowed)}{hint}"
        )
    return value


def number(where: str, value: Any, above: float | None = None) -> float:
    """Returns a finite number, above a bound if there is one.

    Raises:
      ValueError: it is none.
    """
    what = "a finite number" if above is None else f"a finite number above {above:g}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise expected(where, what, value)
    if above is not None and not value > above:
        raise expected(where, what, value)
    return float(value)


def choice(where: str, value: Any, allowed: Collection[str]) -> str:
    """Returns a text that is one of those allowed.

    Raises:
      ValueError: it is none of them.
    """
    if not isinstance(value, str) or value not in allowed:
        among = f"one of {', '.join(repr(item) for item in allowed if item)}"
        hint = names.nearest(value, allowed) if isinstance(value, str) else ""
        raise ValueError(f"{where}: expected {among}; found {shown(value)}{hint}")
    return value


def expected(where: str, what: str, value: Any) -> ValueError:
    """Returns the error of a value that is not what was expected."""
    return ValueError(f"{where}: expected {what}, found {shown(value)}")


def shown(value: Any) -> str:
    """Returns a value as a message has it: short, and never a long number in full."""
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _with_remedy(message: str, remedy: str) -> str:
    return f"{message}. {remedy}" if remedy else message


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen = [name for name, _ in pairs]
        twice = next(name for name in record if seen.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return record


def _instance(kind: Any, where: str, record: Any, checks: Mapping[str, Check]) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    an_object(where or "the file", record, tuple(fields))
    hints = typing.get_type_hints(kind)
    values = {}
    for name, field in fields.items():
        place = f"{where}.{name}" if where else name
        if name not in record:
            is_needed = (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            )
            if is_needed:
                raise ValueError(f"{place} is missing")
            continue
        values[name] = _value(hints[name], place, record[name], checks)
        if place in checks:
            values[name] = checks[place](place, values[name])
    return kind(**values)


def _value(kind: Any, where: str, value: Any, checks: Mapping[str, Check]) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, where, value, checks)
    if origin is Literal:
        return choice(where, value, arguments)
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, where, value, checks)
    if origin is tuple:
        return _tuple(arguments, where, value, checks)
    if origin in (list, Sequence):
        return [
            _value(arguments[0], f"{where}[]", v, checks) for v in _list(where, value)
        ]
    if kind is dict or kind is Mapping or origin in (dict, Mapping):
        of = arguments[1] if arguments else Any
        return {
            key: _value(of, f"{where}.{key}", item, checks)
            for key, item in an_object(where, value).items()
        }
    return _leaf(kind, where, value)


def _leaf(kind: Any, where: str, value: Any) -> Any:
    if kind is float:
        return number(where, value)
    if kind in (int, str, bool):
        # To Python, true is a number.
        if type(value) is not kind or (kind is str and not _can_be_written(value)):
            raise expected(where, _WORDS[kind], value)
    elif kind is type(None) and value is not None:
        raise expected(where, "null", value)
    return value


def _can_be_written(words: str) -> bool:
    """Returns whether a text has no halves of characters, which JSON can have."""
    return not _HALVES.search(words)


def _list(where: str, value: Any) -> list | tuple:
    if not isinstance(value, list | tuple):
        raise expected(where, "a list […]", value)
    return value


def _tuple(
    kinds: tuple[Any, ...], where: str, value: Any, checks: Mapping[str, Check]
) -> tuple:
    items = _list(where, value)
    if len(kinds) == 2 and kinds[1] is ...:
        kinds = (kinds[0],) * len(items)
    if len(kinds) != len(items):
        raise expected(where, f"a list of {len(kinds)}", value)
    pairs = enumerate(zip(kinds, items, strict=True))
    return tuple(_value(k, f"{where}[{n}]", item, checks) for n, (k, item) in pairs)


def _one_of(
    kinds: tuple[Any, ...], where: str, value: Any, checks: Mapping[str, Check]
) -> Any:
    errors = []
    for kind in kinds:
        try:
            return _value(kind, where, value, checks)
        except ValueError as error:
            errors.append(error)
    # That of the first, which is what is meant; the others are mostly null.
    raise errors[0]
