"""How fast this machine convolves: the measure of what a step could reach.

The convolutions of a graph are run alone, each with its own shape, its operands at
hand. Their operations by their time are the peak that the graph can be held against.
"""

import collections
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator

import tensorflow as tf

from mgm_tf.benchmark.timing import first_call, in_turn

MOST = 12  # the number of different convolutions that are timed
# A call has so many operations, by repetition: calling takes time of its own.
LEAST_WORK, MOST_REPEATS = 200_000_000, 50

# The operations that are timed.
CONVOLUTIONS = frozenset({"Conv2D"})


@dataclasses.dataclass(frozen=True)
class Convolution:
    """The shape of a convolution.

    Attributes:
      images: the shape of its inputs, [N, H, W, C].
      kernel: that of its kernel, [k, k, C, filters].
      stride: its stride.
      padding: "SAME", "VALID", or the pixels added before and after each axis.
      outputs: the height and width of its outputs.
      dtype: the type of its operands.
    """

    images: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: int
    padding: str | tuple[tuple[int, int], ...]
    outputs: tuple[int, ...]
    dtype: tf.DType = tf.float32

    def __call__(self, images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the convolved images."""
        padding = self.padding if isinstance(self.padding, str) else [*self.padding]
        return tf.nn.conv2d(images, kernel, self.stride, padding)

    @property
    def flops(self) -> int:
        """The operations; a multiplication and an addition are two."""
        return 2 * self.images[0] * math.prod(self.outputs) * math.prod(self.kernel)


def convolutions_of(graph: tf.Graph) -> collections.Counter[Convolution]:
    """Counts the forward convolutions of a graph whose shapes are known."""
    return collections.Counter(_convolutions(graph))


def _convolutions(graph: tf.Graph) -> Iterator[Convolution]:
    for operation in graph.get_operations():
        if operation.type in CONVOLUTIONS:
            images, kernel = operation.inputs
            if images.shape.is_fully_defined() and kernel.shape.is_fully_defined():
                yield Convolution(
                    tuple(images.shape),
                    tuple(kernel.shape),
                    operation.get_attr("strides")[1],
                    _padding(operation),
                    tuple(operation.outputs[0].shape[1:3]),
                    images.dtype,
                )


def _padding(operation: tf.Operation) -> str | tuple[tuple[int, int], ...]:
    explicit = operation.get_attr("explicit_paddings")
    if not explicit:
        return operation.get_attr("padding").decode()
    return tuple(zip(explicit[::2], explicit[1::2], strict=True))


def peak(graph: tf.Graph, windows: int, window_seconds: float) -> float:
    """Measures the operations a second of the largest convolutions of a graph.

    Args:
      graph: the graph of a step.
      windows: the number of measurements of each; the fastest counts.
      window_seconds: the least number of seconds of a measurement.

    Returns:
      Floating-point operations a second, each shape weighed as often as it occurs; 0
      if there is no convolution.
    """
    counts = convolutions_of(graph)
    work = {shape: number * shape.flops for shape, number in counts.items()}
    largest = sorted(work, key=lambda shape: work[shape], reverse=True)[:MOST]
    seconds = 0.0
    for shape in largest:
        images = tf.random.stateless_normal(shape.images, (0, 1))
        kernel = tf.random.stateless_normal(shape.kernel, (2, 3))
        images, kernel = (tf.cast(value, shape.dtype) for value in (images, kernel))
        repeats = min(-(-LEAST_WORK // shape.flops), MOST_REPEATS)
        act = functools.partial(_run, _repeated(shape, repeats), images, kernel)
        first_call(act)
        timing = in_turn({"": act}, windows, window_seconds)[""]
        seconds += counts[shape] * min(timing.seconds) / repeats
    return sum(work[shape] for shape in largest) / seconds if seconds else 0.0


def _repeated(shape: Convolution, repeats: int) -> Callable[..., list[tf.Tensor]]:
    def convolve(images: tf.Tensor, kernel: tf.Tensor) -> list[tf.Tensor]:
        return [shape(images, kernel) for _ in range(repeats)]

    return tf.function(convolve, autograph=False)


def _run(call: Callable[..., list[tf.Tensor]], *operands: tf.Tensor) -> None:
    # Results on a GPU are there when they are fetched.
    call(*operands)[-1].numpy()
