"""Files that are whole or not there, and the words for what goes wrong."""

import ast
import errno
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from mgm_tf.errors import DamagedFile, NotWritten
from mgm_tf.files import reading, whole


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds that are waited, which take no time here."""
    waited = []
    monkeypatch.setattr(whole.time, "sleep", waited.append)
    return waited


def test_what_is_written_is_read(tmp_path):
    whole.write_json(tmp_path / "a.json", {"ä": [1, None]})
    assert reading.read_json(tmp_path / "a.json", remedy="") == {"ä": [1, None]}
    arrays = {"x": np.arange(6).reshape(2, 3)}
    whole.write_arrays(tmp_path / "a.npz", arrays)
    read = reading.read_arrays(tmp_path / "a.npz", remedy="")
    np.testing.assert_array_equal(read["x"], arrays["x"])
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    whole.write_picture(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as picture:
        np.testing.assert_array_equal(picture, pixels)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.npz", "a.png"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    whole.write_text(path, "ü")
    assert path.read_bytes() == "ü".encode()


def test_it_is_synced_before_it_has_its_name_and_the_folder_after(
    tmp_path, monkeypatch
):
    done = []
    for name in ("fsync", "replace"):
        act = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, act=act: done.append(name) or act(*a)
        )
    whole.write_text(tmp_path / "a", "text")
    assert done == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_whatever_stops_a_write_leaves_what_was_there(tmp_path, interruption):
    path = tmp_path / "a"
    whole.write_text(path, "before")

    def fill(file):
        file.write(b"half")
        raise interruption

    with pytest.raises(interruption):
        whole.write(path, fill)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def failing(number, times):
    """A filler of a file that fails so often."""
    left = [times]

    def fill(file):
        file.write(b"half")
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        file.write(b" and whole")

    return fill


def test_what_passes_is_waited_for(tmp_path, waits, capsys):
    whole.write(tmp_path / "a", failing(errno.EIO, 3))
    assert (tmp_path / "a").read_text() == "half and whole"
    assert waits == [0.5, 2.0, 8.0]
    assert "Input/output error. Trying again in 0.5 s." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "tries", "words"),
    [
        (errno.ENOSPC, 4, r"the disk is full: .* MiB are free and 3.0 MiB are needed"),
        (errno.EROFS, 1, r"is read-only for this user. Make it writable"),
        (errno.EACCES, 1, r"is read-only for this user"),
        (errno.ENOENT, 1, r"the folder .* is gone. Bring the folder back"),
        (errno.EIO, 4, r"Input/output error"),
    ],
)
def test_what_does_not_pass_is_said_in_a_sentence(
    tmp_path, waits, number, tries, words
):
    path = tmp_path / "a"
    with pytest.raises(NotWritten, match=words) as error:
        whole.write(path, failing(number, 9), need=3 * 2**20)
    assert str(error.value).startswith(f"{path} cannot be written: ")
    assert str(error.value).endswith("then give the same command again.")
    assert len(waits) == tries - 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (b"", "an empty file"),
        (b'{"a": ', "what is no JSON"),
        (b"[1]", "list"),
        (b"\xff\xfe", "what is no JSON"),
    ],
)
def test_what_is_no_object_is_named(tmp_path, contents, found):
    path = tmp_path / "a.json"
    path.write_bytes(contents)
    with pytest.raises(DamagedFile) as error:
        reading.read_json(path, remedy="Remove it.")
    assert str(error.value).startswith(f"{path}: expected an object, found {found}")
    assert str(error.value).endswith("Remove it.")


@pytest.mark.parametrize("size", [0, 10, 100])
def test_arrays_that_are_cut_are_named(tmp_path, size):
    path = tmp_path / "a.npz"
    whole.write_arrays(path, {"x": np.arange(6)})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedFile, match="expected arrays, found") as error:
        reading.read_arrays(path, remedy="Remove it.")
    assert str(path) in str(error.value)


def test_drafts_of_killed_processes_are_swept(tmp_path):
    (tmp_path / ".12-34.part").write_bytes(b"half")
    (tmp_path / ".step-3.part").mkdir()
    (tmp_path / ".lock").write_text("")
    whole.sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_nothing_else_in_the_program_writes_files():
    root = pathlib.Path(whole.__file__).parents[1]
    # A file that is there to be removed again.
    allowed = {("data/builders.py", "write_bytes")}
    writers = {"write_text", "write_bytes", "savez", "savez_compressed", "savetxt"}
    found = {
        (str(path.relative_to(root)), node.func.attr)
        for path in root.rglob("*.py")
        if path.parent.name != "files"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in writers
        and ast.unparse(node.func.value) != "whole"
    }
    assert found == allowed
