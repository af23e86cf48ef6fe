"""Which runs may be averaged or compared, and what speaks against it, in words.

A difference of settings or of data refuses: the figures would be of different things.
One of code or versions is a warning: they may be.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mgm_tf.config import idle, options
from mgm_tf.config.settings import Config
from mgm_tf.experiments.report.runs import Run, flat

SEED = "seed"
DRAW = "split_seed"
# Flags whose value names folders of runs. The names differ with the seed: what counts
# is how those runs were set, which the run's record of its start tells.
SOURCES = ("start_from", "generators_from", "oracle")
# The setting that names a file: what counts is its content.
PRETRAINED = "pretrained"
RANDOM = "random weights"
# What the rows of a block have in common, if they are to be compared.
SHARED = (
    "dataset",
    "protocol",
    "image_size",
    "target_coding",
    "labelled_percent",
    "split_seed",
    "width",
)
ABSENT = "not there"
SHOWN = 10  # letters of a commit

Named = Sequence[tuple[str, Run]]  # runs, and what they are called in a message


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether runs may be averaged, and what speaks against it.

    Attributes:
      refusals: why the runs cannot be averaged.
      warnings: what else differs.
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def across_seeds(runs: Mapping[int, Run], changeable: Collection[str] = ()) -> Verdict:
    """Compares runs that should differ by their seed alone.

    Args:
      runs: the runs by the seed in their names.
      changeable: the names of settings that change nothing that is learned.
    """
    each = [(run.name, run) for run in runs.values()]
    ignored = {SEED, PRETRAINED, *SOURCES, *changeable}
    if all(run.settings.get(DRAW) == run.seed for run in runs.values()):
        ignored.add(DRAW)  # Each seed has labelled examples of its own.
    refusals = [
        *_misnamed(runs),
        *_settings(each, lambda run: run.settings, "--", ignored),
        *_sources(each, ignored - {PRETRAINED}),
        *_difference("pretrained encoder", each, pretrained),
        *_difference("data", each, _data),
        *_difference("evaluated checkpoint", each, _of_result("checkpoint")),
        *_difference("test examples", each, _of_result("examples")),
    ]
    return Verdict(
        tuple(refusals), tuple(_of_code(each) + _unrecorded(list(runs.values())))
    )


def across_rows(rows: Mapping[str, Sequence[Run]]) -> Verdict:
    """Compares the runs of rows that stand below each other, by row.

    The refusals are differences of the data.
    """
    each = [(name, run) for name, runs in rows.items() for run in runs]
    alike = dict.fromkeys(SHARED)
    if all(run.settings.get(DRAW) == run.seed for _, run in each):
        del alike[DRAW]
    shared = [
        line
        for name in alike
        for line in _difference(f"--{name}", each, _setting(name))
    ]
    shared += _difference("pretrained encoder", each, pretrained)
    refusals = _difference("data", each, _data)
    return Verdict(tuple(refusals), tuple(shared + _of_code(each)))


def pretrained(run: Run) -> str:
    """Names the published weights that a run's encoder began with; else `RANDOM`."""
    setting = run.settings.get(PRETRAINED)
    record = run.starts[0].get(PRETRAINED) if run.starts else None
    if record:
        return f"{record['name']} ({record['sha256'][:8]})"
    return f"{setting} (no record of it)" if setting else RANDOM


# --- Parts --------------------------------------------------------------------------


def _misnamed(runs: Mapping[int, Run]) -> list[str]:
    return [
        f"--{SEED}: {run.seed} in {run.name}"
        for seed, run in runs.items()
        if run.seed is not None and run.seed != seed
    ]


def _settings(
    runs: Named,
    read: Callable[[Run], Mapping],
    prefix: str,
    ignored: Collection[str],
) -> list[str]:
    """The settings that differ, by name; those that change nothing do not."""
    settings = {id(run): read(run) for _, run in runs}
    unread = {key: idle.settings_of(each) for key, each in settings.items()}
    # A run from before there was a setting did what its `before` says.
    before = {
        name: field.metadata["before"]
        for name, field in options.leaves(Config).items()
        if field.metadata["before"] is not None
    }
    names = dict.fromkeys(name for each in settings.values() for name in each)
    return [
        line
        for name in names
        if name not in ignored
        for line in _difference(
            prefix + name,
            runs,
            _entry(settings, unread, name, before.get(name, ABSENT)),
        )
    ]


def _sources(runs: Named, ignored: Collection[str]) -> list[str]:
    """How the settings of the runs differ that these runs began with."""
    lines = []
    for flag in SOURCES:
        counts = [len(sources(run, flag)) for _, run in runs]
        if len(set(counts)) > 1:
            lines += _difference(f"--{flag}, runs", runs, _count(flag))
            continue
        for place in range(counts[0] if counts else 0):
            prefix = f"--{flag}, run {place + 1}: --"
            lines += _settings(runs, _source(flag, place), prefix, ignored)
    return lines


def sources(run: Run, flag: str) -> list[dict[str, object]]:
    """The settings of the runs that a run began with, in the order of the flag."""
    records = run.starts[0].get("sources") or [] if run.starts else []
    return [flat(s["settings"]) for s in records if s["flag"] == flag]


def _of_code(runs: Named) -> list[str]:
    return [
        *_difference("commit", runs, _of_starts("code", "commit", SHOWN)),
        *_difference("tensorflow", runs, _of_starts("machine", "tensorflow")),
        *_difference("keras", runs, _of_starts("machine", "keras")),
    ]


def _unrecorded(runs: Sequence[Run]) -> list[str]:
    """What the runs' records leave open."""
    changed = [run.name for run in runs if _is_changed(run)]
    lines = [f"code changed after its commit in {_names(changed)}"] if changed else []
    silent = [run.name for run in runs if not run.data.get("fingerprint")]
    lines += [f"no record of the data of {_names(silent)}"] if silent else []
    for flag in SOURCES:
        silent = [r.name for r in runs if r.settings.get(flag) and not sources(r, flag)]
        lines += [f"--{flag} of {_names(silent)}: no record of it"] if silent else []
        lines += [
            f"--{flag} of {run.name} is of seed {one[SEED]}"
            for run in runs
            for one in sources(run, flag)
            if SEED in one and one[SEED] != run.seed
        ]
    return lines


def _of_starts(
    part: str, key: str, most: int | None = None
) -> Callable[[Run], str | None]:
    """What the starts of a run say, each word once; at most so many letters of it."""

    def read(run: Run) -> str | None:
        values = (start.get(part, {}).get(key) for start in run.starts)
        return ", then ".join(dict.fromkeys(str(v)[:most] for v in values if v)) or None

    return read


def _is_changed(run: Run) -> bool:
    return any(start.get("code", {}).get("modified") for start in run.starts)


def _data(run: Run) -> str | None:
    fingerprint = run.data.get("fingerprint")
    return f"{run.data.get('name')} ({fingerprint[:8]})" if fingerprint else None


def _of_result(key: str) -> Callable[[Run], object]:
    return lambda run: (run.result or {}).get(key)


def _setting(name: str) -> Callable[[Run], object]:
    return lambda run: run.settings.get(name)


def _entry(
    settings: Mapping[int, Mapping],
    unread: Mapping[int, Collection[str]],
    name: str,
    absent: object,
) -> Callable[[Run], object]:
    """Reads a setting; None where it changes nothing. The runs are told by `id`."""
    return lambda run: (
        None if name in unread[id(run)] else settings[id(run)].get(name, absent)
    )


def _source(flag: str, place: int) -> Callable[[Run], Mapping]:
    return lambda run: sources(run, flag)[place]


def _count(flag: str) -> Callable[[Run], object]:
    return lambda run: len(sources(run, flag))


def _difference(what: str, runs: Named, read: Callable[[Run], object]) -> list[str]:
    """`--width: 0.25 in X and Z, 1.0 in Y`; nothing if all that tell it agree."""
    names_by_value: dict[str, dict[str, None]] = {}
    for name, run in runs:
        value = read(run)
        if value is not None:
            names_by_value.setdefault(str(value) or "nothing", {})[name] = None
    parts = [f"{value} in {_names(names)}" for value, names in names_by_value.items()]
    return [f"{what}: {', '.join(parts)}"] if len(parts) > 1 else []


def _names(names: Iterable[str], most: int = 4) -> str:
    """`a, b and c`, long lists cut."""
    all_names = list(names)
    shown = all_names[:most]
    rest = len(all_names) - len(shown)
    shown += [f"{rest} more"] * (rest > 0)
    return " and ".join([", ".join(shown[:-1])] * (len(shown) > 1) + shown[-1:])
