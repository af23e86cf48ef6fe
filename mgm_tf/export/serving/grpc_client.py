"""A client of TensorFlow Serving over gRPC, with the methods of `RestClient`."""

from typing import Any

import numpy as np
import tensorflow as tf

from mgm_tf.export.serving import packages
from mgm_tf.export.serving.rest_check import CheckFailed, Nested

_LARGEST = 1 << 30  # bytes of a message: maps of a photograph are large


class GrpcClient:
    """A client of PredictionService and ModelService.

    Args:
      address: the host and the port, such as localhost:8500.
      model: the name of the model.
      timeout: the seconds that a request may take.

    Raises:
      NotInstalled: `tensorflow-serving-api` is not installed.
    """

    def __init__(self, address: str, model: str, timeout: float = 10.0):
        self._grpc: Any = packages.module("grpc")
        options = [
            ("grpc.max_receive_message_length", _LARGEST),
            ("grpc.max_send_message_length", _LARGEST),
        ]
        channel = self._grpc.insecure_channel(address, options)
        predict = packages.api("prediction_service_pb2_grpc")
        models = packages.api("model_service_pb2_grpc")
        self._predictions = predict.PredictionServiceStub(channel)
        self._models = models.ModelServiceStub(channel)
        self._address, self._model, self._timeout = address, model, timeout
        self._channel = channel

    def __enter__(self) -> "GrpcClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self._channel.close()

    def states(self) -> dict[int, str]:
        """Returns the state of each version."""
        module: Any = packages.api("get_model_status_pb2")
        request = module.GetModelStatusRequest()
        request.model_spec.name = self._model
        answer = self._call(self._models.GetModelStatus, request)
        state = module.ModelVersionStatus.State
        return {
            status.version: state.Name(status.state)
            for status in answer.model_version_status
        }

    def outputs(self, version: int, signature: str) -> dict[str, list[int]]:
        """Returns the outputs of a signature with their shapes, -1 for any."""
        module: Any = packages.api("get_model_metadata_pb2")
        request = module.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name(request, version)
        answer = self._call(self._predictions.GetModelMetadata, request)
        found = module.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        if signature not in found.signature_def:
            raise CheckFailed(
                f"Version {version} has no signature {signature}; it has "
                f"{', '.join(sorted(found.signature_def))}. Export the model again."
            )
        return {
            name: [int(dim.size) for dim in info.tensor_shape.dim]
            for name, info in found.signature_def[signature].outputs.items()
        }

    def predict(self, version: int, signature: str, image: bytes) -> dict[str, Nested]:
        """Returns the outputs for an image file, by name."""
        request = packages.api("predict_pb2").PredictRequest()
        self._name(request, version)
        request.model_spec.signature_name = signature
        files = np.array([image], object)
        request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(files))
        answer = self._call(self._predictions.Predict, request)
        return {
            name: tf.make_ndarray(values).tolist()
            for name, values in answer.outputs.items()
        }

    def _name(self, request: Any, version: int) -> None:
        request.model_spec.name = self._model
        request.model_spec.version.value = version

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except self._grpc.RpcError as error:
            text = f"{error.code().name}: {error.details()}"
            raise CheckFailed(f"{self._address} answers {text}") from error
