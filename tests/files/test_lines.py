"""Lines of JSON that are appended, and the line that a killed process leaves."""

import os

import pytest

from mgm_tf.errors import DamagedFile, NotWritten
from mgm_tf.files import lines, whole


def test_lines_are_read_as_they_were_appended(tmp_path):
    path = tmp_path / "a.jsonl"
    assert lines.read(path) == []
    for number in range(3):
        lines.append(path, {"n": number})
    assert path.read_text() == '{"n": 0}\n{"n": 1}\n{"n": 2}\n'
    assert lines.read(path) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("torn", "kept"),
    [
        ('{"n": 1', []),
        ("\0\0\0", []),
        # Whole but for its end.
        ('{"n": 1}', [{"n": 1}]),
    ],
)
def test_a_torn_last_line_is_mended(tmp_path, torn, kept):
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 0}\n' + torn)
    assert lines.read(path) == [{"n": 0}, *kept]
    lines.append(path, {"n": 2})
    assert lines.read(path) == [{"n": 0}, *kept, {"n": 2}]
    assert path.read_text().count("\n") == 2 + len(kept)


def test_another_broken_line_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 0}\n[1]\n{"n": 1}\n')
    with pytest.raises(DamagedFile, match=r"a.jsonl, line 2: expected an object"):
        lines.read(path)
    assert lines.broken(path) == [2]
    assert lines.readable(path) == [{"n": 0}, {"n": 1}]


def test_lines_are_rewound(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 0}\n{"n": 2}\n{"n": 1}\n{"n"')
    lines.rewind(path, lambda record: record["n"] < 2)
    assert path.read_text() == '{"n": 0}\n{"n": 1}\n'


def test_a_line_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    lines.append(path, {"n": 0})
    monkeypatch.setattr(whole, "WAITS", [])

    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NotWritten, match="the disk is full"):
        lines.append(path, {"n": 1})
    assert path.read_text() == '{"n": 0}\n'
