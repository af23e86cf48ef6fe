"""A server that speaks TensorFlow Serving's gRPC and REST, over C sessions.

It does what the contract of a model is about: versions with their states, the metadata
of signatures, and predictions by the names of a MetaGraph's tensors.
"""

import base64
import concurrent.futures
import http.server
import json
import pathlib
import threading
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.export.serving.c_session import Session

AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
LOADING = get_model_status_pb2.ModelVersionStatus.LOADING


class ModelServer:
    """The model `name`, whose versions are loaded one by one."""

    def __init__(self, name: str):
        self.name = name
        self.sessions: dict[int, Session] = {}
        self.loading: set[int] = set()
        handler = type("Handler", (_Rest,), {"served": self})
        self._rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._rest.serve_forever, daemon=True)
        self._pool = concurrent.futures.ThreadPoolExecutor(4)
        self._grpc = grpc.server(self._pool)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _Predictions(self), self._grpc
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            _Models(self), self._grpc
        )
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self.rest_address = f"http://127.0.0.1:{self._rest.server_address[1]}"

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        self._grpc.start()
        return self

    def __exit__(self, *exception) -> None:
        self._grpc.stop(None).wait()
        self._pool.shutdown()
        self._rest.shutdown()
        self._rest.server_close()
        self._thread.join()
        for session in self.sessions.values():
            session.close()

    def load(self, path: pathlib.Path) -> None:
        """Loads a version, which is AVAILABLE from then on."""
        self.sessions[int(path.name)] = Session(path)

    def status(self) -> get_model_status_pb2.GetModelStatusResponse:
        answer = get_model_status_pb2.GetModelStatusResponse()
        for version in self.sessions:
            answer.model_version_status.add(version=version, state=AVAILABLE)
        for version in self.loading:
            answer.model_version_status.add(version=version, state=LOADING)
        return answer

    def metadata(self, version: int) -> get_model_metadata_pb2.GetModelMetadataResponse:
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self.session(version)[1].signatures.items():
            found.signature_def[name].CopyFrom(definition)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name = self.name
        answer.metadata["signature_def"].Pack(found)
        return answer

    def session(self, version: int) -> tuple[int, Session]:
        """Returns a version by its number, the newest for 0."""
        number = version or max(self.sessions, default=0)
        if number not in self.sessions:
            raise ValueError(f"Servable not found: {self.name} {number}")
        return number, self.sessions[number]


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, served: ModelServer):
        self.served = served

    def GetModelStatus(self, request, context):
        if request.model_spec.name != self.served.name:
            context.abort(grpc.StatusCode.NOT_FOUND, "Could not find the model")
        return self.served.status()


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, served: ModelServer):
        self.served = served

    def GetModelMetadata(self, request, context):
        return self.served.metadata(request.model_spec.version.value)

    def Predict(self, request, context):
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        name = request.model_spec.signature_name or "serving_default"
        try:
            _, session = self.served.session(request.model_spec.version.value)
            outputs = session.run(name, inputs)
        except (KeyError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        answer = predict_pb2.PredictResponse()
        for key, values in outputs.items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(values))
        return answer


class _Rest(http.server.BaseHTTPRequestHandler):
    served: ModelServer

    def log_message(self, *arguments) -> None:
        """Keeps the output of the tests clean."""

    def _version(self) -> tuple[int, str]:
        path = self.path.removeprefix(f"/v1/models/{self.served.name}")
        if path == self.path:
            raise ValueError(f"Could not find the model of {self.path}")
        path, _, verb = path.partition(":")
        words = [word for word in path.split("/") if word]
        version = int(words[1]) if words[:1] == ["versions"] else 0
        return version, verb or (words[-1] if words[-1:] == ["metadata"] else "")

    def do_GET(self) -> None:
        try:
            version, what = self._version()
            message = self.served.metadata(version) if what else self.served.status()
            self._send(
                200,
                json_format.MessageToDict(message, preserving_proto_field_name=True),
            )
        except ValueError as error:
            self._send(404, {"error": str(error)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            _, session = self.served.session(self._version()[0])
            name = body.get("signature_name", "serving_default")
            inputs = {
                key: _values(value, session.signatures[name].inputs[key].dtype)
                for key, value in body["inputs"].items()
            }
            outputs = session.run(name, inputs)
        except (KeyError, ValueError) as error:
            self._send(400, {"error": str(error)})
        else:
            self._send(200, {"outputs": {k: v.tolist() for k, v in outputs.items()}})

    def _send(self, code: int, answer: Any) -> None:
        text = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _values(value: Any, dtype: int) -> np.ndarray:
    if tf.as_dtype(dtype) == tf.string:
        files = [base64.b64decode(each["b64"]) for each in value]
        return np.array(files, object)
    return np.array(value, tf.as_dtype(dtype).as_numpy_dtype)
