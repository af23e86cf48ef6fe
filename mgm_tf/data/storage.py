"""The examples of a built data set as they lie on disk, and calls that read them."""

import atexit
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


class StoredSplit:
    """The examples of a split, by their numbers in it.

    Attributes:
      title: the data set and the split, in words.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        """Opens the files; nothing is read yet."""
        self.title = f"{builder.info.full_name}, split {split!r}"
        self._source = builder.as_data_source(
            split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )

    def __len__(self) -> int:
        return len(self._source)

    def names(self, places: np.ndarray) -> list[str]:
        """The names of these examples."""
        return [_name(features) for features in self._read(places)]

    def scenes(self, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The image labels of these examples, int32 [n, *shape]."""
        found = [_scene(features) for features in self._read(places)]
        return np.array(found, np.int32).reshape(len(places), *shape)

    def decode(
        self,
        places: np.ndarray,
        spec: Mapping[str, tf.TensorSpec],
        into: Mapping[str, np.ndarray],
        rows: np.ndarray,
    ) -> None:
        """Writes examples into rows of arrays.

        Args:
          places: which examples, [n].
          spec: what one consists of.
          into: arrays [examples, ...] by the keys of `spec`.
          rows: of these, [n].

        Raises:
          DamagedExample: one cannot be read, or is not what `spec` says.
        """
        read = self._read(places)
        for row, place, features in zip(rows, places, read, strict=True):
            for key, wanted in spec.items():
                try:
                    into[key][row] = _value(features, key, wanted)
                except (tf.errors.InvalidArgumentError, LookupError, ValueError) as why:
                    where = f" ({_name(features)}), {key}"
                    raise self._damaged(place, why, where) from why

    def encoded(
        self, places: np.ndarray, spec: Mapping[str, tf.TensorSpec]
    ) -> dict[str, np.ndarray]:
        """Examples whose images are still PNG, bytes objects [n], but found whole.

        Args:
          places: which examples, [n].
          spec: what one consists of.

        Raises:
          DamagedExample: one cannot be read, or is not what `spec` says.
        """
        read = self._read(places)
        images = {key: one for key, one in spec.items() if key != SCENE}
        found = {key: np.empty(len(read), object) for key in images}
        for row, (place, features) in enumerate(zip(places, read, strict=True)):
            for key, wanted in images.items():
                try:
                    png = features[key].bytes_list.value[0]
                    check_png(png, wanted)
                except (LookupError, ValueError, struct.error) as why:
                    where = f" ({_name(features)}), {key}"
                    raise self._damaged(place, why, where) from why
                found[key][row] = png
        if SCENE in spec:
            scenes = np.array([_scene(features) for features in read], np.int32)
            found[SCENE] = scenes.reshape(len(read), *spec[SCENE].shape)
        return found

    def _read(self, places: np.ndarray) -> list:
        """The features of these examples; images are still PNG."""
        try:
            records = self._source.__getitems__(places.tolist())
        except Exception as error:  # whatever the library of the files raises
            self._find_damaged(places)
            raise DamagedExample(f"{self.title}: {error}") from error
        found = []
        for place, record in zip(places, records, strict=True):
            try:
                found.append(tf.train.Example.FromString(record).features.feature)
            except Exception as error:  # that of protobuf has no public name
                raise self._damaged(place, error) from error
        return found

    def _find_damaged(self, places: np.ndarray) -> None:
        for place in places.tolist():
            try:
                self._source.__getitems__([place])
            except Exception as error:
                raise self._damaged(place, error) from error

    def _damaged(self, place, reason: Exception, detail: str = "") -> DamagedExample:
        text = str(reason).splitlines() or [type(reason).__name__]
        return DamagedExample(
            f"{self.title}, example {place}{detail} cannot be read ({text[0]}). Remove "
            "the built data set and build it again."
        )


def _name(features) -> str:
    return b"".join(features[NAME].bytes_list.value).decode()


def _scene(features) -> np.ndarray:
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


def _value(features, key: str, spec: tf.TensorSpec) -> np.ndarray:
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
    """Calls of Python by TensorFlow's threads, which end before Python ends.

    The threads read ahead. A call that begins while Python is ending never returns, and
    the process waits for it for ever.
    """

    def __init__(self):
        self._ending = threading.Event()
        self._running = 0
        self._last = 0.0
        self._lock = threading.Lock()
        atexit.register(self.end)

    def __call__(self, read: Callable, blank: Callable, numbers: np.ndarray):
        """`read(numbers)`; `blank(numbers)` once nobody will look at it any more."""
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


def in_graph(
    read: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    blank: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    numbers: tf.Tensor,
    spec: Mapping[str, tf.TensorSpec],
) -> dict[str, tf.Tensor]:
    """`read(numbers)` when the graph runs.

    Args:
      read: numbers [n] -> arrays [n, ...] by the keys of `spec`.
      blank: the same with any values, fast.
      numbers: of examples, [n].
      spec: of one example.
    """

    def call(wanted):
        found = CALLS(read, blank, wanted)
        return [found[key] for key in spec]

    dtypes = [one.dtype for one in spec.values()]
    values = tf.numpy_function(call, [numbers], dtypes, stateful=False)
    return {
        key: tf.ensure_shape(value, (*numbers.shape, *one.shape))
        for (key, one), value in zip(spec.items(), values, strict=True)
    }


def encoded_spec(spec: Mapping[str, tf.TensorSpec]) -> dict[str, tf.TensorSpec]:
    """What `StoredSplit.encoded` gives of an example."""
    png = tf.TensorSpec((), tf.string)
    return {key: one if key == SCENE else png for key, one in spec.items()}


def decoded(
    encoded: Mapping[str, tf.Tensor], spec: Mapping[str, tf.TensorSpec]
) -> dict[str, tf.Tensor]:
    """The examples [n, ...] of PNG [n], in a graph."""

    def decode(example):
        images = {
            key: tf.io.decode_png(example[key], dtype=one.dtype)
            for key, one in spec.items()
            if key != SCENE
        }
        whole = images | {SCENE: example[SCENE]}
        return {
            key: tf.ensure_shape(whole[key], one.shape) for key, one in spec.items()
        }

    return tf.map_fn(decode, dict(encoded), fn_output_signature=dict(spec))
