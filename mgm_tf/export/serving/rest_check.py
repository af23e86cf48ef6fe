"""Checks a model served over REST: a version is AVAILABLE, and it answers rightly.

    python3 serve_check.py --model=nyuv2 --versions=/models/nyuv2

Needs nothing but Python, so that it runs in any small container: a copy of this file
lies beside the exported versions. Exit code 0: it is so; 1: it is not, with the reason;
2: the command is wrong.
"""

import argparse
import base64
import json
import math
import pathlib
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

ANSWER = pathlib.Path("assets.extra") / "answer.json"
AVAILABLE = "AVAILABLE"
PROBABILITIES = "_probabilities"
# Devices and kernels round differently; a wrong answer is off by more.
TOLERANCE = 0.01
_SUM_TOLERANCE = 1e-3

# An output in a JSON answer: a number, or a list of such.
Nested = Any


class CheckFailed(Exception):
    """An error of a server that is not ready, or answers wrongly."""


class RestClient:
    """A client of TensorFlow Serving's REST API.

    Args:
      address: the address of the server, such as http://localhost:8501.
      model: the name of the model.
      timeout: the seconds that a request may take.
    """

    def __init__(self, address: str, model: str, timeout: float = 10.0):
        self._base = f"{address.rstrip('/')}/v1/models/{model}"
        self._timeout = timeout

    def states(self) -> dict[int, str]:
        """Returns the state of each version."""
        answer = self._json(self._base)
        return {
            int(status["version"]): status["state"]
            for status in answer.get("model_version_status", ())
        }

    def outputs(self, version: int, signature: str) -> dict[str, list[int]]:
        """Returns the outputs of a signature with their shapes, -1 for any."""
        answer = self._json(f"{self._base}/versions/{version}/metadata")
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        if signature not in signatures:
            raise CheckFailed(
                f"Version {version} has no signature {signature}; it has "
                f"{', '.join(sorted(signatures))}. Export the model again."
            )
        return {
            name: [int(dim["size"]) for dim in info["tensor_shape"].get("dim", ())]
            for name, info in signatures[signature]["outputs"].items()
        }

    def predict(self, version: int, signature: str, image: bytes) -> dict[str, Nested]:
        """Returns the outputs for an image file, by name."""
        encoded = {"b64": base64.b64encode(image).decode()}
        body = {"signature_name": signature, "inputs": {"image_bytes": [encoded]}}
        answer = self._json(f"{self._base}/versions/{version}:predict", body)
        return answer["outputs"]

    def _json(self, url: str, body: Mapping[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            url, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read(2000).decode(errors="replace")
            raise CheckFailed(f"{url} answers {error.code}: {text}") from error
        except (OSError, ValueError) as error:
            raise CheckFailed(f"{url} does not answer: {error}") from error


def check(
    client: Any,
    image: bytes | None = None,
    versions: pathlib.Path | None = None,
    signature: str = "serving_bytes",
) -> str:
    """Checks the newest version that is AVAILABLE.

    Args:
      client: a `RestClient`, or what has its methods.
      image: an image file that is sent by `signature`; None to send none.
      versions: the folder of the exported versions, whose known answers are asked for;
        None to do without.
      signature: a signature that takes image files.

    Returns:
      What was found, in words.

    Raises:
      CheckFailed: no version is AVAILABLE, or one answers wrongly.
    """
    states = client.states()
    available = [number for number, state in states.items() if state == AVAILABLE]
    if not available:
        found = ", ".join(f"{n} is {state}" for n, state in sorted(states.items()))
        raise CheckFailed(f"No version is {AVAILABLE}: {found or 'there is none'}.")
    version = max(available)
    done = []
    if versions is not None:
        path = versions / str(version) / ANSWER
        done.append(_check_answer(client, version, path))
    if image is not None:
        shapes = client.outputs(version, signature)
        outputs = client.predict(version, signature, image)
        _raise_if(problems_of(outputs, shapes), version)
        done.append(f"{len(outputs)} sound outputs for the image")
    return f"version {version} is {AVAILABLE}: {'; '.join(done)}"


def check_within(seconds: float, act: Callable[[], str]) -> str:
    """Returns what `act` returns, trying again for some seconds while it fails.

    Raises:
      CheckFailed: it still fails then.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return act()
        except CheckFailed:
            if time.monotonic() >= end:
                raise
            time.sleep(min(1.0, seconds))


def _check_answer(client: Any, version: int, path: pathlib.Path) -> str:
    if not path.is_file():
        raise CheckFailed(
            f"{path} is missing: is this the folder of the versions that are served? "
            "Versions of before serve_check have no known answer; export them again."
        )
    known = json.loads(path.read_text("utf-8"))
    image = base64.b64decode(known["image"])
    shapes = client.outputs(version, known["signature"])
    outputs = client.predict(version, known["signature"], image)
    problems = problems_of(outputs, shapes) or differences(outputs, known["outputs"])
    _raise_if(problems, version)
    return f"{len(outputs)} outputs as they were when it was exported"


def _raise_if(problems: Sequence[str], version: int) -> None:
    if problems:
        raise CheckFailed(f"Version {version} answers wrongly: {'; '.join(problems)}.")


def problems_of(
    outputs: Mapping[str, Nested], shapes: Mapping[str, Sequence[int]]
) -> list[str]:
    """Returns what is wrong with the outputs for one image, in words; none if nothing.

    Args:
      outputs: the outputs by name, nested lists.
      shapes: the shapes that they should have, -1 for any.
    """
    if sorted(outputs) != sorted(shapes):
        return [f"outputs are {sorted(outputs)}, not {sorted(shapes)}"]
    return [
        f"{name} {problem}"
        for name, values in sorted(outputs.items())
        for problem in _problems_of_output(name, values, shapes[name])
    ]


def _problems_of_output(
    name: str, values: Nested, expected: Sequence[int]
) -> Iterator[str]:
    shape = shape_of(values)
    fits = len(shape) == len(expected) and all(
        size in (-1, found) for size, found in zip(expected, shape, strict=True)
    )
    if not fits or shape[:1] != [1]:
        yield f"has shape {shape}, not {[1, *expected[1:]]}"
        return
    numbers = list(flat(values))
    if not all(math.isfinite(number) for number in numbers):
        yield "has values that are no finite numbers"
    elif name.endswith(PROBABILITIES):
        if not all(
            -_SUM_TOLERANCE <= number <= 1 + _SUM_TOLERANCE for number in numbers
        ):
            yield "has values outside 0..1"
        # Of a pixel: they sum to 1. Those of scenes may be independent.
        size = shape[-1]
        sums = (sum(numbers[at : at + size]) for at in range(0, len(numbers), size))
        if len(shape) > 2 and any(abs(total - 1) > _SUM_TOLERANCE for total in sums):
            yield "does not sum to 1"


def differences(
    outputs: Mapping[str, Nested], known: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Returns how the outputs differ from a known answer, in words; none if they fit.

    Args:
      outputs: the outputs by name, nested lists.
      known: by name, `shape` and, of some `places` of the flat numbers, the `values`.
    """
    found = []
    for name, answer in sorted(known.items()):
        shape = shape_of(outputs.get(name))
        if shape != answer["shape"]:
            found.append(f"{name} has shape {shape}, not {answer['shape']}")
            continue
        numbers = list(flat(outputs[name]))
        pairs = [
            (numbers[place], value)
            for place, value in zip(answer["places"], answer["values"], strict=True)
        ]
        worst = max(pairs, key=lambda pair: abs(pair[0] - pair[1]), default=(0.0, 0.0))
        if abs(worst[0] - worst[1]) > TOLERANCE * max(1.0, abs(worst[1])):
            found.append(f"{name} is {worst[0]:g} where it should be {worst[1]:g}")
    return found


def shape_of(values: Nested) -> list[int]:
    """Returns the shape of nested lists, of which the first ones are asked."""
    shape = []
    while isinstance(values, list):
        shape.append(len(values))
        values = values[0] if values else None
    return shape


def flat(values: Nested) -> Iterator[float]:
    """Yields the numbers of nested lists in order."""
    if isinstance(values, list):
        for value in values:
            yield from flat(value)
    else:
        yield values


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks by the arguments of the command line, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="http://localhost:8501")
    parser.add_argument("--model", required=True, help="the name of the model")
    parser.add_argument(
        "--versions", type=pathlib.Path, help="the folder of its exported versions"
    )
    parser.add_argument("--input", type=pathlib.Path, help="a JPEG or PNG to send")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds a request")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds to try again")
    given = parser.parse_args(arguments)
    if given.versions is None and given.input is None:
        parser.error("one of --versions and --input is needed: what should it answer?")
    try:
        image = given.input.read_bytes() if given.input else None
        client = RestClient(given.address, given.model, given.timeout)
        done = check_within(given.wait, lambda: check(client, image, given.versions))
        print(f"{given.model}: {done}.")
    except (CheckFailed, OSError) as error:
        print(f"{given.model}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
