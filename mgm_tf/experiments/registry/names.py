"""The names of runs: readable, safe as file names, another for whatever is another run.

    nyuv2-labelled_percent25-mgm+256px-synthesis_ratio2-seed0

are the data set, the flags of the block, the variants, the flags of the training and
the seed. What a training needs is not in it: a variant has to tell its trainings apart.
"""

import re

from mgm_tf.experiments.registry.records import Block, Flags, Training

LONGEST = 255  # bytes of a file name, on all common file systems

_PLAIN = re.compile(r"[A-Za-z0-9_.]")
_NAME = re.compile(r"[A-Za-z_]+")
_FLAG_AND_NUMBER = re.compile(r"[A-Za-z_]+[0-9]")  # the value begins at the digit
_SEED = re.compile(r"(.+)-seed([0-9]+)")


def run_name(dataset: str, flags: Flags, training: Training, seed: int) -> str:
    """The name of a run's folder.

    Two of the same name have the same data set, flags, variants and seed.

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
    """The name of a run without its seed."""
    parts = (
        _safe(dataset),
        *(_flag(*flag) for flag in flags),
        _variants(training.variants),
        *(_flag(*flag) for flag in training.flags),
    )
    return "-".join(parts)


def stem_and_seed(name: str) -> tuple[str, int] | None:
    """What `run_name` made the name of; None if it did not make it."""
    found = _SEED.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def flags_on(block: Block, dataset: str) -> Flags:
    """The flags of the block's runs on a data set, the paper's own or another."""
    return block.flags + (block.own_flags if dataset == block.dataset else ())


def _flag(name: str, value: str) -> str:
    """`ratio2`; `tasks=depth+normals` where it cannot be seen where the value begins.

    The commas of a list become `+`: a list of runs is separated by commas itself.
    """
    is_clear = _NAME.fullmatch(name) and re.match("[0-9]", value)
    values = "+".join(_safe(each) for each in value.split(","))
    return f"{_safe(name)}{'' if is_clear else '='}{values}"


def _variants(variants: tuple[str, ...]) -> str:
    """Joined by `+`, one in front of what is empty or could be taken for a flag."""
    joined = "+".join(map(_safe, variants))
    is_clear = joined and not _FLAG_AND_NUMBER.match(joined)
    return joined if is_clear else f"+{joined}"


def _safe(text: str) -> str:
    """Letters, digits, dots and underscores; all else by its number, `%2D`."""
    return "".join(
        letter
        if _PLAIN.fullmatch(letter)
        else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in text
    )
