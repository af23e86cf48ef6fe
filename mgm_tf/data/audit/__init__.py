"""The audit of a built data set: what is in it, and what of that cannot be right.

    report = audit(splits)         # everything, once, after building
    write(report, folder)          # report.html to look at, report.json to compute with
    check(splits)                  # a sample, before every training; refuses nonsense

`Report.record` holds, all JSON:

  data_set: its full name;
  image_size, label_kind, scene_names, scene_source, notes: of the data;
  tasks: by name: `unit`, `source`, `classes` (`name`, `color`), `range` (the ends of
    the colours on the page) and `info`, the whole `TaskInfo`;
  splits: by name: `examples`, `looked_at`, `complete` (all were), `damaged`
    (stored examples that cannot be read: `count`, `reasons`), `image` (`mean`,
    `std`, `blank`), `labels` (`counts` by class, `unknown`, `wrong`), and `tasks`: by
    name: `images` (with a label), `ignored` (share of their pixels without one),
    `values` (by channel), `histograms`, `classes` (`pixels` and `images` of each),
    `searched` and `beyond` (of a task without a label in the sample: images that were
    looked through, labels found there), `constant`, `most_repeated_map`, `outside`,
    `at_top`, `off_length`, `away` (shares of the labelled pixels: of no class, of the
    largest value, no unit vector, facing away from the camera), `worst` (the example
    with the largest share of `at_top` and `away`), `alignment` (see
    `alignment.compare`);
  duplicates: `across` and `within` splits, `near_across`, `near_within`: `count` and
    the first `pairs`, by their names and `at` (split and number); `skipped`
    comparisons;
  damaged: what was left out at building.
"""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf

from mgm_tf.data.audit import checks, duplicates, page, pictures, values
from mgm_tf.data.audit.report import Example, Finding, Report, summary
from mgm_tf.data.splits import Split
from mgm_tf.errors import DamagedExample
from mgm_tf.files import whole
from mgm_tf.plotting import colors, terminal

__all__ = ["Finding", "Report", "audit", "check", "summary", "write"]

AHEAD = 2  # batches that are read while one is counted
BATCH = 32  # images of 128 pixels that are looked at together; fewer larger ones
SHOWN = 24  # examples of a split on the page
ALIGNED = 256  # examples of a split whose edges are compared
LISTED = 100  # pairs of duplicates in the record
SEARCHED = 2000  # examples that are looked through for a single label

Batch = dict[str, np.ndarray]
ReadBatch = tuple[np.ndarray, Batch, list[str]]  # numbers, examples, reasons


def audit(
    splits: Mapping[str, Split],
    most: int | None = None,
    damaged: Sequence[Mapping] = (),
    progress: bool = True,
) -> Report:
    """Audits the examples of all splits.

    Args:
      splits: the splits of one data set by name, opened with the tasks to look at.
      most: the largest number of examples of each split, evenly spread; None: all.
      damaged: examples that were left out at building: `name`, `file`, `reason`.
      progress: whether to show a bar with the time left, and to keep pictures of the
        worst examples of what is found.
    """
    numbers = {name: _spread(len(split), most) for name, split in splits.items()}
    total = sum(map(len, numbers.values()))
    with terminal.Progress("audit", total, "images", shown=progress) as bar:
        parts = {
            name: _Part(split, numbers[name], bar) for name, split in splits.items()
        }
    record = {
        **_about(splits),
        "splits": {name: part.result() for name, part in parts.items()},
        "duplicates": _duplicates(parts),
        "damaged": [dict(example) for example in damaged],
    }
    for name, task in record["tasks"].items():
        task["range"] = _range(name, parts)
    sheets = {name: part.sheet for name, part in parts.items()}
    found = checks.findings(record)
    shown = pictures.pictures(found, splits, record) if progress else {}
    return Report(record, found, sheets, shown)


def check(
    splits: Mapping[str, Split], most: int = 64, *, refuse: bool = True
) -> Report:
    """Audits a sample of each split; prints warnings and raises errors.

    The sample is the same every time. Unless it is to `refuse`, errors are printed as
    well.

    Raises:
      ValueError: the data cannot be right; says all that was found.
    """
    report = audit(splits, most, progress=False)
    for finding in report.warnings if refuse else report.findings:
        print(f"Data: {finding}", flush=True)
    if refuse:
        report.refuse()
    return report


def write(report: Report, folder: str | pathlib.Path) -> pathlib.Path:
    """Writes `report.html`, which needs nothing else, and `report.json`.

    Returns:
      The page's path.
    """
    folder = pathlib.Path(folder)
    whole.make_folder(folder)
    text = json.dumps(report.as_json(), indent=1, allow_nan=False)
    whole.write_text(folder / "report.json", text + "\n")
    path = folder / "report.html"
    whole.write_text(path, page.page(report))
    return path


class _Part:
    """The counts of a split, made in one pass."""

    def __init__(self, split: Split, numbers: np.ndarray, bar: terminal.Progress):
        self.split = split
        self.looked_at = 0
        self.damaged: list[str] = []
        self.images = values.Images()
        self.labels = values.SceneClasses(split.info)
        infos = split.info.tasks
        self.maps = {name: values.Maps(infos[name]) for name in split.tasks}
        self.edges = values.Edges(split.info, split.tasks)
        self.sheet: list[Example] = []
        aligned = numbers[_spread(len(numbers), ALIGNED)]
        shown = numbers[_spread(len(numbers), SHOWN)]
        for part, batch in _batches(split, numbers, self.damaged):
            self.looked_at += len(part)
            self.images.add(part, batch["image"])
            self.labels.add(part, batch["scene"])
            for name, maps in self.maps.items():
                maps.add(part, batch[name])
            self._add_edges(batch, np.isin(part, aligned))
            self._add_examples(batch, part, np.isin(part, shown))
            bar.update(len(part))

    def names(self, numbers: Sequence[int] | np.ndarray) -> list[str]:
        """Returns the names of examples."""
        return self.split.names(np.asarray(numbers, np.int64)) if len(numbers) else []

    def result(self) -> dict:
        """Returns the split's part of the record."""
        edges = self.edges.result()
        tasks = {}
        for name, maps in self.maps.items():
            tasks[name] = maps.result(self.names)
            tasks[name]["alignment"] = edges.get(name, {})
            if not tasks[name]["images"]:
                tasks[name] |= self._searched(name)
        return {
            "examples": len(self.split),
            "looked_at": self.looked_at,
            "complete": self._is_complete(),
            "damaged": {"count": len(self.damaged), "reasons": self.damaged[:LISTED]},
            "image": self.images.result(self.names),
            "labels": self.labels.result(self.names),
            "tasks": tasks,
        }

    def _is_complete(self) -> bool:
        return self.looked_at + len(self.damaged) == len(self.split)

    def _add_edges(self, batch: Batch, selected: np.ndarray) -> None:
        if selected.any():
            self.edges.add({key: value[selected] for key, value in batch.items()})

    def _add_examples(
        self, batch: Batch, numbers: np.ndarray, selected: np.ndarray
    ) -> None:
        names = self.names(numbers[selected])
        for name, row in zip(names, np.flatnonzero(selected), strict=True):
            maps = {task: batch[task][row] for task in self.split.tasks}
            label = _in_words(self.split.info.scene_names, batch["scene"][row])
            self.sheet.append(Example(name, label, batch["image"][row], maps))

    def _searched(self, task: str) -> dict:
        """Looks for a label beyond the sample: a sample may miss what is rare."""
        missing = self.split.info.tasks[task].missing
        numbers = _spread(len(self.split), SEARCHED)
        if not self._is_complete():
            for _, batch in _batches(self.split, numbers, []):
                count = int(np.any(batch[task] != missing, axis=(1, 2, 3)).sum())
                if count:
                    return {"searched": len(numbers), "beyond": count}
        return {"searched": max(self.looked_at, len(numbers)), "beyond": 0}


def _batches(
    split: Split, numbers: np.ndarray, damaged: list[str]
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yields the numbers and the examples, in batches, as stored.

    What cannot be read is left out; `damaged` gets the reasons.
    """
    size = min(BATCH, max(1, BATCH * 128**2 // split.info.image_size**2))
    pieces = np.split(numbers, range(size, len(numbers), size))
    waiting: collections.deque[futures.Future] = collections.deque()
    with futures.ThreadPoolExecutor(AHEAD) as threads:
        for piece in pieces:
            waiting.append(threads.submit(_read, split, piece))
            if len(waiting) > AHEAD:
                yield from _readable(waiting.popleft().result(), damaged)
        while waiting:
            yield from _readable(waiting.popleft().result(), damaged)


def _readable(result: ReadBatch, damaged: list[str]) -> Iterator[tuple]:
    """Yields numbers and batch of what could be read; adds to `damaged`."""
    numbers, batch, reasons = result
    damaged += reasons
    if len(numbers):
        yield numbers, batch


def _read(split: Split, numbers: np.ndarray) -> ReadBatch:
    """Returns the examples that can be read, and why the others cannot."""
    good = numbers
    reasons: list[str] = []
    try:
        batch = split.batch(tf.constant(numbers))
    except DamagedExample:
        good, reasons = _sorted_out(split, numbers)
        batch = split.batch(tf.constant(good)) if len(good) else {}
    return good, {key: value.numpy() for key, value in batch.items()}, reasons


def _sorted_out(split: Split, numbers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    good: list[int] = []
    reasons: list[str] = []
    for number in numbers:
        try:
            split.batch(tf.constant([number]))
            good.append(number)
        except DamagedExample as error:
            reasons.append(str(error))
    return np.array(good, np.int64), reasons


def _spread(length: int, most: int | None) -> np.ndarray:
    """Returns at most so many numbers below `length`, evenly spread."""
    count = length if most is None else min(most, length)
    return np.unique(np.linspace(0, length - 1, count).astype(np.int64))


def _about(splits: Mapping[str, Split]) -> dict:
    """Returns what the data say about themselves."""
    first = next(iter(splits.values()))
    info = first.info
    tasks = {}
    for name in dict.fromkeys(
        name for split in splits.values() for name in split.tasks
    ):
        task = info.tasks[name]
        classes = zip(task.class_names, task.class_colors, strict=True)
        tasks[name] = {
            "unit": task.unit,
            "source": task.source,
            "info": dataclasses.asdict(task),
            "classes": [{"name": n, "color": list(color)} for n, color in classes],
        }
    keys = ("image_size", "label_kind", "scene_source", "notes")
    about = {key: getattr(info, key) for key in keys}
    return {
        "data_set": first.data_set,
        **about,
        "scene_names": list(info.scene_names),
        "tasks": tasks,
    }


def _range(task: str, parts: Mapping[str, _Part]) -> list[float]:
    """Returns the ends of the colours of a task, over all splits."""
    ranges = np.array([p.maps[task].range() for p in parts.values() if task in p.maps])
    known = ranges[np.isfinite(ranges).all(axis=1)]
    if not len(known):
        return [0.0, 1.0]
    low, high = float(known[:, 0].min()), float(known[:, 1].max())
    if task in colors.RANGES:  # of colours with a middle, which is zero
        high = max(abs(low), abs(high))
        low = -high
    return [low, high]


def _in_words(names: Sequence[str], scene: np.ndarray) -> str:
    """Returns an image's label."""
    known = [int(scene)] if scene.ndim == 0 else np.flatnonzero(scene).tolist()
    words = [names[number] for number in known if 0 <= number < len(names)]
    return ", ".join(words)


# --- Duplicates ---------------------------------------------------------------------


def _duplicates(parts: Mapping[str, _Part]) -> dict:
    """Returns images that are in the data more than once."""
    owners = list(parts)
    lists = [part.images for part in parts.values()]
    numbers = np.concatenate([n for images in lists for n in images.numbers])
    digests = np.concatenate([d for images in lists for d in images.digests])
    prints = np.concatenate(
        [
            np.zeros((0, duplicates.WORDS), np.uint64),
            *(p for images in lists for p in images.prints),
        ]
    )
    sizes = [sum(map(len, images.numbers)) for images in lists]
    owner = np.repeat(np.arange(len(owners)), sizes)

    def named(places: np.ndarray) -> Iterator[str]:
        for place in places:
            part = parts[owners[owner[place]]]
            name = part.names([numbers[place]])[0]
            yield f"{owners[owner[place]]}/{name}"

    def at(places: np.ndarray) -> list[tuple[str, int]]:
        return [(owners[owner[place]], int(numbers[place])) for place in places]

    def listed(sets: Sequence, distances: Sequence | None = None) -> dict:
        shown: list[dict] = [
            {"images": list(named(places[:4])), "at": at(places[:4])}
            for places in sets[:LISTED]
        ]
        for pair, distance in zip(shown, distances or (), strict=False):
            pair |= {"distance": int(distance)}
        return {"count": len(sets), "pairs": shown}

    same: dict[bool, list] = {True: [], False: []}
    for group in duplicates.groups(digests):
        # The first of each split, then the rest: what is shown shows the leak.
        _, first = np.unique(owner[group], return_index=True)
        ordered = np.r_[group[first], np.delete(group, first)]
        same[len(first) > 1].append(ordered)
    # One of each group: the others would come with it.
    _, single = np.unique(digests, return_index=True)
    near = duplicates.near_pairs(prints[single])
    pairs = np.sort(single[np.stack([near.first, near.second], axis=1)], axis=1)
    across = owner[pairs[:, 0]] != owner[pairs[:, 1]]
    result = {"across": listed(same[True]), "within": listed(same[False])}
    for key, selected in (("near_across", across), ("near_within", ~across)):
        places = np.flatnonzero(selected)
        places = places[np.argsort(near.distance[places], kind="stable")]
        result[key] = listed(list(pairs[places]), list(near.distance[places]))
    return {**result, "skipped": near.skipped}
