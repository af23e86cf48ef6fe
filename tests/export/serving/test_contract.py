"""The contract of an exported model with TensorFlow Serving.

By itself over TensorFlow's C API, whose loader is that of TensorFlow Serving. With
TENSORFLOW_MODEL_SERVER set to the path of its binary, the same is asked of that.
"""

import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import threading
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mgm_tf import serve_check
from mgm_tf.export.serving import rest_check, warm_up
from mgm_tf.export.serving.grpc_client import GrpcClient
from mgm_tf.export.serving.rest_check import RestClient
from tests import commands
from tests.export import toy_export

pytest.importorskip("tensorflow_serving", reason="needs requirements-serving.txt")

from tensorflow_serving.apis import prediction_log_pb2

from tests.export.serving.c_session import Session
from tests.export.serving.model_server import ModelServer

BINARY = "TENSORFLOW_MODEL_SERVER"


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return toy_export.export(tmp_path_factory.mktemp("contract") / "toy")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A grey photograph of 20 x 30 pixels."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    Image.fromarray(np.full((20, 30, 3), 51, np.uint8)).save(path)
    return path


class Binary:
    """A process of the real server, with the interface of `ModelServer`."""

    def __init__(self, directory):
        ports = [free_port(), free_port()]
        self.grpc_address, rest = f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        self.rest_address = f"http://{rest}"
        self._process = subprocess.Popen(
            [
                os.environ[BINARY],
                f"--port={ports[0]}",
                f"--rest_api_port={ports[1]}",
                f"--model_name={directory.name}",
                f"--model_base_path={directory}",
                "--file_system_poll_wait_seconds=1",
            ]
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait()

    def load(self, path):
        """Does nothing: the server finds it."""


def free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@pytest.fixture(scope="module", params=["C API", "binary"])
def served(request, version, tmp_path_factory):
    """A server of the folder `toy` with its first version."""
    directory = tmp_path_factory.mktemp("served") / "toy"
    shutil.copytree(version, directory / "1")
    if request.param == "binary" and BINARY not in os.environ:
        pytest.skip(f"{BINARY} is not set: no binary of TensorFlow Serving")
    server = ModelServer("toy") if request.param == "C API" else Binary(directory)
    with server:
        server.load(directory / "1")
        yield types.SimpleNamespace(server=server, directory=directory)


def check(address, *arguments):
    return commands.call(
        serve_check, f"--address={address}", "--model=toy", "--wait=20", *arguments
    )


def test_warm_up_runs_by_the_names_of_the_graph(version):
    """Every signature, as C++ and as Python load it."""
    session, loaded = Session(version), tf.saved_model.load(str(version))
    records = list(tf.data.TFRecordDataset(str(version / warm_up.FILE)))
    seen = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        name = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        expected = loaded.signatures[name](
            **{key: tf.constant(value) for key, value in inputs.items()}
        )
        outputs = session.run(name, inputs)
        assert outputs.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(outputs[key], values, atol=1e-6, err_msg=key)
        seen.append((name, len(next(iter(inputs.values())))))
    files = [
        (name, size)
        for name in ("serving_bytes", "serving_bytes_full")
        for size in warm_up.BATCH_SIZES
    ]
    raw = [("serving_default", 1), ("serving_uint8", 1), ("features", 1)]
    assert sorted(seen) == sorted([*raw, *files, ("sample", 1)])
    with pytest.raises(ValueError, match="Expected the bytes of a JPEG, PNG or GIF"):
        session.run("serving_bytes", {"image_bytes": np.array([b"no image"], object)})
    with pytest.raises(ValueError, match="Expected scenes of 2 classes"):
        noise = np.zeros((1, 2), np.float32)
        session.run("sample", {"scene": np.array([2], np.int32), "noise": noise})
    session.close()


def test_the_check_passes_over_rest_and_grpc(served, photo, capfd):
    for address in (served.server.rest_address, served.server.grpc_address):
        arguments = f"--input={photo}", f"--saved_model={served.directory}"
        assert check(address, *arguments) == 0
        text = capfd.readouterr().out
        assert "toy: version 1 is AVAILABLE: 5 outputs as they were" in text
        assert "5 sound outputs for the image." in text


def test_rest_and_grpc_answer_alike(served, photo):
    """Depth by hand: grey 51 is x = -0.6, and depth 3 x + 2."""
    rest = RestClient(served.server.rest_address, "toy")
    with GrpcClient(served.server.grpc_address, "toy") as remote:
        answers = [
            client.predict(1, "serving_bytes_full", photo.read_bytes())
            for client in (rest, remote)
        ]
        assert rest.states() == remote.states() == {1: "AVAILABLE"}
    for answer in answers:
        np.testing.assert_allclose(
            answer["depth"], np.full((1, 20, 30), 0.2), rtol=1e-5
        )
        assert answer["image_size"] == [[20, 30]]
    np.testing.assert_allclose(*(answer["normals"] for answer in answers), rtol=1e-6)


def test_a_wrong_file_is_refused(served, tmp_path, capfd):
    text = tmp_path / "photo.jpg"
    text.write_text("no image")
    for address in (served.server.rest_address, served.server.grpc_address):
        arguments = "--wait=0", f"--input={text}"
        assert check(address, *arguments) == 1
        assert "Expected the bytes of a JPEG" in capfd.readouterr().err


def test_a_wrong_answer_is_found(served, tmp_path, capfd):
    """The file says what another version would answer."""
    known = served.directory / "1" / rest_check.ANSWER
    answer = json.loads(known.read_text())
    answer["outputs"]["depth"]["values"][3] += 0.1
    (tmp_path / "1" / "assets.extra").mkdir(parents=True)
    (tmp_path / "1" / rest_check.ANSWER).write_text(json.dumps(answer))
    arguments = "--wait=0", f"--saved_model={tmp_path}"
    assert check(served.server.rest_address, *arguments) == 1
    assert "Version 1 answers wrongly: depth is" in capfd.readouterr().err


def test_a_new_version_takes_over_under_load_without_a_failure(served, version, photo):
    """Requests go on while the second version is published, loaded and asked."""
    rest = RestClient(served.server.rest_address, "toy")
    image, done = photo.read_bytes(), threading.Event()

    def ask():
        answers = []
        while not done.is_set():
            newest = max(rest.states())
            answers.append((newest, rest.predict(newest, "serving_bytes", image)))
        return answers

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            draft = shutil.copytree(version, served.directory / ".incomplete")
            second = draft.rename(served.directory / "2")
            served.server.load(second)
            rest_check.check_within(60, lambda: answers_of(rest, 2, image))
        finally:
            done.set()
        answers = [answer for future in asking for answer in future.result()]
    assert {number for number, _ in answers} >= {1}
    for _, outputs in answers:
        np.testing.assert_allclose(outputs["depth"], np.full((1, 8, 8), 0.2), rtol=1e-5)


def answers_of(client, version, image):
    """Has a version answer; raises as long as it is not there."""
    if client.states().get(version) != rest_check.AVAILABLE:
        raise rest_check.CheckFailed("not yet")
    client.predict(version, "serving_bytes", image)
    return ""


def test_without_a_version_that_is_available_the_check_fails(photo, capfd):
    with ModelServer("toy") as server:
        for loading in (set(), {3}):
            server.loading = loading
            for address in (server.rest_address, server.grpc_address):
                assert check(address, "--wait=0", f"--input={photo}") == 1
                found = "3 is LOADING" if loading else "there is none"
                assert f"No version is AVAILABLE: {found}" in capfd.readouterr().err
    # It is gone.
    for address in (server.rest_address, server.grpc_address):
        arguments = "--wait=0", "--timeout=2", f"--input={photo}"
        assert check(address, *arguments) == 1
        assert "answer" in capfd.readouterr().err


def test_the_copy_in_the_kit_needs_python_alone(served, photo):
    program = rest_check.__file__
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-I", "-S", program]
        + [f"--address={served.server.rest_address}", "--model=toy"]
        + [f"--versions={served.directory}", f"--input={photo}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "is AVAILABLE: 5 outputs as they were" in done.stdout


def test_something_to_ask_is_needed(capfd):
    assert commands.call(serve_check, "--model=toy") == 2
    assert "What should the model answer? --input" in capfd.readouterr().err
    with pytest.raises(SystemExit) as ended:
        rest_check.main(["--model=toy"])
    assert ended.value.code == 2
