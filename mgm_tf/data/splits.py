"""The examples of a built data set, read by their numbers.

Examples are given as they are stored, as integers: they are small, and what networks
see and are taught is made from them on the device (`examples.Reader`).
"""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Literal

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.files import names
from datasets.metadata import DataInfo
from mgm_tf.data import memory, storage
from mgm_tf.data.storage import SCENE, StoredSplit
from mgm_tf.plotting import terminal

PIECE = 64  # examples read at once where all are read
PATIENCE = 2.0  # seconds after which progress is shown


def check_tasks(info: DataInfo, tasks: tuple[str, ...], name: str) -> None:
    """Raises ValueError if the data set `name` has no labels for one of the tasks."""
    unknown = [task for task in tasks if task not in info.tasks]
    if unknown:
        raise ValueError(
            f"{name} has labels for {', '.join(info.tasks)}; received --tasks with "
            f"{', '.join(unknown)}{names.nearest(unknown[0], info.tasks) or '.'}"
        )


def example_spec(info: DataInfo, tasks: tuple[str, ...]) -> dict[str, tf.TensorSpec]:
    """Returns the shape and type of each part of one example, as it is stored."""
    size = info.image_size
    spec = {
        "image": tf.TensorSpec((size, size, 3), tf.uint8),
        SCENE: tf.TensorSpec(info.scene_shape, tf.int32),
    }
    for name in tasks:
        task = info.tasks[name]
        spec[name] = tf.TensorSpec((size, size, task.channels), task.dtype)
    return spec


class Split:
    """The examples of one split, or some of them, read by their numbers.

    Attributes:
      data_set: the full name of the data set.
      info: the record of what the data are.
      name: the name of the split.
      tasks: the tasks whose label maps are read; there may be none.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        split: str,
        tasks: tuple[str, ...],
        cache: Literal["auto", "memory", "disk"] = "auto",
        numbers: np.ndarray | None = None,
    ) -> None:
        """Opens a split.

        Args:
          builder: the builder of the built data set.
          split: the name of the split.
          tasks: the tasks whose label maps are read.
          cache: whether decoded examples are kept in memory, a key of `CACHES`.
          numbers: the examples of the split that this one has, [n] integers; they get
            the numbers 0..n-1 in this order. None: all.

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
        self._has_other_scenes = False
        self._memory = self._load() if CACHES[cache](self) else None

    def __len__(self) -> int:
        return len(self._places)

    def example_bytes(self) -> int:
        """Returns the number of bytes of one decoded example."""
        return sum(
            spec.shape.num_elements() * spec.dtype.size for spec in self._spec.values()
        )

    def batch(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the examples of these numbers, as they are stored.

        Args:
          numbers: the numbers of the examples, [n] integers.

        Returns:
          `image` [n, H, W, 3], `scene` [n] or [n, classes] and for every task its label
          maps [n, H, W, channels].

        Raises:
          DamagedExample: one cannot be read. Inside a graph it is TensorFlow's
            InvalidArgumentError, with the same text in it.
        """
        if tf.executing_eagerly():
            arrays = self._arrays(np.asarray(numbers))
            return {key: tf.convert_to_tensor(arrays[key]) for key in self._spec}
        if self._memory is None:
            return self._batch_from_disk(numbers)
        return self._batch_from_memory(numbers)

    def _batch_from_memory(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `batch` in a graph, from memory."""
        # Not captured tensors: TensorFlow would copy all of memory into the graph.
        return storage.in_graph(self._arrays, self._blank, numbers, self._spec)

    def _batch_from_disk(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `batch` in a graph; TensorFlow decodes, without Python's lock."""
        spec = storage.encoded_spec(self._spec)
        blank = self._blank_encoded
        encoded = storage.in_graph(self._encoded, blank, numbers, spec)
        return storage.decoded(encoded, self._spec)

    def names(self, numbers: Sequence[int] | np.ndarray) -> list[str]:
        """Returns the names of these examples; no image is decoded."""
        return self._stored.names(self._places[np.asarray(numbers)])

    def scenes(self) -> np.ndarray:
        """Returns the scene labels of all examples, int32 [n] or [n, classes].

        No image is decoded; the labels are read once, and then kept.
        """
        if self._scenes is None:
            self._scenes = (
                self._read_scenes() if self._memory is None else self._memory[SCENE]
            )
        return self._scenes

    def _read_scenes(self) -> np.ndarray:
        shape = self.info.scene_shape
        scenes = np.empty((len(self), *shape), np.int32)

        def fill(numbers: np.ndarray) -> None:
            scenes[numbers] = self._stored.scenes(self._places[numbers], shape)

        self._in_pieces("reading labels", fill)
        return scenes

    def with_tasks(self, tasks: tuple[str, ...]) -> "Split":
        """Returns the same examples with other label maps, read from disk."""
        split = copy.copy(self)
        split.tasks = tasks
        # The scene labels may be others than those that are stored.
        split._spec = example_spec(self.info, tasks) | {SCENE: self._spec[SCENE]}
        split._memory = None
        return split

    def with_scenes(self, scenes: np.ndarray) -> "Split":
        """Returns the same examples with other scene labels; memory is shared.

        Args:
          scenes: the scene labels, int32 [n] or [n, classes].

        Raises:
          ValueError: there is not one label for each example.
        """
        if len(scenes) != len(self):
            raise ValueError(
                f"{self._stored.title} has {len(self)} examples; received "
                f"{len(scenes)} image labels."
            )
        scenes = np.asarray(scenes, np.int32)
        split = copy.copy(self)
        split._scenes = scenes
        split._has_other_scenes = True
        split._spec = self._spec | {SCENE: tf.TensorSpec(scenes.shape[1:], tf.int32)}
        return split

    def _arrays(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the decoded examples of these numbers [n]."""
        if self._memory is None:
            arrays = self._blank(numbers)
            self._decode(arrays, numbers, np.arange(len(numbers)))
        else:
            arrays = {
                key: values.take(numbers, axis=0)
                for key, values in self._memory.items()
            }
        if self._has_other_scenes:
            arrays[SCENE] = self.scenes()[numbers]
        return arrays

    def _encoded(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the examples of these numbers [n], images as PNG."""
        arrays = self._stored.encoded(self._places[numbers], self._stored_spec())
        if self._has_other_scenes:
            arrays[SCENE] = self.scenes()[numbers]
        return arrays

    def _blank_encoded(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        blank = self._blank(numbers)
        empty = np.full(len(numbers), b"", object)
        return {key: blank[key] if key == SCENE else empty for key in self._spec}

    def _stored_spec(self) -> dict[str, tf.TensorSpec]:
        """Returns the spec of what is read from disk."""
        spec = dict(self._spec)
        if self._has_other_scenes:
            del spec[SCENE]
        return spec

    def _blank(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        return {
            key: np.empty((len(numbers), *spec.shape), spec.dtype.as_numpy_dtype)
            for key, spec in self._spec.items()
        }

    def _load(self) -> dict[str, np.ndarray]:
        """Returns all examples, decoded."""
        arrays = self._blank(self._places)
        self._in_pieces(
            "decoding", lambda numbers: self._decode(arrays, numbers, numbers)
        )
        return arrays

    def _decode(
        self, into: Mapping[str, np.ndarray], numbers: np.ndarray, rows: np.ndarray
    ) -> None:
        self._stored.decode(self._places[numbers], self._stored_spec(), into, rows)

    def _in_pieces(self, title: str, read: Callable[[np.ndarray], None]) -> None:
        """Calls `read` with the numbers of all examples, some at a time."""
        numbers = np.arange(len(self))
        pieces = np.split(numbers, range(PIECE, len(self), PIECE))
        progress = terminal.Progress(
            f"{title} of {self.name}",
            len(self),
            "images",
            delay=PATIENCE,
            keep=False,
        )
        with progress, futures.ThreadPoolExecutor(processor_cores()) as threads:
            calls = [threads.submit(read, piece) for piece in pieces]
            try:
                for piece, call in zip(pieces, calls, strict=True):
                    call.result()
                    progress.update(len(piece))
            finally:
                threads.shutdown(cancel_futures=True)


def _places(numbers: np.ndarray | None, stored: StoredSplit) -> np.ndarray:
    """Returns where the examples of a split lie in the stored one, [n] integers."""
    count = len(stored)
    places = np.arange(count) if numbers is None else np.array(numbers, np.int64)
    beyond = places[(places < 0) | (places >= count)]
    if beyond.size:
        raise ValueError(
            f"{stored.title} has {count} examples; received number {beyond[0]}."
        )
    return places


def processor_cores() -> int:
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def fits_in_memory(split: Split) -> bool:
    """Returns whether the decoded examples take less than half of the free memory."""
    free = memory.available()
    return free is None or 2 * len(split) * split.example_bytes() < free


def always(_split: Split) -> bool:
    """Returns True."""
    return True


def never(_split: Split) -> bool:
    """Returns False."""
    return False


# --cache -> whether a split is kept in memory.
CACHES: dict[str, Callable[[Split], bool]] = {
    "auto": fits_in_memory,
    "memory": always,
    "disk": never,
}
