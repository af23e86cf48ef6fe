"""Checks a served model: a version is AVAILABLE, and it answers rightly.

python -m mgm_tf.serve_check --address=localhost:8500 --model=nyuv2 --input=photo.jpg

With --saved_model, the folder that the served versions are in, it is also asked what it
was asked when it was exported, and has to give the same answer. Exit code 0: it is so;
1: it is not, with the reason; 2: the command cannot be carried out.
"""

import contextlib
import functools
import pathlib
import sys

from absl import flags
from etils import epy

from mgm_tf.config import command_line
from mgm_tf.export.serving import rest_check
from mgm_tf.export.serving.rest_check import CheckFailed, RestClient

with epy.lazy_imports():
    from mgm_tf.export.serving import grpc_client


def define_flags() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string(
        "address",
        "http://localhost:8501",
        "The address of the server: http://HOST:PORT for REST, HOST:PORT for gRPC.",
    )
    flags.DEFINE_string(
        "model", None, "The name by which the model is served.", required=True
    )
    flags.DEFINE_string(
        "input", None, "The image file, JPEG, PNG or GIF, that the model is sent."
    )
    flags.DEFINE_string(
        "saved_model",
        None,
        "The folder of the exported versions that are served, to compare the served "
        "model's answer with the one it gave when it was exported.",
    )
    flags.DEFINE_float(
        "timeout", 10.0, "The seconds that one request may take.", lower_bound=0
    )
    flags.DEFINE_float(
        "wait",
        0.0,
        "The seconds for which a server that is not ready is asked again.",
        lower_bound=0,
    )


def main() -> int:
    """Checks, and returns the exit code."""
    values = flags.FLAGS
    if values.input is None and values.saved_model is None:
        raise ValueError(
            "What should the model answer? --input=photo.jpg sends an image, "
            "--saved_model=FOLDER asks what was asked when it was exported."
        )
    image = pathlib.Path(values.input).read_bytes() if values.input else None
    versions = pathlib.Path(values.saved_model) if values.saved_model else None
    with contextlib.ExitStack() as stack:
        client = _client(stack)
        act = functools.partial(rest_check.check, client, image, versions)
        try:
            done = rest_check.check_within(values.wait, act)
        except CheckFailed as error:
            print(f"{values.model}: {error}", file=sys.stderr)
            return 1
    print(f"{values.model}: {done}.")
    return 0


def _client(stack: contextlib.ExitStack) -> "RestClient | grpc_client.GrpcClient":
    values = flags.FLAGS
    if values.address.startswith(("http://", "https://")):
        return RestClient(values.address, values.model, values.timeout)
    command_line.load_tensorflow()
    client = grpc_client.GrpcClient(values.address, values.model, values.timeout)
    return stack.enter_context(client)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
