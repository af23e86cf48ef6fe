"""The names of runs: readable, safe as file names, and different for different runs.

    nyuv2-labelled_percent25-mgm+256px-synthesis_ratio2-seed0

are the data set, the flags of the block, the variants, the flags of the training and
the seed. What a training needs is not in it: a variant has to tell its trainings apart.
"""

import re
from urllib.parse import unquote

from mgm_tf.experiments.registry.records import Block, Flags, Training

LONGEST = 255  # bytes of a file name, on all common file systems

_PLAIN = re.compile(r"[A-Za-z0-9_.]")
_NAME = re.compile(r"[A-Za-z_]+")
_FLAG_AND_NUMBER = re.compile(r"[A-Za-z_]+[0-9]")  # the value begins at the digit
_FLAG_THEN_VALUE = re.compile(r"([A-Za-z_]+)([0-9].*)")
_SEED = re.compile(r"(.+)-seed([0-9]+)")


def run_name(dataset: str, flags: Flags, training: Training, seed: int) -> str:
    """Returns the name of a run's folder.

    Two runs of the same name have the same data set, flags, variants and seed.

    Raises:
      ValueError: the seed is negative, or the name would be too long for a file.
    """
    if seed < 0:
        raise ValueError(f"Expected a seed of 0 or more, got {seed}.")
    name = f"{stem(dataset, flags, training)}-seed{seed}"
    if len(name) > LONGEST:
        raise ValueError(
            f"{name} has {len(name)} letters; a file name has {LONGEST} at most."
        )
    return name


def stem(dataset: str, flags: Flags, training: Training) -> str:
    """Returns the name of a run without its seed."""
    parts = (
        _safe(dataset),
        *(_flag(*flag) for flag in flags),
        _variants(training.variants),
        *(_flag(*flag) for flag in training.flags),
    )
    return "-".join(parts)


def stem_and_seed(name: str) -> tuple[str, int] | None:
    """Returns stem and seed of a name of `run_name`; None for any other name."""
    match = _SEED.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def flags_behind(stem: str, name: str) -> Flags | None:
    """Returns the flags that a name has behind a stem; None if it begins otherwise."""
    begin = f"{stem}-"
    if not name.startswith(begin):
        return None
    parts = name.removeprefix(begin).split("-")
    return tuple(match for part in parts if (match := _read_flag(part)))


def _read_flag(part: str) -> tuple[str, str] | None:
    """Reads what `_flag` writes; None of a part that is no flag."""
    name, equals, value = part.partition("=")
    match = _FLAG_THEN_VALUE.fullmatch(part)
    if not equals and match:
        name, value = match[1], match[2]
    elif not equals:
        return None
    return unquote(name), ",".join(map(unquote, value.split("+")))


def flags_on(block: Block, dataset: str) -> Flags:
    """Returns the flags of the block's runs on this data set, or on another one."""
    return block.flags + (block.own_flags if dataset == block.dataset else ())


def _flag(name: str, value: str) -> str:
    """Returns `ratio2`; `tasks=depth+normals` if the value's begin were not clear.

    The commas of a list become `+`: a list of runs is separated by commas itself.
    """
    is_clear = _NAME.fullmatch(name) and re.match("[0-9]", value)
    values = "+".join(_safe(part) for part in value.split(","))
    return f"{_safe(name)}{'' if is_clear else '='}{values}"


def _variants(variants: tuple[str, ...]) -> str:
    """Joins names by `+`; begins with one if they are none or look like a flag."""
    joined = "+".join(map(_safe, variants))
    is_clear = joined and not _FLAG_AND_NUMBER.match(joined)
    return joined if is_clear else f"+{joined}"


def _safe(text: str) -> str:
    """Escapes all but letters, digits, dots and underscores by numbers, `%2D`."""
    return "".join(
        letter
        if _PLAIN.fullmatch(letter)
        else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in text
    )
