"""The warm-up of an exported model, `assets.extra/tf_serving_warmup_requests`.

TensorFlow Serving sends itself these requests before it calls a version AVAILABLE: the
first client does not wait for what TensorFlow puts off until a graph first runs.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from mgm_tf.export.serving import packages
from mgm_tf.export.signatures import Signature

FILE = pathlib.Path("assets.extra") / "tf_serving_warmup_requests"
# The batch sizes that files are sent in; `batching.config` allows these.
BATCH_SIZES = (1, 4, 16)


def write(path: pathlib.Path, rows: Iterable[Signature], image_size: int) -> None:
    """Writes the requests of a version: one image by each signature, files in batches.

    Args:
      path: the folder of the version.
      rows: its signatures.
      image_size: the height and the width of the images that the networks see.

    Raises:
      NotInstalled: `tensorflow-serving-api` is not installed.
    """
    logs = packages.api("prediction_log_pb2")
    requests = packages.api("predict_pb2")
    (path / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / FILE)) as file:
        for row in rows:
            for inputs in _inputs(row, image_size):
                request = requests.PredictRequest()
                request.model_spec.signature_name = row.name
                for name, values in inputs.items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
                log = logs.PredictLog(request=request)
                record = logs.PredictionLog(predict_log=log)
                file.write(record.SerializeToString())


def picture(size: int) -> np.ndarray:
    """Returns an image that is made up, uint8 [size, size, 3]: ramps and a square."""
    ramp = np.linspace(0, 255, size)
    image = np.stack(
        [
            np.tile(ramp, (size, 1)),
            np.tile(ramp[:, None], (1, size)),
            np.full((size, size), 96),
        ],
        axis=-1,
    )
    image[size // 4 : size // 2, size // 4 : size // 2] = (230, 40, 120)
    return np.round(image).astype(np.uint8)


def _inputs(row: Signature, image_size: int) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the inputs by name of the requests by a signature."""
    image = picture(image_size)
    file = tf.io.encode_jpeg(image).numpy()
    spec = row.inputs[0]
    if spec.dtype == tf.string:
        for size in BATCH_SIZES:
            yield {spec.name: np.array([file] * size, object)}
    elif len(row.inputs) == 1:
        yield {spec.name: image[None].astype(spec.dtype.as_numpy_dtype)}
    else:
        yield {
            each.name: np.ones([1, *each.shape[1:]], each.dtype.as_numpy_dtype)
            for each in row.inputs
        }
