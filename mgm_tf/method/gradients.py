"""How the gradients of the terms of a loss become those of an update."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from mgm_tf import replicas
from mgm_tf.data.randomness import BatchRng
from mgm_tf.method import gradient_surgery

# network -> its variables; network -> their gradients (None: not reached)
Variables = Mapping[str, Sequence]
Found = dict[str, list]
Gradients = Callable[
    [tf.GradientTape, Mapping[str, tf.Tensor], Variables, BatchRng], Found
]

# Of PCGrad: what the tasks share.
SHARED = "encoder"


def summed(tape, shares, variables, rng) -> Found:
    """The gradient of the sum of the terms.

    Args:
      tape: persistent, that has seen the terms.
      shares: of the terms, such that their sum over the replicas is the loss.
      variables: of the networks that are trained.
      draws: random numbers.

    Returns:
      What the optimizers of all replicas sum up.
    """
    del rng
    # Of several targets, TensorFlow gives the gradient of the sum.
    return tape.gradient(list(shares.values()), dict(variables))


def without_conflicts(tape, shares, variables, rng) -> Found:
    """PCGrad (Yu et al., 2020) for the encoder; other networks have the sum.

    Conflicts are those of the tasks' gradients over the global batch.
    """
    shared = list(variables[SHARED])
    each = [tape.gradient(share, shared) for share in shares.values()]
    everyone = [[replicas.total(gradient) for gradient in one] for one in each]
    # The same numbers for all replicas: the seed knows of no place in the batch.
    seed = rng.fold_in("surgery").seed
    order = gradient_surgery.orders(
        tf.random.stateless_uniform((len(shares), len(shares)), seed)
    )
    projected = gradient_surgery.project(everyone, order)
    others = {name: list(v) for name, v in variables.items() if name != SHARED}
    found = tape.gradient(list(shares.values()), others)
    # The optimizers sum over the replicas, which all have the whole of it.
    return {**found, SHARED: [value / replicas.count() for value in projected]}


SURGERY: dict[str, Gradients] = {"none": summed, "pcgrad": without_conflicts}
