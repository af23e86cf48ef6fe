"""From a built TFDS data set to batches, ordered by a pure function of (seed, step).

Batches hold what is stored, integers: they are small, and what networks see and are
taught is made from them on the device (`examples.Reader`).
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Literal

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo


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
    """The examples of one split, read by their numbers.

    Attributes:
      info: what the data are.
      tasks: the label maps that are read.
      source: the serialised examples.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        split: str,
        tasks: tuple[str, ...],
        cache: Literal["auto", "memory", "disk"] = "auto",
    ):
        """Opens a split.

        Raises:
          ValueError: there is no such split, it is empty, or a task has no labels here.
        """
        self.info = DataInfo.from_metadata(builder.info.metadata)
        check_tasks(self.info, tasks, builder.info.full_name)
        if split not in builder.info.splits:
            raise ValueError(
                f"{builder.info.full_name} has the splits "
                f"{sorted(builder.info.splits)}; received {split!r}."
            )
        self.name = split
        self.tasks = tasks
        self._spec = example_spec(self.info, tasks)
        self._features = builder.info.features
        self._source = builder.as_data_source(
            split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )
        if not len(self):
            raise ValueError(f"{builder.info.full_name}: split {split!r} is empty.")
        self._memory = self._load() if CACHES[cache](self) else None

    def __len__(self) -> int:
        return len(self._source)

    def example_bytes(self) -> int:
        """Bytes of one decoded example."""
        return sum(
            spec.shape.num_elements() * spec.dtype.size for spec in self._spec.values()
        )

    def batch(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        """The examples of these numbers [n], as stored: `image`, `scene`, the maps."""
        if self._memory is None:
            return self._read(numbers)
        return {k: tf.gather(v, numbers) for k, v in self._memory.items()}

    def _load(self) -> dict[str, tf.Tensor]:
        """All examples, decoded."""
        numbers = tf.data.Dataset.range(len(self)).batch(64)
        pieces = list(numbers.map(self._read, num_parallel_calls=2).as_numpy_iterator())
        with tf.device("CPU"):
            return {
                k: tf.constant(np.concatenate([piece[k] for piece in pieces]))
                for k in self._spec
            }

    def _read(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        def records(wanted):
            return np.array(self._source.__getitems__(wanted.tolist()), dtype=object)

        serialized = tf.numpy_function(records, [numbers], tf.string)
        serialized.set_shape(numbers.shape)

        # Not by TFDS: it cannot decode PNG of two channels, and would decode all tasks.
        skip = dict.fromkeys(("image", *self.info.tasks), tfds.decode.SkipDecoding())

        def decode(record):
            example = self._features.deserialize_example(record, decoders=skip)
            for key in ("image", *self.tasks):
                dtype = self._spec[key].dtype
                example[key] = tf.io.decode_png(example[key], dtype=dtype)
            return {
                key: tf.ensure_shape(example[key], spec.shape)
                for key, spec in self._spec.items()
            }

        return tf.map_fn(decode, serialized, fn_output_signature=self._spec)


def _fits(split: Split) -> bool:
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2 * len(split) * split.example_bytes() < free


CACHES = {
    "auto": _fits,
    "memory": lambda split: True,
    "disk": lambda split: False,
}


def order(
    step: tf.Tensor, batch_size: int, examples: int, seed: int, salt: int = 0
) -> tf.Tensor:
    """The numbers [batch_size] of the examples of a step.

    Every epoch is another permutation of all examples; a batch may hold the end of one
    and the start of the next. Nothing is stored: any step can be asked for.
    """
    place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    epoch = place // examples
    # The public `index_shuffle` takes one key for all; a batch may span epochs.
    epochs = range((batch_size - 1) // examples + 2)
    keys = tf.stack([_key(seed, salt, epoch[0] + number) for number in epochs])
    return tf.raw_ops.RandomIndexShuffle(
        index=place % examples,
        seed=tf.gather(keys, epoch - epoch[0]),
        max_index=tf.constant(examples - 1, tf.int64),
        rounds=8,  # with the usual 4 too many indices stay where they are
    )


def _key(seed: int, salt: int, epoch: tf.Tensor) -> tf.Tensor:
    """The three words that choose a permutation.

    Drawn, not counted: for less than 2**16 examples the shuffle takes nothing but the
    last byte of each word, and the order would come again after 256 epochs.
    """
    start = tf.constant([seed, salt], tf.int64)
    mixed = tf.random.experimental.stateless_fold_in(start, epoch)
    return tf.random.stateless_uniform([3], mixed, None, None, tf.uint32)


@dataclasses.dataclass(frozen=True)
class Batches:
    """The training batches of a stage, from any step on.

    A batch is the examples of `Split.batch`, with `step` [n] (the same for all) and
    `position` [n] (the place in the global batch): what random numbers are drawn from.

    Attributes:
      split: where the examples come from.
      batch_size: examples in a global batch.
      seed: of the order.
      first_step: the step of the run at which the stage begins.
    """

    split: Split
    batch_size: int
    seed: int
    first_step: int = 0

    def at(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """The batch of a step of the run."""
        within = step - self.first_step
        numbers = order(
            within, self.batch_size, len(self.split), self.seed, self.first_step
        )
        batch = self.split.batch(tf.ensure_shape(numbers, [self.batch_size]))
        position = tf.range(self.batch_size, dtype=tf.int64)
        return batch | {"position": position, "step": tf.fill([self.batch_size], step)}

    def from_step(self, start: int) -> tf.data.Dataset:
        """An endless dataset of the batches of step `start`, `start` + 1, ..."""
        steps = tf.data.Dataset.counter(start, dtype=tf.int64)
        return steps.map(self.at, num_parallel_calls=2, deterministic=True).prefetch(2)


def batch_spec(
    info: DataInfo, tasks: tuple[str, ...], batch_size: int
) -> dict[str, tf.TensorSpec]:
    """What a batch of `Batches` consists of."""
    place = tf.TensorSpec((), tf.int64)
    one = example_spec(info, tasks) | {"position": place, "step": place}
    return {
        k: tf.TensorSpec((batch_size, *spec.shape), spec.dtype)
        for k, spec in one.items()
    }


def in_order(split: Split, batch_size: int) -> Iterator[dict[str, tf.Tensor]]:
    """All examples once, in order; the last batch may be smaller."""
    numbers = tf.data.Dataset.range(len(split)).batch(batch_size)
    read = numbers.map(split.batch, num_parallel_calls=2, deterministic=True)
    yield from read.prefetch(2)
