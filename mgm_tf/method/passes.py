"""The passes of networks in a step: an update's own, or shared by its updates.

To the letter, every update of Algorithm 1 passes the networks as the updates before it
have left them: `Passes`. What the algorithm permits to compute once is computed once by
`SharedPasses`: M passes an image once in a step, so that y^ = M(x) serves the losses of
the tasks and the scene, and E(x) the embedding as well; D and G learn of the same
synthesized images, the last of which are the synthesized batch. An update then follows
the gradient at the weights of M, or of G, with which the pass was made, a step or two
of Adam ago.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from mgm_tf.method.algorithm import MULTI_TASK_NETWORK, Update
from mgm_tf.method.gradients import OF_SEVERAL_PASSES
from mgm_tf.networks.layers.batch_normalization import advancing_statistics


class Forward:
    """The networks as an update sees them, called by name: `forward.encoder(images)`.

    Interpretation: every pass normalises by its batch, also of a network that the
    update does not train: G must not show D images that were made with stale averages.
    What is `frozen` throughout works as at test time (Table 11: E gives features).
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        advances: tuple[str, ...],
        frozen: tuple[str, ...] = (),
        compiled: "Compiled | None" = None,
    ) -> None:
        self._networks = networks
        self._advances = advances
        self._frozen = frozen
        self._compiled = compiled

    def __getattr__(self, name: str) -> Callable[..., Any]:
        network, advances = self._networks[name], name in self._advances
        training = name not in self._frozen

        def apply(*inputs: Any) -> Any:
            with advancing_statistics(advances):
                return network(*inputs, training=training)

        if self._compiled is None:
            return apply
        return self._compiled.setdefault(
            (name, advances, training),
            tf.function(apply, autograph=False, jit_compile=True),
        )


# What XLA compiles, each network by itself: (name, whether its moving averages advance,
# whether it is in training) -> its pass. A step as a whole has some 10,000 operations,
# and has been seen to take more than five minutes and 5 GiB to compile.
Compiled = dict[tuple[str, bool, bool], Callable[..., Any]]


class Passes:
    """The passes of a step in which every update makes its own.

    Attributes:
      shares_images: whether D and G learn of the same synthesized images.
      synthesized: where images of G are kept for other updates; None for nowhere.
    """

    shares_images = False
    synthesized: dict | None = None

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        frozen: tuple[str, ...],
        *,
        compiles: bool = False,
    ) -> None:
        """Begins a step.

        Args:
          networks: the networks by name.
          frozen: the names of those that work as at test time.
          compiles: whether XLA compiles each of them, for one device.
        """
        self._networks = networks
        self._frozen = frozen
        self._compiled: Compiled | None = {} if compiles else None

    def tape(self, update: Update) -> tf.GradientTape:
        """Returns the tape on which the loss of an update is to be taken."""
        return tf.GradientTape(persistent=update.gradients in OF_SEVERAL_PASSES)

    def of_images(self, update: Update) -> Forward:
        """Returns the networks as the images of an update see them."""
        return self._forward(update.drawing_advances)

    def of_loss(self, update: Update) -> Forward:
        """Returns the networks as the loss of an update sees them."""
        return self._forward(update.advances)

    def _forward(self, advances: tuple[str, ...]) -> Forward:
        return Forward(self._networks, advances, self._frozen, self._compiled)


class SharedPasses(Passes):
    """The passes of a step whose updates share those of M, and the images of G."""

    shares_images = True

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        frozen: tuple[str, ...],
        *,
        compiles: bool = False,
    ) -> None:
        super().__init__(networks, frozen, compiles=compiles)
        self.synthesized = {}
        # What an update has passed, another follows the gradient of: one tape.
        self._tape = tf.GradientTape(persistent=True)
        self._remembered: Remembered = {}

    def tape(self, update: Update) -> tf.GradientTape:
        """Returns the tape of the step, which goes on where it stopped."""
        return self._tape

    def of_loss(self, update: Update) -> Forward:
        """Returns the networks; of M, a pass over images that M has passed is that."""
        forward = super().of_loss(update)
        return RememberingForward(forward, self._remembered)


# (name of a network, ids of its inputs) -> the inputs, which are kept for their ids to
# stay theirs, and what the network has made of them.
Remembered = dict[tuple, tuple[tuple, Any]]


class RememberingForward(Forward):
    """Networks of which those of M pass the same tensors once."""

    def __init__(self, forward: Forward, remembered: Remembered) -> None:
        self._forward = forward
        self._remembered = remembered

    def __getattr__(self, name: str) -> Callable[..., Any]:
        apply = getattr(self._forward, name)
        if name not in MULTI_TASK_NETWORK:
            return apply

        def recall(*inputs: Any) -> Any:
            key = (name, *(id(tensor) for tensor in tf.nest.flatten(inputs)))
            if key not in self._remembered:
                self._remembered[key] = inputs, apply(*inputs)
            return self._remembered[key][1]

        return recall


# --passes
PASSES: dict[str, type[Passes]] = {"sequential": Passes, "shared": SharedPasses}
