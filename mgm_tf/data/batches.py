"""Batches of examples, in an order that is a pure function of (seed, step)."""

import dataclasses
from collections.abc import Iterator, Mapping

import tensorflow as tf

from datasets.metadata import DataInfo
from mgm_tf.data.splits import Split, example_spec, processor_cores
from mgm_tf.errors import damaged_example

READ_AHEAD_BYTES = 2**29


def example_order(
    step: tf.Tensor, batch_size: int, examples: int, seed: int, salt: int = 0
) -> tf.Tensor:
    """Returns the numbers of the examples of a step, [batch_size] int64.

    Every epoch is another permutation of all examples; a batch may hold the end of one
    and the start of the next. Nothing is stored: any step can be asked for.

    Args:
      step: the step, counted from 0, [] int64.
      batch_size: the number of examples in a batch.
      examples: the number of examples there are.
      seed: the seed of the order.
      salt: a number that tells apart the orders of one seed.
    """
    place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    epoch = place // examples
    # The public `index_shuffle` takes one key for all; a batch may span epochs.
    epochs = range((batch_size - 1) // examples + 2)
    keys = tf.stack([_shuffle_key(seed, salt, epoch[0] + number) for number in epochs])
    return tf.raw_ops.RandomIndexShuffle(
        index=place % examples,
        seed=tf.gather(keys, epoch - epoch[0]),
        max_index=tf.constant(examples - 1, tf.int64),
        rounds=8,  # with the usual 4 too many indices stay where they are
    )


def _shuffle_key(seed: int, salt: int, epoch: tf.Tensor) -> tf.Tensor:
    """Returns the key [3] uint32 that selects the permutation of an epoch.

    It is random and not a count: for less than 2**16 examples the shuffle takes nothing
    but the last byte of each word, and the order would repeat after 256 epochs.
    """
    start = tf.constant([seed, salt], tf.int64)
    mixed = tf.random.experimental.stateless_fold_in(start, epoch)
    return tf.random.stateless_uniform([3], mixed, None, None, tf.uint32)


@dataclasses.dataclass(frozen=True)
class Part:
    """A split that fills a part of every batch.

    Attributes:
      split: the split that the examples come from.
      batch_size: the number of its examples in a global batch.
    """

    split: Split
    batch_size: int


@dataclasses.dataclass(frozen=True)
class Batches:
    """The training batches of a stage, from any step on.

    A batch is the examples of `Split.batch`, with `step` [n] (the same for all) and
    `position` [n] (the place in the global batch), which random numbers depend on.
    Extra examples, such as weakly labelled ones, are there under their name in the same
    form; their order is independent of that of the others.

    Attributes:
      split: the split that the examples come from.
      batch_size: the number of examples in a global batch.
      seed: the seed of the order.
      first_step: the step of the run at which the stage begins.
      extra: the extra examples of a batch, by name.
    """

    split: Split
    batch_size: int
    seed: int
    first_step: int = 0
    extra: Mapping[str, Part] = dataclasses.field(default_factory=dict, hash=False)

    def at(self, step: tf.Tensor, number: tf.Tensor | int = 0, parts: int = 1) -> dict:
        """Returns the batch of a step of the run, or one of its equal parts.

        Args:
          step: the step of the run, [] int64.
          number: the number of the part, [] int64.
          parts: the number of parts, which divides that of the examples.
        """
        share = number, parts
        batch = self._part(self.split, self.batch_size, step, self.first_step, *share)
        for number, (name, part) in enumerate(self.extra.items()):
            # No other order has such a salt, below 0.
            salt = -1 - self.first_step - number * 2**40
            batch[name] = self._part(part.split, part.batch_size, step, salt, *share)
        return batch

    def _part(
        self,
        split: Split,
        size: int,
        step: tf.Tensor,
        salt: int,
        number: tf.Tensor | int,
        parts: int,
    ) -> dict:
        stage_step = step - self.first_step
        numbers = example_order(stage_step, size, len(split), self.seed, salt)
        own = size // parts
        position = number * own + tf.range(own, dtype=tf.int64)
        batch = split.batch(tf.ensure_shape(tf.gather(numbers, position), [own]))
        return batch | {"position": position, "step": tf.fill([own], step)}

    def from_step(
        self, start: int, own: range = range(1), parts: int = 1
    ) -> tf.data.Dataset:
        """Returns an endless dataset of the batches of steps `start`, `start` + 1, …

        Args:
          start: the step of the run at which it begins.
          own: the numbers of those parts of a batch that it gives, one after another.
          parts: the number of equal parts of a batch.
        """
        size = self.batch_size * self.split.example_bytes()
        for part in self.extra.values():
            size += part.batch_size * part.split.example_bytes()
        # As many at once as there are cores, but never without bound.
        calls = max(2, min(processor_cores(), READ_AHEAD_BYTES * parts // size))

        def at(count: tf.Tensor) -> dict:
            return self.at(count // len(own), own[0] + count % len(own), parts)

        counts = tf.data.Dataset.counter(start * len(own), dtype=tf.int64)
        batches = counts.map(at, num_parallel_calls=calls, deterministic=True)
        return batches.prefetch(2 * len(own))


def batch_spec(
    info: DataInfo,
    tasks: tuple[str, ...],
    batch_size: int,
    extra: Mapping[str, tuple[tuple[str, ...], int]],
) -> dict:
    """Returns the shape and type of each part of a batch of `Batches`.

    Args:
      info: the record of what the data are.
      tasks: the tasks whose label maps the examples have.
      batch_size: the number of examples in a batch.
      extra: name of extra examples -> the tasks of their label maps, their number.
    """
    spec: dict = _part_spec(info, tasks, batch_size)
    return spec | {name: _part_spec(info, *part) for name, part in extra.items()}


def _part_spec(
    info: DataInfo, tasks: tuple[str, ...], batch_size: int
) -> dict[str, tf.TensorSpec]:
    number = tf.TensorSpec((), tf.int64)
    spec = example_spec(info, tasks) | {"position": number, "step": number}
    return {
        key: tf.TensorSpec((batch_size, *part.shape), part.dtype)
        for key, part in spec.items()
    }


def in_order(split: Split, batch_size: int) -> Iterator[dict[str, tf.Tensor]]:
    """Yields all examples once, in order; the last batch may be smaller.

    Raises:
      DamagedExample: one cannot be read.
    """
    numbers = tf.data.Dataset.range(len(split)).batch(batch_size)
    batches = numbers.map(split.batch, num_parallel_calls=2, deterministic=True)
    try:
        yield from batches.prefetch(2)
    except tf.errors.InvalidArgumentError as error:
        raise damaged_example(error) or error from error
