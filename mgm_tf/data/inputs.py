"""From a built TFDS data set to batches, ordered by a pure function of (seed, step).

Batches hold what is stored, integers: they are small, and what networks see and are
taught is made from them on the device (`examples.Reader`).
"""

import copy
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Literal

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm

from datasets.metadata import DataInfo
from mgm_tf.data import memory, storage
from mgm_tf.data.orders import order
from mgm_tf.data.storage import SCENE, StoredSplit
from mgm_tf.errors import damaged_example

PIECE = 64  # examples read at once where all are read
PATIENCE = 2.0  # seconds after which progress is shown
READ_AHEAD_BYTES = 2**29


def check_tasks(info: DataInfo, tasks: tuple[str, ...], name: str) -> None:
    """Raises ValueError if the data set `name` has no labels for one of the tasks."""
    unknown = [task for task in tasks if task not in info.tasks]
    if unknown:
        raise ValueError(
            f"{name} has labels for {', '.join(info.tasks)}; received --tasks with "
            f"{', '.join(unknown)}."
        )


def example_spec(info: DataInfo, tasks: tuple[str, ...]) -> dict[str, tf.TensorSpec]:
    """What one example consists of, as it is stored."""
    size = info.image_size
    spec = {
        "image": tf.TensorSpec((size, size, 3), tf.uint8),
        "scene": tf.TensorSpec(info.scene_shape, tf.int32),
    }
    for name in tasks:
        task = info.tasks[name]
        spec[name] = tf.TensorSpec((size, size, task.channels), task.dtype)
    return spec


class Split:
    """The examples of one split, or some of them, read by their numbers.

    Attributes:
      data_set: its full name.
      info: what the data are.
      name: of the split.
      tasks: the label maps that are read; there may be none.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        split: str,
        tasks: tuple[str, ...],
        cache: Literal["auto", "memory", "disk"] = "auto",
        numbers: np.ndarray | None = None,
    ):
        """Opens a split.

        Args:
          builder: of the built data set.
          split: its name.
          tasks: the label maps to read.
          cache: whether decoded examples are kept in memory.
          numbers: the examples that count, [n] of the split's; they get the numbers
            0..n-1 in this order. None: all.

        Raises:
          ValueError: there is no such split, it is empty, a task has no labels here, or
            `numbers` names an example that is not there.
        """
        full_name = builder.info.full_name
        self.info = DataInfo.from_metadata(builder.info.metadata)
        check_tasks(self.info, tasks, full_name)
        if split not in builder.info.splits:
            raise ValueError(
                f"{full_name} has the splits {sorted(builder.info.splits)}; "
                f"received {split!r}."
            )
        self.data_set = full_name
        self.name = split
        self.tasks = tasks
        self._spec = example_spec(self.info, tasks)
        self._stored = StoredSplit(builder, split)
        self._places = _places(numbers, self._stored)
        if not len(self):
            raise ValueError(f"{full_name}: split {split!r} is empty.")
        self._scenes: np.ndarray | None = None
        self._replaced = False
        self._memory = self._load() if CACHES[cache](self) else None

    def __len__(self) -> int:
        return len(self._places)

    def example_bytes(self) -> int:
        """Bytes of one decoded example."""
        return sum(
            spec.shape.num_elements() * spec.dtype.size for spec in self._spec.values()
        )

    def batch(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """The examples of these numbers [n], as stored: `image`, `scene`, the maps.

        Raises:
          DamagedExample: one cannot be read. Inside a graph it is TensorFlow's
            InvalidArgumentError, with the same text in it.
        """
        if tf.executing_eagerly():
            found = self._arrays(np.asarray(numbers))
            return {key: tf.convert_to_tensor(found[key]) for key in self._spec}

        return (self._read if self._memory is None else self._kept)(numbers)

    def _kept(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """`batch` in a graph, from memory."""
        # Not captured tensors: TensorFlow would copy all of memory into the graph.
        return storage.in_graph(self._arrays, self._blank, numbers, self._spec)

    def _read(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """`batch` in a graph, from disk; TensorFlow decodes, without Python's lock."""
        encoded = storage.encoded_spec(self._spec)
        blank = self._blank_encoded
        found = storage.in_graph(self._encoded, blank, numbers, encoded)
        return storage.decoded(found, self._spec)

    def names(self, numbers: Sequence[int] | np.ndarray) -> list[str]:
        """The names of these examples; no image is decoded."""
        return self._stored.names(self._places[np.asarray(numbers)])

    def scenes(self) -> np.ndarray:
        """The image labels of all examples, int32 [n] or [n, classes].

        No image is decoded; read once, and then kept.
        """
        if self._scenes is None:
            shape = self.info.scene_shape
            found = np.empty((len(self), *shape), np.int32)

            def fill(numbers):
                found[numbers] = self._stored.scenes(self._places[numbers], shape)

            if self._memory is None:
                self._in_pieces("reading labels", fill)
            self._scenes = found if self._memory is None else self._memory[SCENE]
        return self._scenes

    def with_tasks(self, tasks: tuple[str, ...]) -> "Split":
        """The same examples with other label maps, read from disk."""
        other = copy.copy(self)
        other.tasks = tasks
        # Image labels may be others than those that are stored.
        other._spec = example_spec(self.info, tasks) | {SCENE: self._spec[SCENE]}
        other._memory = None
        return other

    def with_scenes(self, scenes: np.ndarray) -> "Split":
        """The same examples with other image labels; what is kept is shared.

        Args:
          scenes: int32 [n] or [n, classes].

        Raises:
          ValueError: there is not one label for each example.
        """
        if len(scenes) != len(self):
            raise ValueError(
                f"{self._stored.title} has {len(self)} examples; received "
                f"{len(scenes)} image labels."
            )
        other = copy.copy(self)
        other._scenes = np.asarray(scenes, np.int32)
        other._replaced = True
        spec = tf.TensorSpec(other._scenes.shape[1:], tf.int32)
        other._spec = self._spec | {"scene": spec}
        return other

    def _arrays(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """The examples of these numbers [n]."""
        if self._memory is None:
            found = self._blank(numbers)
            self._decode(found, numbers, np.arange(len(numbers)))
        else:
            found = {k: v.take(numbers, axis=0) for k, v in self._memory.items()}
        if self._replaced:
            found[SCENE] = self.scenes()[numbers]
        return found

    def _encoded(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """The examples of these numbers [n], images as PNG."""
        found = self._stored.encoded(self._places[numbers], self._stored_spec())
        if self._replaced:
            found[SCENE] = self.scenes()[numbers]
        return found

    def _blank_encoded(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        blank = self._blank(numbers)
        empty = np.full(len(numbers), b"", object)
        return {key: blank[key] if key == SCENE else empty for key in self._spec}

    def _stored_spec(self) -> dict[str, tf.TensorSpec]:
        replaced = {SCENE} if self._replaced else set()
        return {key: s for key, s in self._spec.items() if key not in replaced}

    def _blank(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        return {
            key: np.empty((len(numbers), *spec.shape), spec.dtype.as_numpy_dtype)
            for key, spec in self._spec.items()
        }

    def _load(self) -> dict[str, np.ndarray]:
        """All examples, decoded."""
        found = self._blank(self._places)
        self._in_pieces(
            "decoding", lambda numbers: self._decode(found, numbers, numbers)
        )
        return found

    def _decode(self, into, numbers: np.ndarray, rows: np.ndarray) -> None:
        self._stored.decode(self._places[numbers], self._stored_spec(), into, rows)

    def _in_pieces(self, title: str, act: Callable[[np.ndarray], None]) -> None:
        """Calls `act` with the numbers of all examples, some at a time."""
        numbers = np.arange(len(self))
        pieces = np.split(numbers, range(PIECE, len(self), PIECE))
        progress = tqdm.tqdm(
            total=len(self),
            desc=f"{title} of {self.name}",
            unit="image",
            delay=PATIENCE,
            leave=False,
        )
        with progress, futures.ThreadPoolExecutor(_cores()) as threads:
            waiting = [threads.submit(act, piece) for piece in pieces]
            try:
                for piece, done in zip(pieces, waiting, strict=True):
                    done.result()
                    progress.update(len(piece))
            finally:
                threads.shutdown(cancel_futures=True)


def _places(numbers: np.ndarray | None, examples: StoredSplit) -> np.ndarray:
    count = len(examples)
    places = np.arange(count) if numbers is None else np.array(numbers, np.int64)
    beyond = places[(places < 0) | (places >= count)]
    if beyond.size:
        raise ValueError(
            f"{examples.title} has {count} examples; received number {beyond[0]}."
        )
    return places


def _cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _fits(split: Split) -> bool:
    free = memory.available()
    return free is None or 2 * len(split) * split.example_bytes() < free


CACHES = {
    "auto": _fits,
    "memory": lambda split: True,
    "disk": lambda split: False,
}


@dataclasses.dataclass(frozen=True)
class Part:
    """Examples of which so many are in every batch."""

    split: Split
    batch_size: int


@dataclasses.dataclass(frozen=True)
class Batches:
    """The training batches of a stage, from any step on.

    A batch is the examples of `Split.batch`, with `step` [n] (the same for all) and
    `position` [n] (the place in the global batch): what random numbers are drawn from.
    Further examples beside them, such as weakly labelled ones, are there under their
    name in the same form; their order is independent of that of the others.

    Attributes:
      split: where the examples come from.
      batch_size: examples in a global batch.
      seed: of the order.
      first_step: the step of the run at which the stage begins.
      beside: further examples of a batch, by name.
    """

    split: Split
    batch_size: int
    seed: int
    first_step: int = 0
    extra: Mapping[str, Part] = dataclasses.field(default_factory=dict, hash=False)

    def at(self, step: tf.Tensor) -> dict:
        """The batch of a step of the run."""
        batch = self._part(self.split, self.batch_size, step, self.first_step)
        for number, (name, part) in enumerate(self.extra.items()):
            # No other order has such a salt, below 0.
            salt = -1 - self.first_step - number * 2**40
            batch[name] = self._part(part.split, part.batch_size, step, salt)
        return batch

    def _part(self, split: Split, size: int, step: tf.Tensor, salt: int) -> dict:
        within = step - self.first_step
        numbers = order(within, size, len(split), self.seed, salt)
        batch = split.batch(tf.ensure_shape(numbers, [size]))
        position = tf.range(size, dtype=tf.int64)
        return batch | {"position": position, "step": tf.fill([size], step)}

    def from_step(self, start: int) -> tf.data.Dataset:
        """An endless dataset of the batches of step `start`, `start` + 1, ..."""
        size = self.batch_size * self.split.example_bytes()
        for part in self.extra.values():
            size += part.batch_size * part.split.example_bytes()
        # As many at once as there are cores, but never without bound.
        calls = max(2, min(_cores(), READ_AHEAD_BYTES // size))
        steps = tf.data.Dataset.counter(start, dtype=tf.int64)
        read = steps.map(self.at, num_parallel_calls=calls, deterministic=True)
        return read.prefetch(2)


def batch_spec(
    info: DataInfo,
    tasks: tuple[str, ...],
    batch_size: int,
    extra: Mapping[str, tuple[tuple[str, ...], int]],
) -> dict:
    """What a batch of `Batches` consists of.

    Args:
      info: of the data.
      tasks: the label maps of the examples.
      batch_size: of these.
      beside: name -> (label maps, number) of the further ones.
    """
    spec: dict = _part_spec(info, tasks, batch_size)
    return spec | {name: _part_spec(info, *one) for name, one in extra.items()}


def _part_spec(info: DataInfo, tasks: tuple[str, ...], batch_size: int) -> dict:
    place = tf.TensorSpec((), tf.int64)
    one = example_spec(info, tasks) | {"position": place, "step": place}
    return {
        k: tf.TensorSpec((batch_size, *spec.shape), spec.dtype)
        for k, spec in one.items()
    }


def in_order(split: Split, batch_size: int) -> Iterator[dict[str, tf.Tensor]]:
    """All examples once, in order; the last batch may be smaller.

    Raises:
      DamagedExample: one cannot be read.
    """
    numbers = tf.data.Dataset.range(len(split)).batch(batch_size)
    read = numbers.map(split.batch, num_parallel_calls=2, deterministic=True)
    try:
        yield from read.prefetch(2)
    except tf.errors.InvalidArgumentError as error:
        raise damaged_example(error) or error from error
