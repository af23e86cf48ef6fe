"""What workers ask of each other, with the others' answers made up."""

import socket
import threading
import time

import numpy as np
import pytest

from mgm_tf.config.cluster import Cluster
from mgm_tf.errors import Interrupted, WorkerLost
from mgm_tf.train import workers


@pytest.fixture
def second(monkeypatch):
    """This process is the second of two workers; sets what the first gives."""
    rows = []

    def gathered(row):
        return np.array([rows.pop(0), row], np.int64)

    monkeypatch.setattr(workers, "is_chief", lambda: False)
    monkeypatch.setattr(workers, "gathered", gathered)
    return rows


def never():
    raise AssertionError("the chief's alone")


def test_a_single_worker_is_the_chief():
    assert workers.is_chief() and workers.number() == 1 and workers.strategy() is None
    assert workers.by_chief(lambda: 3) == workers.chief_first(lambda: 3) == 3
    assert workers.any_of(True) and not workers.any_of(False)
    assert workers.of_chief(-7) == -7
    with workers.own_folder("here") as place:
        assert place == "here"
    with workers.together(None):
        workers.wait()
    workers.check_alike({"a": 1}, "flags")
    with pytest.raises(ValueError):
        workers.by_chief(lambda: int("x"))


def test_others_wait_for_the_chief(second):
    second += [[workers._DONE]] * 2
    assert workers.by_chief(never) is None
    # They call it as well, after the chief.
    assert workers.chief_first(lambda: 4) == 4
    second += [[5], [1]]
    assert workers.of_chief(9) == 5
    assert workers.any_of(False)


def test_others_hear_how_the_chief_has_ended(second):
    second += [[workers._FAILED], [workers._STOPPED]]
    with pytest.raises(WorkerLost, match="what it printed says why"):
        workers.by_chief(never)
    with pytest.raises(Interrupted, match="give the same command again"):
        workers.by_chief(never)


def test_what_differs_between_workers_is_named(monkeypatch):
    seen = []
    monkeypatch.setattr(workers, "gathered", lambda row: seen.append(row) or [row])
    for seed in (1, 2):
        workers.check_alike({"seed": seed, "width": 0.5}, "flags")
    monkeypatch.setattr(workers, "gathered", lambda row: np.array(seen))
    with pytest.raises(ValueError, match="same flags; worker 2 .* differ in seed\\.$"):
        workers.check_alike({"seed": 1, "width": 0.5}, "flags")


def test_others_write_where_nothing_stays(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "is_chief", lambda: False)
    with workers.own_folder(tmp_path) as place:
        assert place != tmp_path and place.is_dir()
    assert not place.exists()


def test_who_has_ended_is_told_from_who_is_silent():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert workers._is_closed(address)  # bound, but nobody listens
        server.listen()
        assert workers._answers(address) and not workers._is_closed(address)
    assert workers._is_closed(address) and not workers._answers(address)


def test_the_others_are_not_waited_for_for_ever(monkeypatch, capsys):
    words = []
    has_ended = threading.Event()

    def end(text):
        words.append(text)
        has_ended.set()
        time.sleep(1)  # the process would not be there any more

    monkeypatch.setattr(workers, "PATIENCE", 0.02)
    monkeypatch.setattr(workers, "_PAUSE", 0.02)
    monkeypatch.setattr(workers, "_answers", lambda address: address == "a:1")
    monkeypatch.setattr(workers.signals, "end", end)
    with workers._waiting(Cluster(("a:1", "b:2"), 0)):
        assert has_ended.wait(60)
    assert words == [
        "After 0 s no answer from b:2. The same command goes on when they are there."
    ]
    assert "Worker 1 of 2 waits for the others." in capsys.readouterr().out
