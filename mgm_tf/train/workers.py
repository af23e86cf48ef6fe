"""The machines that train one run together, each a worker; mostly there is but one.

All of them act alike: they take the same steps, and ask the same of each other in the
same order, for an exchange waits until every worker has come to it. The first, the
chief, writes what the run leaves, judges and draws, while the others wait. Whoever
loses another worker ends; all together go on from the last checkpoint.

With a single worker everything here is the plain call.
"""

import contextlib
import hashlib
import os
import pathlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import (
    CoordinatedJob,
)
from tensorflow.python.eager import context

from mgm_tf.config import signals
from mgm_tf.config.cluster import Cluster
from mgm_tf.errors import Interrupted, WorkerLost

PATIENCE = 600.0  # seconds for which the other workers are waited for at the start
# Seconds after which a worker that says nothing is lost. TensorFlow's own 10 pass on a
# machine that is short of memory; who has ended is missed at once.
SILENCE = 60.0
_PAUSE = 15.0  # seconds between two looks for them
_LOOK = 2.0  # seconds between two looks whether they are still there
_UNWIND = 60.0  # seconds that a worker has to end, if it is in no exchange
# What TensorFlow raises in an exchange whose partner is gone.
_OF_EXCHANGES = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
)
_JOB = "worker"
_DONE, _FAILED, _STOPPED = range(3)  # how something has ended

Result = TypeVar("Result")


class _Joined:
    """The workers of this process' run."""

    def __init__(self, cluster: Cluster, strategy: tf.distribute.Strategy) -> None:
        self.cluster = cluster
        self.strategy = strategy
        self.total = tf.function(self._total, autograph=False)

    @property
    def devices(self) -> int:
        """The number of devices of each worker."""
        return self.strategy.num_replicas_in_sync // len(self.cluster.addresses)

    def _total(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the sum over all devices of what their workers give."""

        def sum_up(values: tf.Tensor) -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            return replica.all_reduce("SUM", tf.identity(values))

        # Alike on all devices of this worker: the first will do.
        sums = self.strategy.run(sum_up, (values,))
        return self.strategy.experimental_local_results(sums)[0]


_joined: _Joined | None = None


@contextlib.contextmanager
def together(cluster: Cluster | None) -> Iterator[None]:
    """Trains with the other workers in the context; leaves it with them.

    It comes before anything of TensorFlow is run. A process that has lost another ends
    at once, with exit code 75 ("the same command goes on"), as TensorFlow would wait
    for those that are gone.

    Args:
      cluster: the workers; None for a single one.
    """
    global _joined
    if cluster is None:
        yield
        return
    try:
        with _waiting(cluster):
            strategy = _strategy(cluster)
        _joined = _Joined(cluster, strategy)
        try:
            with _watching(cluster):
                yield
        except Interrupted:
            # Who ends first would be taken for lost.
            with contextlib.suppress(tf.errors.OpError):
                wait()
            raise
        wait()
    except tf.errors.OpError as error:
        if not _is_of_exchange(error):
            raise
        signals.end(f"{WorkerLost.__name__}: {_lost(cluster, error)}")


def _strategy(cluster: Cluster) -> tf.distribute.Strategy:
    """Connects with the other workers; returns when all have come."""
    addresses = {_JOB: list(cluster.addresses)}
    leader = f"/job:{_JOB}/replica:0/task:0"
    # TensorFlow has no public way to say how long a worker may be silent.
    context.context().configure_coordination_service(
        "standalone",
        leader,
        heartbeat_timeout_in_ms=round(1e3 * SILENCE),
        cluster_register_timeout_in_ms=round(1e3 * PATIENCE),
        coordinated_jobs=[CoordinatedJob(name=_JOB, num_tasks=len(cluster.addresses))],
    )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(addresses),
        task_type=_JOB,
        task_id=cluster.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


@contextlib.contextmanager
def _waiting(cluster: Cluster) -> Iterator[None]:
    """Says for whom this worker waits, and ends it when it has waited too long."""
    number = len(cluster.addresses)
    print(f"Worker {cluster.index + 1} of {number} waits for the others.", flush=True)
    have_come = threading.Event()

    def look() -> None:
        waited = 0.0
        while not have_come.wait(min(_PAUSE, PATIENCE - waited)):
            waited += _PAUSE
            missing = [each for each in cluster.addresses if not _answers(each)]
            names = ", ".join(missing) or "no worker's address"
            words = f"After {waited:.0f} s no answer from {names}."
            if waited >= PATIENCE:
                signals.end(f"{words} The same command goes on when they are there.")
            print(words, flush=True)

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        have_come.set()


@contextlib.contextmanager
def _watching(cluster: Cluster) -> Iterator[None]:
    """Has exchanges fail when a worker is gone: the chief looks for all, all for it.

    TensorFlow would wait for one that has ended before it came to an exchange until it
    has been silent for long; its machine says at once that nobody is there.
    """
    first, *others = cluster.addresses
    watched = others if cluster.index == 0 else [first]
    are_leaving = threading.Event()

    def look() -> None:
        while not are_leaving.wait(_LOOK):
            gone = [address for address in watched if _is_closed(address)]
            if gone:
                words = f"nobody answers at {', '.join(gone)}"
                context.context().abort_collective_ops(tf.errors.UNAVAILABLE, words)
                if not are_leaving.wait(_UNWIND):
                    signals.end(f"{WorkerLost.__name__}: {words}.")
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        are_leaving.set()


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), _connected(address):
        return True
    return False


def _is_closed(address: str) -> bool:
    """Returns whether a machine says that nobody listens there."""
    try:
        with _connected(address):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def _connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=2.0)


def _is_of_exchange(error: tf.errors.OpError) -> bool:
    return isinstance(error, _OF_EXCHANGES) or "ollective" in str(error.message)


def _lost(cluster: Cluster, error: tf.errors.OpError) -> str:
    reasons = [line for line in str(error.message).splitlines() if "bort" in line]
    reason = (reasons or [str(error.message)])[0].strip()[:200]
    return (
        f"worker {cluster.index + 1} of {len(cluster.addresses)} has lost another one, "
        f"which has ended or cannot be reached ({reason}). Give the same command again "
        "on every machine: all go on from the last checkpoint."
    )


def strategy() -> tf.distribute.Strategy | None:
    """Returns the strategy over the devices of all workers; None for a single one."""
    return _joined.strategy if _joined else None


def number() -> int:
    """Returns the number of workers."""
    return len(_joined.cluster.addresses) if _joined else 1


def is_chief() -> bool:
    """Returns whether this worker writes."""
    return _joined is None or _joined.cluster.index == 0


def gathered(row: Sequence[int]) -> np.ndarray:
    """Returns the numbers that each worker gives, int64 [workers, n]."""
    own = np.asarray(row, np.int64)
    if _joined is None:
        return own[None]
    table = np.zeros((number(), len(own)), np.int64)
    table[_joined.cluster.index] = own
    return _joined.total(tf.constant(table)).numpy() // _joined.devices


def wait() -> None:
    """Returns when all workers have come here."""
    gathered([_DONE])


def any_of(flag: bool) -> bool:
    """Returns whether the flag is set of any worker."""
    return bool(gathered([flag]).any())


def of_chief(value: int) -> int:
    """Returns the chief's number."""
    return int(gathered([value])[0, 0])


def by_chief(act: Callable[[], Result]) -> Result | None:
    """Calls `act` if this is the chief; the others wait until it is done.

    Returns:
      What `act` returns; None to the others.

    Raises:
      WorkerLost: the chief has failed, and says why itself.
      Interrupted: the chief was stopped by a signal.
    """
    result = None
    try:
        if is_chief():
            result = act()
    except BaseException as error:
        is_stopped = isinstance(error, KeyboardInterrupt | Interrupted)
        with contextlib.suppress(tf.errors.OpError):
            gathered([_STOPPED if is_stopped else _FAILED])
        raise
    end = gathered([_DONE])[0, 0]
    if end == _FAILED:
        raise WorkerLost("The first worker has ended; what it printed says why.")
    if end == _STOPPED:
        raise Interrupted("The first worker was stopped: give the same command again.")
    return result


def chief_first(act: Callable[[], Result]) -> Result:
    """Returns `act()`, called by the chief before the others call it.

    Raises:
      WorkerLost: the chief has failed, and says why itself.
    """
    result = by_chief(act)
    return result if is_chief() else act()  # type: ignore[return-value]


def check_alike(values: Mapping[str, object], what: str) -> None:
    """Refuses workers of which each has its own idea of a run.

    Args:
      values: what must be the same everywhere, by name.
      what: what the values are, in words.

    Raises:
      ValueError: a worker has other values; the message has their names.
    """
    names = sorted(values)
    digests = [
        hashlib.sha256(f"{name}={values[name]}".encode()).digest()[:7] for name in names
    ]
    table = gathered([int.from_bytes(digest) for digest in digests])
    for worker, row in enumerate(table):
        others = [n for n, a, b in zip(names, row, table[0], strict=True) if a != b]
        if others:
            raise ValueError(
                f"All workers need the same {what}; worker {worker + 1} and the first "
                f"differ in {', '.join(others)}."
            )


@contextlib.contextmanager
def own_folder(workdir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields where this worker writes: the chief the run's folder, others none to keep.

    Args:
      workdir: the folder of the run.
    """
    if is_chief():
        yield workdir
        return
    with tempfile.TemporaryDirectory(prefix=f"worker-{os.getpid()}-") as folder:
        yield pathlib.Path(folder)


def distributed(
    dataset_of: Callable[[range, int], tf.data.Dataset],
) -> tf.distribute.DistributedDataset:
    """Returns the batches of all workers, of which each makes its own devices' parts.

    Args:
      dataset_of: a function of the numbers of a worker's devices and the number of all
        of them, which returns an endless dataset of their parts in turn. Of one that
        ends, workers would ask each other in every step whether it has.
    """
    if _joined is None:
        raise ValueError("There is a single worker, whose batches are not divided.")
    joined, strategy = _joined, _joined.strategy

    def of_worker(pipeline: tf.distribute.InputContext) -> tf.data.Dataset:
        first = pipeline.input_pipeline_id * joined.devices
        own = range(first, first + joined.devices)
        return dataset_of(own, strategy.num_replicas_in_sync)

    return strategy.distribute_datasets_from_function(of_worker)
