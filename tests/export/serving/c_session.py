"""A SavedModel in TensorFlow's C API: loaded as TensorFlow Serving loads it.

`TF_LoadSessionFromSavedModel` is the loader of C++, which knows nothing of Python: what
it runs are the tensors that the signatures of the MetaGraph name.
"""

import ctypes
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

_FOLDER = pathlib.Path(tf.__file__).parent
_CC = ctypes.CDLL(str(_FOLDER / "libtensorflow_cc.so.2"))
_FRAMEWORK = ctypes.CDLL(str(_FOLDER / "libtensorflow_framework.so.2"))
_STRING_SIZE = 24  # bytes of a TF_TString
_POINTER = ctypes.c_void_p


class _Buffer(ctypes.Structure):
    _fields_ = [("data", _POINTER), ("length", ctypes.c_size_t), ("free", _POINTER)]


class _Output(ctypes.Structure):
    _fields_ = [("operation", _POINTER), ("index", ctypes.c_int)]


def _call(name: str, *arguments, returns=None):
    library = _CC if hasattr(_CC, name) else _FRAMEWORK
    function = getattr(library, name)
    function.restype = returns
    return function(*arguments)


class _Status:
    def __enter__(self) -> _POINTER:
        self._status = _POINTER(_call("TF_NewStatus", returns=_POINTER))
        return self._status

    def __exit__(self, kind, *exception) -> None:
        code = _call("TF_GetCode", self._status, returns=ctypes.c_int)
        message = _call("TF_Message", self._status, returns=ctypes.c_char_p) or b""
        _call("TF_DeleteStatus", self._status)
        if kind is None and code:
            raise ValueError(message.decode(errors="replace"))


class Session:
    """A loaded SavedModel.

    Args:
      path: the folder of a version.

    Raises:
      ValueError: it cannot be loaded.
    """

    def __init__(self, path: pathlib.Path):
        self._graph = _POINTER(_call("TF_NewGraph", returns=_POINTER))
        options = _POINTER(_call("TF_NewSessionOptions", returns=_POINTER))
        config = config_pb2.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        ).SerializeToString()
        meta = ctypes.cast(
            _call("TF_NewBuffer", returns=_POINTER), ctypes.POINTER(_Buffer)
        )
        tags = (ctypes.c_char_p * 1)(b"serve")
        folder = ctypes.c_char_p(str(path).encode())
        with _Status() as status:
            _call("TF_SetConfig", options, config, ctypes.c_size_t(len(config)), status)
        with _Status() as status:
            self._session = _POINTER(
                _call(
                    "TF_LoadSessionFromSavedModel",
                    *(options, None, folder, tags, 1, self._graph, meta, status),
                    returns=_POINTER,
                )
            )
        graph = meta_graph_pb2.MetaGraphDef()
        graph.ParseFromString(
            ctypes.string_at(meta.contents.data, meta.contents.length)
        )
        _call("TF_DeleteBuffer", meta)
        _call("TF_DeleteSessionOptions", options)
        self.signatures = {
            name: definition
            for name, definition in graph.signature_def.items()
            if definition.method_name == "tensorflow/serving/predict"
        }

    def close(self) -> None:
        """Frees the session."""
        with _Status() as status:
            _call("TF_CloseSession", self._session, status)
        with _Status() as status:
            _call("TF_DeleteSession", self._session, status)
        _call("TF_DeleteGraph", self._graph)

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Raises:
          ValueError: TensorFlow refuses the inputs.
        """
        definition = self.signatures[signature]
        if set(inputs) != set(definition.inputs):
            raise ValueError(f"Expected {sorted(definition.inputs)}: {sorted(inputs)}")
        fed = [
            (self._output(definition.inputs[name].name), _tensor(values))
            for name, values in inputs.items()
        ]
        names = sorted(definition.outputs)
        fetched = [self._output(definition.outputs[name].name) for name in names]
        results = (_POINTER * len(names))()
        with _Status() as status:
            _call(
                "TF_SessionRun",
                *(self._session, None),
                (_Output * len(fed))(*(place for place, _ in fed)),
                (_POINTER * len(fed))(*(tensor for _, tensor in fed)),
                len(fed),
                (_Output * len(names))(*fetched),
                *(results, len(names), None, 0, None, status),
            )
        for _, tensor in fed:
            _call("TF_DeleteTensor", _POINTER(tensor))
        return {
            name: _array(_POINTER(tensor))
            for name, tensor in zip(names, results, strict=True)
        }

    def _output(self, tensor: str) -> _Output:
        name, _, index = tensor.partition(":")
        operation = _call(
            "TF_GraphOperationByName", self._graph, name.encode(), returns=_POINTER
        )
        if operation is None:
            raise ValueError(f"The graph has no operation {name}.")
        return _Output(operation, int(index))


def _tensor(values: np.ndarray) -> int:
    values = np.ascontiguousarray(values)
    is_string = values.dtype == object
    size = _STRING_SIZE * values.size if is_string else values.nbytes
    tensor = _call(
        "TF_AllocateTensor",
        ctypes.c_int(
            tf.as_dtype(tf.string if is_string else values.dtype).as_datatype_enum
        ),
        (ctypes.c_int64 * values.ndim)(*values.shape),
        ctypes.c_int(values.ndim),
        ctypes.c_size_t(size),
        returns=_POINTER,
    )
    data = _call("TF_TensorData", _POINTER(tensor), returns=_POINTER)
    if not is_string:
        ctypes.memmove(data, values.ctypes.data, size)
        return tensor
    for place, text in enumerate(values.reshape(-1)):
        string = _POINTER(data + place * _STRING_SIZE)
        _call("TF_StringInit", string)
        _call("TF_StringCopy", string, text, ctypes.c_size_t(len(text)))
    return tensor


def _array(tensor: _POINTER) -> np.ndarray:
    dtype = tf.as_dtype(_call("TF_TensorType", tensor, returns=ctypes.c_int))
    rank = _call("TF_NumDims", tensor, returns=ctypes.c_int)
    shape = [
        _call("TF_Dim", tensor, ctypes.c_int(axis), returns=ctypes.c_int64)
        for axis in range(rank)
    ]
    size = _call("TF_TensorByteSize", tensor, returns=ctypes.c_size_t)
    data = _call("TF_TensorData", tensor, returns=_POINTER)
    text = ctypes.string_at(data, size)
    _call("TF_DeleteTensor", tensor)
    return np.frombuffer(text, dtype.as_numpy_dtype).reshape(shape)
