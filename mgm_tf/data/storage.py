"""The examples of a split as they lie on disk, and the calls that read them."""

import atexit
import functools
import struct
import threading
import time
import zlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mgm_tf.errors import DamagedExample

SCENE, NAME = "scene", "name"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type

# The parts of a stored example, by name (`tf.train.Feature`).
Features = Mapping[str, tf.train.Feature]
# numbers [n] of examples -> arrays [n, ...] by the names of their parts
Read = Callable[[np.ndarray], Mapping[str, np.ndarray]]


class StoredSplit:
    """The examples of a split as they lie on disk, by their places in it.

    Attributes:
      title: the names of the data set and of the split.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str) -> None:
        """Opens the files; nothing is read yet."""
        self.title = f"{builder.info.full_name}, split {split!r}"
        self._source = builder.as_data_source(
            split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )

    def __len__(self) -> int:
        return len(self._source)

    def names(self, places: np.ndarray) -> list[str]:
        """Returns the names of these examples."""
        return [_name(features) for features in self._read(places)]

    def scenes(self, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Returns the scene labels of these examples, int32 [n, *shape]."""
        scenes = [_scene(features) for features in self._read(places)]
        return np.array(scenes, np.int32).reshape(len(places), *shape)

    def decode(
        self,
        places: np.ndarray,
        spec: Mapping[str, tf.TensorSpec],
        into: Mapping[str, np.ndarray],
        rows: np.ndarray,
    ) -> None:
        """Writes examples into rows of arrays.

        Args:
          places: the places of the examples in the split, [n].
          spec: the shape and type of each part of one example.
          into: the arrays [examples, ...] by the keys of `spec`.
          rows: the rows of these arrays that are written, [n].

        Raises:
          DamagedExample: one cannot be read, or is not what `spec` says.
        """
        examples = self._read(places)
        for row, place, features in zip(rows, places, examples, strict=True):
            for key, part in spec.items():
                try:
                    into[key][row] = _value(features, key, part)
                except (
                    tf.errors.InvalidArgumentError,
                    LookupError,
                    ValueError,
                ) as error:
                    detail = f" ({_name(features)}), {key}"
                    raise self._damaged(place, error, detail) from error

    def encoded(
        self, places: np.ndarray, spec: Mapping[str, tf.TensorSpec]
    ) -> dict[str, np.ndarray]:
        """Returns examples whose images are still PNG, bytes [n], checked to be whole.

        Args:
          places: the places of the examples in the split, [n].
          spec: the shape and type of each part of one decoded example.

        Raises:
          DamagedExample: one cannot be read, or is not what `spec` says.
        """
        examples = self._read(places)
        images = {key: part for key, part in spec.items() if key != SCENE}
        arrays = {key: np.empty(len(examples), object) for key in images}
        for row, (place, features) in enumerate(zip(places, examples, strict=True)):
            for key, part in images.items():
                try:
                    png = features[key].bytes_list.value[0]
                    check_png(png, part)
                except (LookupError, ValueError, struct.error) as error:
                    detail = f" ({_name(features)}), {key}"
                    raise self._damaged(place, error, detail) from error
                arrays[key][row] = png
        if SCENE in spec:
            scenes = np.array([_scene(features) for features in examples], np.int32)
            arrays[SCENE] = scenes.reshape(len(examples), *spec[SCENE].shape)
        return arrays

    def _read(self, places: np.ndarray) -> list[Features]:
        """Returns the features of these examples; images are still PNG."""
        try:
            records = self._source.__getitems__(places.tolist())
        except Exception as error:  # whatever the library of the files raises
            self._find_damaged(places)
            raise DamagedExample(f"{self.title}: {error}") from error
        examples = []
        for place, record in zip(places, records, strict=True):
            try:
                examples.append(tf.train.Example.FromString(record).features.feature)
            except Exception as error:  # that of protobuf has no public name
                raise self._damaged(place, error) from error
        return examples

    def _find_damaged(self, places: np.ndarray) -> None:
        """Raises DamagedExample for the first of these that cannot be read."""
        for place in places.tolist():
            try:
                self._source.__getitems__([place])
            except Exception as error:
                raise self._damaged(place, error) from error

    def _damaged(
        self, place: int, reason: Exception, detail: str = ""
    ) -> DamagedExample:
        text = str(reason).splitlines() or [type(reason).__name__]
        return DamagedExample(
            f"{self.title}, example {place}{detail} cannot be read ({text[0]}). Remove "
            "the built data set and build it again."
        )


def _name(features: Features) -> str:
    return b"".join(features[NAME].bytes_list.value).decode()


def _scene(features: Features) -> np.ndarray:
    return np.array(features[SCENE].int64_list.value, np.int32)


def check_png(png: bytes, spec: tf.TensorSpec) -> None:
    """Checks that a PNG is whole and of this shape and type, without decoding it.

    Raises:
      ValueError: it is not.
      struct.error: it ends too early.
    """
    if not png.startswith(PNG_SIGNATURE):
        raise ValueError("it is no PNG")
    width, height, bits, color = struct.unpack_from(">IIBB", png, 16)
    shape = (height, width, PNG_CHANNELS.get(color))
    if shape != tuple(spec.shape) or bits != 8 * spec.dtype.size:
        raise ValueError(
            f"it is {shape} of {bits} bits, expected {tuple(spec.shape)} of "
            f"{8 * spec.dtype.size}"
        )
    view, begin, kind = memoryview(png), len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", png, begin)
        end = begin + 8 + length
        (checksum,) = struct.unpack_from(">I", png, end)
        if zlib.crc32(view[begin + 4 : end]) != checksum:
            raise ValueError(f"the checksum of its part {kind!r} is wrong")
        begin = end + 4


def _value(features: Features, key: str, spec: tf.TensorSpec) -> np.ndarray:
    if key == SCENE:
        return _scene(features).reshape(spec.shape)
    png = features[key].bytes_list.value[0]
    # Not by TFDS: it cannot decode PNG of two channels, and would decode all tasks.
    with tf.device("CPU:0"):
        value = tf.io.decode_png(png, dtype=spec.dtype).numpy()
    if value.shape != tuple(spec.shape):
        raise ValueError(f"it is {value.shape}, expected {tuple(spec.shape)}")
    return value


class Calls:
    """Python calls by the threads of TensorFlow, which end before Python ends.

    The threads read ahead. A call that begins while Python is ending never returns, and
    the process waits for it for ever.
    """

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._running = 0
        self._last = 0.0
        self._lock = threading.Lock()
        atexit.register(self.end)

    def __call__(
        self, read: Read, blank: Read, numbers: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """Returns `read(numbers)`; once Python is ending, `blank(numbers)`."""
        with self._lock:
            self._running += 1
        try:
            return (blank if self._ending.is_set() else read)(numbers)
        finally:
            with self._lock:
                self._running -= 1
                self._last = time.monotonic()

    def end(self) -> None:
        """Waits until nothing is read any more: what is read ahead is bounded."""
        self._ending.set()
        while self._running or time.monotonic() - self._last < 0.1:
            time.sleep(0.01)


CALLS = Calls()


@functools.cache
def _call(
    read: Read, blank: Read, keys: tuple[str, ...]
) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Returns what a graph calls to read; one and the same for all graphs.

    TensorFlow keeps what any graph calls for as long as the program runs, and every
    evaluation makes a graph.
    """

    def call(numbers: np.ndarray) -> list[np.ndarray]:
        arrays = CALLS(read, blank, numbers)
        return [arrays[key] for key in keys]

    return call


# AutoGraph would make the function anew, past what is cached.
@tf.autograph.experimental.do_not_convert
def in_graph(
    read: Read,
    blank: Read,
    numbers: tf.Tensor,
    spec: Mapping[str, tf.TensorSpec],
) -> dict[str, tf.Tensor]:
    """Returns `read(numbers)`, which is called when the graph runs.

    Args:
      read: the function that reads examples.
      blank: a fast function that returns such arrays with any values.
      numbers: the numbers of the examples, [n].
      spec: the shape and type of each part of one example.
    """

    call = _call(read, blank, tuple(spec))
    dtypes = [part.dtype for part in spec.values()]
    values = tf.numpy_function(call, [numbers], dtypes, stateful=False)
    return {
        key: tf.ensure_shape(value, (*numbers.shape, *part.shape))
        for (key, part), value in zip(spec.items(), values, strict=True)
    }


def encoded_spec(spec: Mapping[str, tf.TensorSpec]) -> dict[str, tf.TensorSpec]:
    """Returns the shape and type of each part of an encoded example."""
    png = tf.TensorSpec((), tf.string)
    return {key: part if key == SCENE else png for key, part in spec.items()}


def decoded(
    encoded: Mapping[str, tf.Tensor], spec: Mapping[str, tf.TensorSpec]
) -> dict[str, tf.Tensor]:
    """Returns the examples [n, ...] of PNG [n], in a graph."""

    def decode(example: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        images = {
            key: tf.io.decode_png(example[key], dtype=part.dtype)
            for key, part in spec.items()
            if key != SCENE
        }
        parts = images | {SCENE: example[SCENE]}
        return {
            key: tf.ensure_shape(parts[key], part.shape) for key, part in spec.items()
        }

    return tf.map_fn(decode, dict(encoded), fn_output_signature=dict(spec))
