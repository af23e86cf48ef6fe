"""PyTorch's files of tensors, read without executing what they hold.

A file is a pickle, and a pickle may call any function. Here it gets to know an ordered
dict and three names that stand for tensors; whatever else it asks for is refused by its
name. What it says of a tensor (storage, offset, shape, strides) is checked before any
memory is read.

Two layouts: a zip archive with the pickle and a file for each storage (since PyTorch
1.6), and one stream of pickles followed by the storages (before).
"""

import collections
import io
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

ZIP_START = b"PK\x03\x04"
STREAM_START = b"\x80"  # of any pickle
_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_STREAM_PROTOCOL = 1001

# The names of PyTorch's storages: what a number is stored as.
_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class _Storage(NamedTuple):
    """The numbers behind tensors, as a pickle refers to them."""

    key: str
    kind: str
    size: int


class _Tensor(NamedTuple):
    """A tensor, as a pickle describes it."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


# (key, type of the numbers) -> all numbers of a storage
_Numbers = Callable[[str, np.dtype], np.ndarray]


def read(path: pathlib.Path) -> Any:
    """Reads a file of `torch.save`: its dicts and lists, with arrays for tensors.

    Raises:
      ValueError: it holds what is no tensor, or is damaged.
    """
    with path.open("rb") as file:
        start = file.read(len(ZIP_START))
        file.seek(0)
        return _read_zip(file) if start == ZIP_START else _read_stream(file)


class _Unpickler(pickle.Unpickler):
    """A reader of pickles that know of tensors and of nothing that acts."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Returns what stands for a name.

        Raises:
          ValueError: the name is of anything but tensors.
        """
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        raise ValueError(
            f"it asks for `{module}.{name}`, which is no part of a tensor. Nothing in "
            "a file is executed; expected weights alone, as `torch.save("
            "model.state_dict(), ...)` writes them."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """Returns a storage that the pickle refers to."""
        kind, storage, key, _, size, *_ = pid
        if (kind, storage) not in _REFERENCES:
            raise ValueError(f"it refers to {pid!r}; expected storages of tensors.")
        found = _Storage(str(key), storage, int(size))
        return self.storages.setdefault(found.key, found)


def _tensor(
    storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


# All that a pickle may ask for: nothing of it acts.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): name for name in _STORAGES},
}
_REFERENCES = {("storage", name) for name in _STORAGES}


def _read_zip(file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it is a zip archive, but not one of PyTorch's.")
        folder = pickles[0].removesuffix("data.pkl")
        little = f"{folder}byteorder" not in names or (
            archive.read(f"{folder}byteorder") == b"little"
        )

        def numbers(key: str, dtype: np.dtype) -> np.ndarray:
            entry = archive.getinfo(f"{folder}data/{key}")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"storage {key} is compressed, as PyTorch never does.")
            ordered = dtype.newbyteorder("<" if little else ">")
            return np.frombuffer(archive.read(entry), ordered)

        described = _Unpickler(io.BytesIO(archive.read(pickles[0]))).load()
        return _with_arrays(described, numbers)


def _read_stream(file: BinaryIO) -> Any:
    if _Unpickler(file).load() != _STREAM_MAGIC:
        raise ValueError("it is a pickle, but not one of PyTorch's.")
    protocol, machine = _Unpickler(file).load(), _Unpickler(file).load()
    if protocol != _STREAM_PROTOCOL or not machine["little_endian"]:
        raise ValueError(f"its layout is another one: {protocol}, {machine}.")
    unpickler = _Unpickler(file)
    described = unpickler.load()
    content = {}
    for key in _Unpickler(file).load():
        (size,) = struct.unpack("<q", file.read(8))
        width = np.dtype(_STORAGES[unpickler.storages[key].kind]).itemsize
        content[key] = file.read(size * width)

    def numbers(key: str, dtype: np.dtype) -> np.ndarray:
        return np.frombuffer(content[key], dtype.newbyteorder("<"))

    return _with_arrays(described, numbers)


def _with_arrays(described: Any, numbers: _Numbers) -> Any:
    """Returns the same dicts and lists with an array in the place of each tensor."""
    if isinstance(described, _Tensor):
        return _array(described, numbers)
    if isinstance(described, Mapping):
        return {key: _with_arrays(v, numbers) for key, v in described.items()}
    if isinstance(described, list | tuple):
        return [_with_arrays(value, numbers) for value in described]
    return described


def _array(tensor: _Tensor, numbers: _Numbers) -> np.ndarray:
    """Returns a copy of a tensor's numbers.

    Raises:
      ValueError: the tensor reaches beyond its storage, or is larger than it.
    """
    key, kind, _ = tensor.storage
    values = numbers(key, np.dtype(_STORAGES[kind]))
    shape, strides = tuple(tensor.shape), tuple(tensor.strides)
    last = tensor.offset + sum(
        (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
    )
    whole = (tensor.offset, *shape, *strides)
    number = 1
    for size in shape:
        number *= size
    if not all(isinstance(each, int) and each >= 0 for each in whole) or (
        number and not (last < len(values) and number <= len(values))
    ):
        raise ValueError(
            f"a tensor of shape {shape} and strides {strides} from number "
            f"{tensor.offset} on does not lie in its storage of {len(values)}."
        )
    if not number:
        return np.zeros(shape, values.dtype)
    width = values.itemsize
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :], shape, [width * stride for stride in strides]
    )
    return view.astype(values.dtype.newbyteorder("="), order="C")
