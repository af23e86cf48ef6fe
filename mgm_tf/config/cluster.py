"""The machines that train together, as the environment variable TF_CONFIG names them.

    {"cluster": {"worker": ["host0:2222", "host1:2222"]},
     "task": {"type": "worker", "index": 0}}

Each machine has the same cluster and its own task. The first worker, or `chief` where
there is one, writes what the run leaves.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

VARIABLE = "TF_CONFIG"
CHIEF, WORKER = "chief", "worker"
_JOBS = (CHIEF, WORKER)  # in the order of their numbers
_OF_TASK = frozenset({"type", "index"})
_PORTS = range(1, 2**16)
EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run, and which of them this process is.

    Attributes:
      addresses: HOST:PORT of each worker, the chief's first.
      index: the place of this process among them.
    """

    addresses: tuple[str, ...]
    index: int


def from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Reads TF_CONFIG; None without it, or where it names a single worker.

    Raises:
      ValueError: it is not as it must be; the message says what is expected and what
        came.
    """
    text = environment.get(VARIABLE, "").strip()
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise _wrong("JSON", f"{text[:100]!r} ({error})") from error
    if not isinstance(value, dict):
        raise _wrong("an object of JSON", repr(value)[:100])
    if not value:
        return None
    jobs = _jobs(value.get("cluster"))
    addresses = tuple(address for job in jobs.values() for address in job)
    twice = sorted({each for each in addresses if addresses.count(each) > 1})
    if twice:
        raise _wrong("an address for each worker", f"{', '.join(twice)} twice")
    index = _index(value.get("task"), jobs)
    return Cluster(addresses, index) if len(addresses) > 1 else None


def _jobs(cluster: object) -> dict[str, list[str]]:
    """Returns the addresses of each kind of task, in the order of their numbers."""
    if not isinstance(cluster, dict) or not cluster.get(WORKER):
        raise _wrong("`cluster` with the addresses of each `worker`", repr(cluster))
    others = sorted(set(cluster) - set(_JOBS))
    if others:
        raise _wrong(
            f"the tasks {' and '.join(_JOBS)} alone (all machines train alike)",
            ", ".join(map(repr, others)),
        )
    jobs = {name: _addresses(name, cluster[name]) for name in _JOBS if name in cluster}
    if len(jobs.get(CHIEF, [CHIEF])) != 1:
        raise _wrong("one address for `chief`", repr(jobs[CHIEF]))
    return jobs


def _addresses(job: str, addresses: object) -> list[str]:
    if not isinstance(addresses, list):
        raise _wrong(f"a list of addresses for {job!r}", repr(addresses))
    for address in addresses:
        _, colon, port = str(address).rpartition(":")
        is_port = port.isdecimal() and int(port) in _PORTS
        if not (isinstance(address, str) and colon and is_port) or len(address) < 3:
            raise _wrong(f"HOST:PORT for each {job!r}", repr(address))
    return addresses


def _index(task: object, jobs: Mapping[str, Sequence[str]]) -> int:
    """Returns the number of a task over all kinds."""
    if not isinstance(task, dict) or set(task) != _OF_TASK:
        raise _wrong("`task` with `type` and `index`", repr(task))
    kind, index = task["type"], task["index"]
    if kind not in jobs:
        raise _wrong(f"a `type` that the cluster has: {', '.join(jobs)}", repr(kind))
    count = len(jobs[kind])
    if (
        isinstance(index, bool)
        or not isinstance(index, int)
        or index not in range(count)
    ):
        raise _wrong(f"an `index` from 0 to {count - 1} of {kind!r}", repr(index))
    before = _JOBS[: _JOBS.index(kind)]
    return index + sum(len(jobs.get(name, ())) for name in before)


def _wrong(expected: str, found: str) -> ValueError:
    return ValueError(
        f"{VARIABLE}: expected {expected}; found {found}. An example, of the first of "
        f"two machines: {EXAMPLE}. Unset it to train on this machine alone."
    )
