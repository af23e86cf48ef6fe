"""How the gradients of the terms of a loss become those of an update."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks import replicas

# network -> its variables; network -> their gradients (None: not reached)
Variables = Mapping[str, Sequence]
NetworkGradients = dict[str, list]

# PCGrad: the network that the tasks share.
SHARED = "encoder"


@dataclasses.dataclass(frozen=True)
class Gradients:
    """A way in which the gradients of the terms of a loss become those of an update.

    Attributes:
      of_part: what is followed through a tape of a part of the batch, a structure of
        tensors whose mean over the parts is that of the whole.
      joined: makes the gradients of what `of_part` returns, of the whole batch.
    """

    of_part: Callable[[tf.GradientTape, Mapping[str, tf.Tensor], Variables], Any]
    joined: Callable[[Any, BatchRng], NetworkGradients]

    def __call__(
        self,
        tape: tf.GradientTape,
        shares: Mapping[str, tf.Tensor],
        variables: Variables,
        rng: BatchRng,
    ) -> NetworkGradients:
        """Returns the gradients of a batch that is not divided.

        Args:
          tape: a tape that has seen the terms.
          shares: the terms by name, such that their sum over the replicas is the loss.
          variables: the variables of the networks that are trained.
          rng: random numbers.

        Returns:
          The gradients of which the optimizers add up those of all replicas.
        """
        return self.joined(self.of_part(tape, shares, variables), rng)


def _of_the_sum(
    tape: tf.GradientTape, shares: Mapping[str, tf.Tensor], variables: Variables
) -> NetworkGradients:
    # Of several targets, TensorFlow gives the gradient of the sum.
    return tape.gradient(list(shares.values()), dict(variables))


def _as_it_is(gradients: NetworkGradients, rng: BatchRng) -> NetworkGradients:
    return gradients


def _of_each_term(
    tape: tf.GradientTape, shares: Mapping[str, tf.Tensor], variables: Variables
) -> dict[str, list]:
    """Returns the encoder's gradients of each term; others have those of the sum."""
    shared = list(variables[SHARED])
    by_task = [tape.gradient(share, shared) for share in shares.values()]
    others = {name: list(v) for name, v in variables.items() if name != SHARED}
    return {**tape.gradient(list(shares.values()), others), SHARED: by_task}


def _projected(gradients: dict[str, list], rng: BatchRng) -> NetworkGradients:
    """Returns PCGrad's gradients of the encoder.

    Conflicts are those of the tasks' gradients over the global batch.
    """
    by_task = gradients[SHARED]
    totals = [[replicas.total(gradient) for gradient in task] for task in by_task]
    # The same numbers for all replicas: the seed knows of no place in the batch.
    seed = rng.fold_in("surgery").seed
    order = orders(tf.random.stateless_uniform((len(by_task), len(by_task)), seed))
    projected = project(totals, order)
    # The optimizers sum over the replicas, which all have the whole of it.
    return {**gradients, SHARED: [value / replicas.count() for value in projected]}


summed = Gradients(_of_the_sum, _as_it_is)
without_conflicts = Gradients(_of_each_term, _projected)
SURGERY: dict[str, Gradients] = {"none": summed, "pcgrad": without_conflicts}
# Those that go through the tape several times.
OF_SEVERAL_PASSES = frozenset({without_conflicts})


def project(
    gradients: Sequence[Sequence[tf.Tensor]], order: tf.Tensor
) -> list[tf.Tensor]:
    """Returns the sum over tasks of their gradients, each without its conflicts.

    PCGrad: what one task's gradient takes from another task is left out of it (Yu et
    al., "Gradient Surgery for Multi-Task Learning", 2020, algorithm 1).

    Where the dot product of a task's gradient with that of another is negative, the
    part along the other is taken away: g_i <- g_i - (g_i . g_j) / |g_j|^2 g_j. Dot
    products are over all variables together, and g_j is as it was given. A gradient of
    zeros changes nothing.

    Several replicas must add up their gradients before: the sum of the projections is
    not the projection of the sum.

    Args:
      gradients: `gradients[t][v]` is that of task t for variable v, dense; every task
        has one for each variable.
      order: integers [tasks, tasks]; a row says in which order that task meets the
        others. Where it meets itself nothing happens.

    Returns:
      One gradient a variable.

    Raises:
      ValueError: there is no task, or one has another number of gradients or other
        shapes than the first.
    """
    _check(gradients)
    # A projected gradient is a sum of the given ones: their dot products, a number a
    # pair of tasks, are all that is needed to find the coefficients.
    shares = tf.reduce_sum(_coefficients(_dot_products(gradients), order), axis=0)
    return [
        tf.add_n([tf.cast(shares[task], g.dtype) * g for task, g in enumerate(each)])
        for each in zip(*gradients, strict=True)
    ]


def orders(uniform: tf.Tensor) -> tf.Tensor:
    """Returns a random order for each task, int32 [tasks, tasks].

    Args:
      uniform: independent numbers [tasks, tasks], uniform in [0, 1).
    """
    # The ranks of independent numbers are a uniformly random order.
    return tf.argsort(uniform, axis=1)


def _check(gradients: Sequence[Sequence[tf.Tensor]]) -> None:
    if not gradients:
        raise ValueError("Expected the gradients of one task at least; received none.")
    first, *others = [[tuple(g.shape) for g in task] for task in gradients]
    for number, shapes in enumerate(others, start=1):
        if shapes != first:
            raise ValueError(
                f"Expected gradients of the shapes {first}, as task 0 has them; "
                f"received {shapes} for task {number}."
            )


def _dot_products(gradients: Sequence[Sequence[tf.Tensor]]) -> tf.Tensor:
    """Returns the dot products of every pair of tasks, float32 [tasks, tasks]."""
    tasks = range(len(gradients))
    upper = {(i, j): _dot(gradients[i], gradients[j]) for i in tasks for j in tasks[i:]}
    return tf.stack(
        [tf.stack([upper[min(i, j), max(i, j)] for j in tasks]) for i in tasks]
    )


def _dot(first: Sequence[tf.Tensor], second: Sequence[tf.Tensor]) -> tf.Tensor:
    products = [
        tf.reduce_sum(tf.cast(a, tf.float32) * tf.cast(b, tf.float32))
        for a, b in zip(first, second, strict=True)
    ]
    return tf.add_n(products) if products else tf.zeros([])


def _coefficients(dots: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """[tasks, tasks]: in a row, how much of each given gradient the projected one has.

    Args:
      dots: products of the given gradients, [tasks, tasks].
      order: as in `project`.
    """
    tasks = dots.shape[0]
    coefficients = tf.eye(tasks)
    for turn in range(tasks):
        other = tf.one_hot(order[:, turn], tasks)  # of every task at once
        # A sum of products, not a matmul: GPUs round that to TF32.
        along = tf.reduce_sum(coefficients[:, :, None] * dots, axis=1)
        dot = tf.reduce_sum(along * other, axis=1)
        square = tf.reduce_sum(tf.linalg.diag_part(dots) * other, axis=1)
        conflict = (dot < 0) & (order[:, turn] != tf.range(tasks, dtype=order.dtype))
        length = tf.where(conflict, tf.math.divide_no_nan(dot, square), 0.0)
        coefficients -= length[:, None] * other
    return coefficients
