"""Statistics of batch normalization that fit the weights, for networks at test time.

Moving averages lag behind weights that several updates of an iteration move. Before
weights are judged or used they are therefore computed anew: exact means over training
images, Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3.
"""

import collections
import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from mgm_tf.data.batches import Batches
from mgm_tf.data.examples import Examples, Reader
from mgm_tf.data.splits import Split
from mgm_tf.method.adversarial import Latent
from mgm_tf.method.objectives import Networks
from mgm_tf.networks.layers.batch_normalization import (
    BatchNormalization,
    Moments,
    Recorded,
    recording_moments,
)

# Interpretation: not the batch size of training. At test time a layer sees what the
# layers below it have normalised by the statistics of many images.
BATCH_SIZE = 64

# layer -> the mean and the variance of each channel, float64 [C]
Statistics = Mapping[BatchNormalization, tuple[np.ndarray, np.ndarray]]
# Runs networks on examples; what it returns does not matter.
Run = Callable[[Networks, Examples], object]

# --test_statistics: whether they are estimated
IS_ESTIMATED = {"estimated": True, "moving": False}


class TestTimeNetworks:
    """Networks as attributes by name, called as at test time.

    Args:
      networks: the networks by name.
      recorded: what moments are added to, of layers that then normalise by their batch;
        None to normalise by the averages.
      frozen: the networks that normalise by their averages in any case.
      by_batch: the networks that normalise by their batch all the same.
    """

    __test__ = False  # no test, whatever its name begins with

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        recorded: Recorded | None = None,
        frozen: tuple[str, ...] = (),
        by_batch: tuple[str, ...] = (),
    ):
        self._networks = networks
        self._recorded = recorded
        self._frozen = frozen
        self._by_batch = by_batch

    def __contains__(self, name: str) -> bool:
        return name in self._networks

    def __getattr__(self, name: str) -> Callable[..., tf.Tensor]:
        return functools.partial(self._call, name)

    def _call(self, name: str, *inputs: tf.Tensor) -> tf.Tensor:
        recorded = None if name in self._frozen else self._recorded
        with recording_moments(recorded):
            return self._networks[name](*inputs, training=name in self._by_batch)


class Estimator:
    """An estimator of the statistics of networks on the images of a split.

    They are a function of the weights and of the seed alone.

    Args:
      networks: the networks by name.
      run: what calls those whose statistics are estimated.
      reader: what makes examples of the images: no label map of them is read, and they
        are not augmented.
      images: the number of images, as far as there are so many.
      frozen: the networks that keep their statistics.
      eagerly: whether to do without a graph.
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        run: Run,
        reader: Reader,
        images: int,
        frozen: tuple[str, ...] = (),
        *,
        eagerly: bool = False,
    ):
        self._networks = networks
        self._run = run
        self._reader = reader
        self._images = images
        self._frozen = frozen
        self._layers: list[BatchNormalization] = []
        self._moments = self._batch_moments
        if not eagerly:
            self._moments = tf.function(self._batch_moments, autograph=False)

    def __call__(self, split: Split) -> Statistics:
        """Returns the statistics of all layers that are called."""
        images = min(self._images, len(split))
        steps = -(-images // BATCH_SIZE)
        # Batches of one size, as nearly as it can be, of which the last may begin anew.
        batches = Batches(split, -(-images // steps), self._reader.seed)
        parts: dict[BatchNormalization, list[_Pooled]] = collections.defaultdict(list)
        for step in range(steps):
            moments = self._moments(batches.at(tf.constant(step, tf.int64)))
            for layer, calls in zip(self._layers, moments, strict=True):
                parts[layer] += [_Pooled.of(*call) for call in calls]
        pooled = {
            layer: functools.reduce(_Pooled.joined, each)
            for layer, each in parts.items()
        }
        return {layer: (each.mean, each.variance) for layer, each in pooled.items()}

    def _batch_moments(
        self, batch: Mapping[str, tf.Tensor]
    ) -> list[list[tuple[tf.Tensor, ...]]]:
        """Returns the moments of each layer of `_layers`, for each of its calls."""
        reader = dataclasses.replace(
            self._reader,
            tasks=(),
            extra={},
            augmentation="none",
            batch_size=batch["position"].shape[0],
        )
        recorded: Recorded = {}
        networks = TestTimeNetworks(self._networks, recorded, self._frozen)
        self._run(networks, reader(batch))
        self._layers = list(recorded)
        return [[_numbers(moments) for moments in each] for each in recorded.values()]


def _numbers(moments: Moments) -> tuple[tf.Tensor, ...]:
    return moments.number, moments.mean, moments.variance


@dataclasses.dataclass(frozen=True)
class _Pooled:
    """The moments of all values so far."""

    number: float
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, number: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> "_Pooled":
        return cls(
            float(number),
            np.asarray(mean, np.float64),
            np.asarray(variance, np.float64),
        )

    def joined(self, other: "_Pooled") -> "_Pooled":
        # Chan et al. (1979): no E[x^2] - E[x]^2, which cancels where the mean is large.
        number = self.number + other.number
        share, distance = other.number / number, other.mean - self.mean
        return _Pooled(
            number,
            self.mean + share * distance,
            (1 - share) * self.variance
            + share * other.variance
            + share * (1 - share) * distance**2,
        )


def predictions(networks: TestTimeNetworks, examples: Examples) -> None:
    """Runs what is used on real images at test time: M, and what reads its outputs."""
    features = networks.encoder(examples.images)
    predicted = networks.decoders(features)
    if "refiner" in networks:
        networks.refiner(predicted)
    if "reconstructor" in networks:
        networks.reconstructor(features)


def samples(networks: TestTimeNetworks, examples: Examples, latent: Latent) -> None:
    """Runs what synthesizes images."""
    networks.generator(latent(networks, examples), examples.synthesis_condition)


def assign(statistics: Statistics) -> None:
    """Gives the layers these statistics in the place of their moving averages."""
    for layer, (mean, variance) in statistics.items():
        layer.moving_mean.assign(mean.astype(np.float32))
        layer.moving_variance.assign(variance.astype(np.float32))


@contextlib.contextmanager
def in_use(statistics: Statistics) -> Iterator[None]:
    """Gives the layers these statistics, and then their moving averages again."""
    averages = {
        layer: (layer.moving_mean.numpy(), layer.moving_variance.numpy())
        for layer in statistics
    }
    assign(statistics)
    try:
        yield
    finally:
        assign(averages)


class TestTime:
    """The time at which networks are judged or used: their statistics fit them.

    Attributes:
      seconds: the time that estimating has taken.
    """

    __test__ = False

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        split: Split,
        reader: Reader,
        latent: Latent,
        *,
        images: int,
        frozen: tuple[str, ...] = (),
        eagerly: bool = False,
    ):
        """Does nothing yet.

        Args:
          networks: the networks by name.
          split: the labelled examples.
          reader: what makes examples of their images.
          latent: the source of the latent vectors of G.
          images: the number of images from which statistics are estimated; 0 for
            networks to work by their moving averages.
          frozen: the networks that do so in any case.
          eagerly: whether to do without a graph.
        """
        self._networks = networks
        self._split = split
        self._latent = latent
        self._images = images
        self._frozen = frozen
        self._estimate = Estimator(
            networks, predictions, reader, images, frozen, eagerly=eagerly
        )
        self._at: object = None
        self._statistics: Statistics = {}
        self.seconds = 0.0

    @contextlib.contextmanager
    def __call__(self, at: object) -> Iterator[None]:
        """Has M, and what reads its outputs, work as at test time.

        Args:
          at: what tells the present weights from others; the statistics are estimated
            once for it.
        """
        self._update(at)
        with in_use(self._statistics):
            yield

    def settle(self) -> None:
        """Gives M, and what reads its outputs, the statistics for good."""
        self._update(object())
        assign(self._statistics)

    @contextlib.contextmanager
    def sampling(self, reader: Reader, split: Split) -> Iterator[TestTimeNetworks]:
        """Yields the networks for images to be synthesized as at test time.

        Args:
          reader: what makes examples of a stage's images.
          split: the labelled examples of the stage.
        """
        run = functools.partial(samples, latent=self._latent)
        statistics = self._timed(self._estimator(run, reader), split)
        # The moving averages of G are so slow (momentum .999 and .9999) that thousands
        # of steps pass before they fit.
        by_batch = () if statistics else ("generator",)
        with in_use(statistics):
            yield TestTimeNetworks(self._networks, by_batch=by_batch)

    def settle_sampling(self, reader: Reader, split: Split) -> None:
        """Gives what synthesizes images, but not E, its statistics for good.

        Args:
          reader: what makes examples of a stage's images.
          split: the labelled examples of the stage.
        """
        kept = self._networks["encoder"].get_weights()
        run = functools.partial(samples, latent=self._latent)
        assign(self._timed(self._estimator(run, reader), split))
        # M stays what was judged.
        self._networks["encoder"].set_weights(kept)

    def _estimator(self, run: Run, reader: Reader) -> Estimator:
        # It is seldom asked for, and a graph takes longer to build.
        return Estimator(
            self._networks, run, reader, self._images, self._frozen, eagerly=True
        )

    def _update(self, at: object) -> None:
        if at != self._at:
            self._statistics = self._timed(self._estimate, self._split)
            self._at = at

    def _timed(self, estimate: Estimator, split: Split) -> Statistics:
        start = time.monotonic()
        statistics = estimate(split) if self._images else {}
        self.seconds += time.monotonic() - start
        return statistics
