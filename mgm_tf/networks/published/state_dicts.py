"""State dicts of published weights: names -> arrays, of safetensors and PyTorch files.

The format is told by what a file begins with, not by its name.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import safetensors

from mgm_tf.networks.published import torch_files

# Where training scripts keep the weights among other things.
_NESTED = ("state_dict", "model")
# What `torch.nn.DataParallel` puts before every name.
_PREFIX = "module."
_SAFETENSORS = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}

StateDict = dict[str, np.ndarray]


def read(path: str | os.PathLike) -> StateDict:
    """Reads the weights of a file of safetensors or of PyTorch, by name.

    Of a checkpoint that holds other things as well, the weights are taken from under
    `state_dict` or `model`. Nothing that a file holds is executed.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is of another kind or damaged, or holds what is no tensor.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is no file; expected weights, a file of safetensors or PyTorch."
        )
    try:
        return _weights(_content(path))
    # Damaged files raise almost anything: BadZipFile, struct.error, KeyError, ...
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be read as weights: {reason}") from error


def _content(path: pathlib.Path) -> Any:
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith((torch_files.ZIP_START, torch_files.STREAM_START)):
        return torch_files.read(path)
    # The length of a header in JSON, then the header.
    if start[8:] == b"{":
        return dict(map(_array, safetensors.deserialize(path.read_bytes())))
    raise ValueError(
        "it begins neither like a file of safetensors nor like one of PyTorch."
    )


def _array(entry: tuple[str, Mapping[str, Any]]) -> tuple[str, np.ndarray]:
    name, tensor = entry
    if tensor["dtype"] not in _SAFETENSORS:
        known = ", ".join(_SAFETENSORS)
        raise ValueError(f"{name} is of {tensor['dtype']}; expected one of {known}.")
    dtype = np.dtype(_SAFETENSORS[tensor["dtype"]]).newbyteorder("<")
    values = np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])
    return name, values.astype(dtype.newbyteorder("="))


def _weights(content: Any) -> StateDict:
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"it holds {type(content).__name__}, not weights by name.")
    others = [
        name
        for name, value in content.items()
        if not (isinstance(name, str) and isinstance(value, np.ndarray))
    ]
    if others:
        raise ValueError(
            f"expected weights by name, or under {' or '.join(_NESTED)}; "
            f"{', '.join(map(repr, others[:5]))} are none."
        )
    if all(name.startswith(_PREFIX) for name in content):
        return {name.removeprefix(_PREFIX): v for name, v in content.items()}
    return dict(content)
