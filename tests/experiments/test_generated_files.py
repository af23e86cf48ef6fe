"""Generated files that stand in for those that one has to fetch."""

import pytest

from mgm_tf.experiments import generated_files


def test_files_are_written_once(tmp_path, monkeypatch):
    calls = []

    def write(dataset, folder):
        calls.append(dataset)
        folder.mkdir(parents=True)
        (folder / "file").write_text(dataset)

    monkeypatch.setattr("datasets.generated.write", write)
    for _ in range(2):
        folder = generated_files.folder("nyuv2", tmp_path)
        assert (folder / "file").read_text() == "nyuv2"
    assert calls == ["nyuv2"]


def test_half_written_files_are_written_again(tmp_path, monkeypatch):
    def fail(dataset, folder):
        folder.mkdir(parents=True)
        raise OSError("the disk is full")

    monkeypatch.setattr("datasets.generated.write", fail)
    for _ in range(2):  # the first try leaves nothing that stops the second
        with pytest.raises(OSError, match="full"):
            generated_files.folder("nyuv2", tmp_path)
    assert not (tmp_path / "files" / "nyuv2").exists()


def test_rooms_needs_no_files():
    assert not generated_files.can_generate("rooms")
    assert generated_files.can_generate("tiny_taskonomy")
