"""Output never ends a command, whatever is written and wherever it goes."""

import io
import os
import sys

import pytest

from datasets.files import names, streams

TEXT = "Küste \udcfc \u202e 🏔"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_character_can_be_written(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    streams.prepare()
    print(TEXT, flush=True)
    text = written.getvalue().decode(encoding)
    assert "\\udcfc" in text
    assert "ste" in text and text.endswith("\n")


def test_a_closed_stream_is_no_error(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    streams.prepare()
    print(TEXT)
    print(TEXT, file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        assert stream.name is not None
        stream.close()


def test_what_nobody_reads_goes_nowhere(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stdout", stream)
    print(TEXT.encode("ascii", "replace"))
    with pytest.raises(BrokenPipeError):
        stream.flush()
    streams.close()
    stream.close()  # writes what is left


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Küste/a b", "Küste/a b"),
        ("K\udcfcste", "K\\xfcste"),
        ("a\x1b[31m\n", "a\\x1b[31m\\n"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
)
def test_names_are_shown_without_harm(name, shown):
    assert names.shown(name) == shown


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MGMM", "; did you mean MGM or MGM_r?"),
        ("mgm", "; did you mean MGM or MGM_r?"),
        ("depht", "; did you mean depth?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_known_names(name, hint):
    assert names.nearest(name, ["MGM", "MGM_r", "ST", "depth"]) == hint
