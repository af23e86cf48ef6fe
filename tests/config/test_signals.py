"""What stops a command, and with which exit code; streams that nobody reads."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from mgm_tf.config import signals, steady_streams

ROOT = pathlib.Path(__file__).parents[2]
# A process that hears of the first signal only, as TensorFlow's calls may be long.
DEAF = """
import signal, sys, time
sys.path.insert(0, "mgm_tf/config")
import signals
with signals.handled(float(sys.argv[1])), signals.handling(lambda *_: None):
    print("ready", flush=True)
    while True:
        time.sleep(60)
"""


def deaf(grace, signals_sent):
    command = [sys.executable, "-c", DEAF, str(grace)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        for number in signals_sent:
            process.send_signal(number)
        _, error = process.communicate()
    return process.returncode, error


@pytest.mark.parametrize(
    ("grace", "sent", "words"),
    [
        (0.1, [signal.SIGTERM], "Not stopped within --grace_s=0.1"),
        (60, [signal.SIGTERM, signal.SIGINT], "Stopped at once."),
    ],
)
def test_a_process_ends_in_any_case(grace, sent, words):
    code, error = deaf(grace, sent)
    assert code == signals.EXIT_CODE == 75
    assert words in error


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_signal_stops_what_is_done(number):
    before = [signal.getsignal(each) for each in signals.SIGNALS]
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), signals.handled(60):
        os.kill(os.getpid(), number)
    assert [signal.getsignal(each) for each in signals.SIGNALS] == before
    # The watch is over, and so is its time.
    assert threading.active_count() <= threads + 1


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled(60):
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stream_that_nobody_reads_is_no_error():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        steady = steady_streams.Steady(stream)
        print("read", file=steady, flush=True)
        assert os.read(reader, 9) == b"read\n"
        os.close(reader)
        for _ in range(2):
            print("lost", file=steady, flush=True)
    closed = steady_streams.Steady(stream)
    print("lost", file=closed, flush=True)


def test_a_program_without_streams_prints_into_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with steady_streams.steady():
        print("lost", file=sys.stderr)
        assert not sys.stderr.isatty()
    assert sys.stderr is None
