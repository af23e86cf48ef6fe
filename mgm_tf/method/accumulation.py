"""The gradients of an update over a batch, of parts of it in turn.

Gradients are averaged over the parts before the update is applied: its memory is that
of a part, what it does that of the whole batch. Random numbers are those of the whole
batch, and so are the numbers of labels that losses divide by. What a part sees of the
batch is its own where examples meet: in batch normalization, whose moving averages
advance with each part, and among the negatives of NT-Xent.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from mgm_tf.data.examples import Examples, as_one_batch
from mgm_tf.method.algorithm import Update
from mgm_tf.method.gradients import NetworkGradients, Variables
from mgm_tf.method.images import Images
from mgm_tf.method.loss_scaling import Unscaled
from mgm_tf.method.objectives import Terms
from mgm_tf.method.passes import Passes
from mgm_tf.tasks import replicas


class Parts:
    """The parts of the batch of a step.

    Args:
      examples: the examples of each part.
      make_passes: begins the passes of a step, which are each part's own.
    """

    def __init__(
        self, examples: Sequence[Examples], make_passes: Callable[[], Passes]
    ) -> None:
        self._passes = [make_passes() for _ in examples]
        self._examples = [
            dataclasses.replace(part, synthesized=passes.synthesized)
            for part, passes in zip(examples, self._passes, strict=True)
        ]
        self._drawn: dict[Images, list[Examples]] = {}
        # What the next part waits for.
        self._last: Any = ()

    def draw(self, update: Update) -> None:
        """Makes the images of an update, once in a step, when they are first needed.

        Both losses on synthesized images see the same ones, of G as it is then.
        """
        if update.images in self._drawn:
            return
        drawn = []
        for passes, examples in zip(self._passes, self._examples, strict=True):
            with self._in_turn():
                drawn.append(update.images(passes.of_images(update), examples))
                self._last = drawn[-1].images
        self._drawn[update.images] = as_one_batch(drawn)

    def follow(
        self, update: Update, variables: Variables, purpose: str, scaling: Unscaled
    ) -> tuple[Terms, NetworkGradients]:
        """Returns the terms of an update's loss, and the gradients of the scaled ones.

        Args:
          update: the update, whose images are made.
          variables: the variables of the networks that it trains, by network.
          purpose: what its random numbers are for.
          scaling: how the loss is scaled.
        """
        number = len(self._passes)
        totals: Any = None
        for passes, examples in zip(
            self._passes, self._drawn[update.images], strict=True
        ):
            rng = examples.rng.fold_in(purpose)
            with self._in_turn():
                own = dataclasses.replace(examples, rng=rng)
                found = _of_part(update, own, passes, variables, scaling)
                totals = found if totals is None else _together(tf.add, totals, found)
                self._last = totals
        if number > 1:
            totals = _together(lambda total: total / number, totals)
        terms, gradients = totals
        return terms, update.gradients.joined(gradients, rng)

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Has what is computed within it wait for the part before.

        A graph runs whatever it can: all parts at once, in the memory of all.
        """
        if len(self._passes) == 1:
            yield
            return
        before = [each for each in tf.nest.flatten(self._last) if each is not None]
        # One operation that waits for all of them, as each of a part waits for it.
        with tf.control_dependencies([tf.group(*before)]):
            yield


def _of_part(
    update: Update,
    examples: Examples,
    passes: Passes,
    variables: Variables,
    scaling: Unscaled,
) -> tuple[Terms, Any]:
    with passes.tape(update) as tape:
        terms = update.loss(passes.of_loss(update), examples)
        # Optimizers sum gradients over replicas; the paper's losses are means.
        shares = {name: term / replicas.count() for name, term in terms.items()}
        scaled = scaling.scaled(shares)
    return dict(terms), update.gradients.of_part(tape, scaled, variables)


def _together(combine: Callable[..., tf.Tensor], *structures: Any) -> Any:
    """Combines structures of tensors; what is not there stays so."""
    return tf.nest.map_structure(
        lambda *values: None if values[0] is None else combine(*values), *structures
    )
