"""Counting what a split holds, batch by batch: memory does not grow with the maps.

What is kept of every example are a few numbers: hashes of its image and label maps.
Exact percentiles come from counting raw values, of which there are at most 65536.
"""

import hashlib
from collections.abc import Callable

import numpy as np

from datasets import plausibility
from datasets.metadata import DataInfo, TaskInfo
from mgm_tf.data.audit import alignment, duplicates

NAMED = 20  # examples that are named with a finding
PERCENTILES = {"p1": 1, "median": 50, "p99": 99}
BARS = 40  # of a drawn histogram
LEANING = frozenset({"depth", "normals"})  # tasks that tell of the same surface
UNIT_TOLERANCE = 0.1  # of the length of a normal
Names = Callable[[list[int]], list[str]]


def digests(arrays: np.ndarray) -> np.ndarray:
    """Returns a 64-bit hash of each of the arrays [N, …]."""
    raw = [
        hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=8).digest()
        for array in arrays
    ]
    return np.frombuffer(b"".join(raw), np.uint64)


class Tally:
    """The number of examples with some property, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[int] = []

    def add(self, numbers: np.ndarray) -> None:
        """Counts these examples."""
        self.count += len(numbers)
        self._first += [int(n) for n in numbers[: NAMED - len(self._first)]]

    def result(self, names: Names) -> dict:
        """Returns `count`, and the `names` of the first."""
        return {"count": self.count, "names": names(self._first)}


class Worst:
    """The example with the largest share of pixels of some property."""

    def __init__(self) -> None:
        self._share = 0.0
        self._number = 0

    def add(self, numbers: np.ndarray, pixels: np.ndarray, of: np.ndarray) -> None:
        """Looks at examples with so many pixels [N] of so many [N]."""
        shares = pixels / np.maximum(of, 1)
        if len(shares) and shares.max() > self._share:
            self._share = float(shares.max())
            self._number = int(numbers[shares.argmax()])

    def result(self, names: Names) -> dict:
        """Returns `share`, `number` and `name` of the example; empty without one."""
        if not self._share:
            return {}
        number = self._number
        return {"share": self._share, "number": number, "name": names([number])[0]}


class Images:
    """The images of a split: brightness, blank ones, hashes."""

    def __init__(self) -> None:
        self.levels = np.zeros(256, np.int64)
        self.blank = Tally()
        self.numbers: list[np.ndarray] = []
        self.digests: list[np.ndarray] = []
        self.prints: list[np.ndarray] = []

    def add(self, numbers: np.ndarray, images: np.ndarray) -> None:
        """Counts images [N, H, W, 3]."""
        self.levels += np.bincount(images.reshape(-1), minlength=256)
        is_blank = _is_blank(images)
        self.blank.add(numbers[is_blank])
        # Blank images are alike without being duplicates.
        self.numbers.append(numbers[~is_blank])
        self.digests.append(digests(images[~is_blank]))
        if not is_blank.all():
            self.prints.append(duplicates.fingerprints(images[~is_blank]))

    def result(self, names: Names) -> dict:
        """Returns mean and spread of the values, and the blank images."""
        values = np.arange(256)
        total = max(int(self.levels.sum()), 1)
        middle = float((self.levels * values).sum() / total)
        spread = float((self.levels * (values - middle) ** 2).sum() / total) ** 0.5
        return {"mean": middle, "std": spread, "blank": self.blank.result(names)}


class SceneClasses:
    """The image labels of a split."""

    def __init__(self, info: DataInfo):
        self._classes = len(info.scene_names)
        self.counts = np.zeros(self._classes, np.int64)
        self.unknown = Tally()
        self.wrong = Tally()

    def add(self, numbers: np.ndarray, scene: np.ndarray) -> None:
        """Counts labels: class numbers [N], or vectors [N, classes]."""
        if scene.ndim == 1:
            wrong = (scene < -1) | (scene >= self._classes)
            unknown = scene == -1
            vectors = scene[:, None] == np.arange(self._classes)
        else:
            wrong = ((scene != 0) & (scene != 1)).any(axis=-1)
            unknown = ~scene.any(axis=-1)
            vectors = scene == 1
        self.unknown.add(numbers[unknown])
        self.wrong.add(numbers[wrong])
        self.counts += vectors.sum(axis=0)

    def result(self, names: Names) -> dict:
        """Counts images by class, without a label, and with an impossible one."""
        return {
            "counts": self.counts.tolist(),
            "unknown": self.unknown.result(names),
            "wrong": self.wrong.result(names),
        }


class Maps:
    """The label maps of one task in a split."""

    def __init__(self, info: TaskInfo):
        self.info = info
        levels = np.iinfo(info.dtype).max + 1
        self._levels = np.zeros((info.channels, levels), np.int64)
        self._class_images = np.zeros(levels, np.int64)
        self._pixels = 0
        self._labelled = 0
        self._images = 0
        self._off_length = 0
        self._away = 0
        self._worst = {"away": Worst(), "at_top": Worst()}
        self._constant = Tally()
        self._digests: list[np.ndarray] = []

    def add(self, numbers: np.ndarray, raw: np.ndarray) -> None:
        """Counts raw maps [N, H, W, channels]."""
        valid = alignment.labelled(self.info, raw)
        present = valid.any(axis=(1, 2))
        numbers, raw, valid = numbers[present], raw[present], valid[present]
        self._images += len(raw)
        self._pixels += valid.size
        self._labelled += int(valid.sum())
        for channel, counts in enumerate(self._levels):
            counts += np.bincount(raw[..., channel][valid], minlength=len(counts))
        self._digests.append(digests(raw))
        self._constant.add(numbers[_is_constant(raw, valid)])
        if self.info.class_names:
            for classes, known in zip(raw[..., 0], valid, strict=True):
                self._class_images[np.unique(classes[known])] += 1
        number = valid.sum(axis=(1, 2))
        at_top = valid & (raw[..., 0] == self.info.raw_range[1])
        self._worst["at_top"].add(numbers, at_top.sum(axis=(1, 2)), number)
        # A length is one number a pixel, of vectors only.
        if self.info.channels == len("xyz"):
            vectors = self.info.decode(raw)[0]
            length = np.linalg.norm(vectors, axis=-1)
            off = np.abs(length - 1) > UNIT_TOLERANCE
            self._off_length += int((off & valid).sum())
            away = plausibility.facing_away(vectors) & valid
            self._away += int(away.sum())
            self._worst["away"].add(numbers, away.sum(axis=(1, 2)), number)

    def result(self, names: Names) -> dict:
        """Returns all that was counted; see `mgm_tf/data/audit/__init__.py`."""
        hashes = np.concatenate([np.zeros(0, np.uint64), *self._digests])
        _, repeats = np.unique(hashes, return_counts=True)
        first, last = self.info.raw_range
        inside = self._levels[0, first : last + 1]
        classes = {"classes": self._classes()} if self.info.class_names else {}
        return {
            "unit": self.info.unit,
            "images": self._images,
            "ignored": 1 - self._labelled / max(self._pixels, 1),
            "values": [self._values(counts) for counts in self._levels],
            "histograms": [self._bars(counts) for counts in self._levels],
            "outside": int(self._labelled - inside.sum()) / max(self._labelled, 1),
            "at_top": int(self._levels[0, last]) / max(self._labelled, 1),
            "off_length": self._off_length / max(self._labelled, 1),
            "away": self._away / max(self._labelled, 1),
            "worst": {k: worst.result(names) for k, worst in self._worst.items()},
            "constant": self._constant.result(names),
            "most_repeated_map": int(repeats.max(initial=0)),
            **classes,
        }

    def range(self) -> tuple[float, float]:
        """Returns the 1st and 99th percentile over all channels, to draw maps alike."""
        value = self._values(self._levels.sum(axis=0))
        return value["p1"], value["p99"]

    def _classes(self) -> dict:
        number = len(self.info.class_names)
        first = self.info.raw_range[0]
        rows = slice(first, first + number)
        return {
            "pixels": self._levels[0, rows].tolist(),
            "images": self._class_images[rows].tolist(),
        }

    def _physical(self, raw: np.ndarray) -> np.ndarray:
        return raw * self.info.scale + self.info.offset

    def _values(self, counts: np.ndarray) -> dict[str, float]:
        total = counts.sum()
        if not total:
            keys = ("min", *PERCENTILES, "max", "mean")
            return dict.fromkeys(keys, float("nan"))
        physical = self._physical(np.arange(len(counts)))
        there = np.flatnonzero(counts)
        below = np.cumsum(counts)
        ranks = {k: np.ceil(total * p / 100) for k, p in PERCENTILES.items()}
        places = {k: int(np.searchsorted(below, rank)) for k, rank in ranks.items()}
        return {
            "min": float(physical[there[0]]),
            **{name: float(physical[place]) for name, place in places.items()},
            "max": float(physical[there[-1]]),
            "mean": float((physical * counts).sum() / total),
        }

    def _bars(self, counts: np.ndarray) -> dict:
        """Counts pixels in equal steps between the 1st and the 99th percentile."""
        there = np.flatnonzero(counts)
        if not len(there):
            return {"low": 0.0, "high": 1.0, "pixels": [0] * BARS}
        share = np.cumsum(counts) / counts.sum()
        low, high = np.searchsorted(share, (0.01, 0.99))
        edges = np.linspace(low - 0.5, high + 0.5, BARS + 1)
        pixels, _ = np.histogram(there, edges, weights=counts[there])
        ends = self._physical(np.array([low, high]))
        return {
            "low": float(ends[0]),
            "high": float(ends[1]),
            "pixels": [int(number) for number in pixels],
        }


class Edges:
    """How the maps of a split lie on their images, over a sample."""

    def __init__(self, info: DataInfo, tasks: tuple[str, ...]):
        self._tasks = [info.tasks[name] for name in tasks]
        self._images: list[np.ndarray] = []
        self._labels: dict[str, list] = {name: [] for name in tasks}
        self._leanings: list[np.ndarray] = []

    def add(self, batch: dict[str, np.ndarray]) -> None:
        """Keeps the edges of a batch."""
        self._images.append(alignment.image_edges(batch["image"]))
        for info in self._tasks:
            edges = alignment.label_edges(info, batch[info.name])
            self._labels[info.name].append(edges)
        if set(self._labels) >= LEANING:
            maps = {info.name: info.decode(batch[info.name]) for info in self._tasks}
            (depth, depth_known), normals = maps["depth"], maps["normals"]
            self._leanings.append(
                plausibility.leaning(depth[..., 0], depth_known, *normals)
            )

    def result(self) -> dict[str, dict]:
        """Returns by task what `alignment.compare` says; `axes` with the normals."""
        if not self._images:
            return {}
        images = np.concatenate(self._images)
        result = {}
        for name, batches in self._labels.items():
            edges, known = (np.concatenate(part) for part in zip(*batches, strict=True))
            result[name] = alignment.compare(images, edges, known)
        if self._leanings:
            found = plausibility.Agreement.of(np.concatenate(self._leanings))
            result["normals"] |= {
                "axes": {
                    axis: {"mean": found.means[k, k], "t": found.t_values[k, k]}
                    for k, axis in enumerate(plausibility.AXES)
                },
                "opposite": list(found.opposite()),
                "exchanged": found.are_exchanged(),
            }
        return result


def _is_blank(images: np.ndarray) -> np.ndarray:
    """Returns which images [N, H, W, 3] are of one colour."""
    is_blank = (np.ptp(images[:, ::8, ::8], axis=(1, 2)) <= 2).all(axis=-1)
    # What few pixels leave open all decide.
    is_blank[is_blank] = (np.ptp(images[is_blank], axis=(1, 2)) <= 2).all(axis=-1)
    return is_blank


def _is_constant(raw: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns which maps have one value everywhere that they are labelled."""
    number, height, width, channels = raw.shape
    flat = raw.reshape(number, height * width, channels)
    known = valid.reshape(flat.shape[:2])
    first = np.take_along_axis(flat, known.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    same = np.ones(number, bool)
    for channel in range(channels):
        equal = flat[..., channel] == first[:, channel, None]
        same &= (equal | ~known).all(axis=1)
    return same
