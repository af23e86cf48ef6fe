"""Whatever lies in a folder: time and memory are bounded, no program is started."""

import os
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from datasets.files import DamagedFile, arrays, images, limits, read_image, regular
from datasets.files import walk as walking
from datasets.files.walk import walk
from datasets.folder import headers
from mgm_tf.predict import image_files
from tests.datasets import hostile


@pytest.fixture(autouse=True)
def no_program(monkeypatch):
    """Nothing that is read here may start another program."""

    def refuse(*arguments, **options):
        raise AssertionError(f"A program is started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "system", refuse)


@pytest.mark.parametrize("name", hostile.IMAGES)
def test_images(tmp_path, name):
    data, reason = hostile.IMAGES[name]
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match=f"photo.jpg: .*({reason})"):
        read_image(path)
    # As maps, and of the formats that predictions are made of.
    with pytest.raises(DamagedFile):
        images.read_map(path, "uint8", 3)
    with pytest.raises(ValueError, match="photo.jpg: "):
        image_files.read(path)


@pytest.mark.parametrize("name", hostile.ARRAYS)
def test_arrays(tmp_path, name):
    data, reason = hostile.ARRAYS[name]
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match=f"a.npy: .*{reason}"):
        headers.form_of(path)
        arrays.read(path)


@pytest.mark.parametrize("name", hostile.STRANGERS)
def test_what_is_no_file(tmp_path, name):
    make, reason = hostile.STRANGERS[name]
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "good.png").write_bytes(hostile.png(1, 1, hostile.zeros(4)))
    make(folder / "odd.png")
    found = walk(folder)
    assert [path.name for path in found.files] == ["good.png"]
    (unread,) = found.unread
    assert re.search(re.escape(reason), str(unread)), unread
    # For predictions it is counted among what is not read.
    assert image_files.find(folder).unread == found.unread


@pytest.mark.parametrize("read", [read_image, images.read_map, arrays.read])
def test_a_pipe_that_is_named_itself_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "im0.png")
    with pytest.raises(DamagedFile, match="expected a file, found a named pipe"):
        read(tmp_path / "im0.png")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DamagedFile, match="expected a file, found a folder"):
        read_image(tmp_path)


def test_large_files_are_not_read_at_all(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(2**40)  # takes no place on the disk
    with pytest.raises(DamagedFile, match="1,048,576 MiB are more than the 256 MiB"):
        read_image(tmp_path / "a.png")
    assert regular.MOST_BYTES + 10 * limits.MOST_PIXELS < 2**30


class TestLinks:
    def test_those_within_the_folder_are_followed(self, tmp_path):
        for name in ("a/1.png", "b/2.png"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).touch()
        (tmp_path / "a" / "again").symlink_to("../b")
        (tmp_path / "a" / "3.png").symlink_to("1.png")
        found = walk(tmp_path)
        names = [path.relative_to(tmp_path).as_posix() for path in found.files]
        assert names == ["a/1.png", "a/3.png", "a/again/2.png", "b/2.png"]
        assert not found.unread

    def test_the_folder_itself_may_be_one(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "1.png").touch()
        (tmp_path / "link").symlink_to("real")
        assert walk(tmp_path / "link").files == (tmp_path / "link" / "1.png",)

    @pytest.mark.parametrize("target", ["..", ".", "../..", "../b"])
    def test_loops_are_named(self, tmp_path, target):
        (tmp_path / "a" / "deep").mkdir(parents=True)
        (tmp_path / "a" / "b").symlink_to("../a")
        for name in ("x", "y"):
            (tmp_path / "a" / "deep" / name).symlink_to(target)
        found = walk(tmp_path)
        assert not found.files
        reasons = {each.reason for each in found.unread}
        assert "a link to a folder that it is in is not followed" in reasons

    def test_doubled_links_end(self, tmp_path):
        # Twenty folders, each with two links to the next: a million ways.
        for level in range(20):
            (tmp_path / str(level)).mkdir()
            for name in "ab":
                (tmp_path / str(level) / name).symlink_to(f"../{level + 1}")
        (tmp_path / "20").mkdir()
        found = walk(tmp_path)
        assert any("more than 1000 links" in each.reason for each in found.unread)


@pytest.mark.parametrize(
    "name",
    [
        *(".hidden", "._photo.jpg", ".@__thumb", ".picasaoriginals", ".Trash-1000"),
        *("Thumbs.db", "thumbs.DB", "ehthumbs.db", "desktop.ini", "Desktop.ini"),
        *("__MACOSX", "Icon\r", "Network Trash Folder", "Temporary Items"),
        *("@eaDir", "#recycle", "#snapshot", "@Recycle", "@__thumb", "@tmp"),
        *("$RECYCLE.BIN", "System Volume Information", "lost+found", "RECYCLER"),
    ],
)
def test_what_systems_keep_is_passed_over_and_counted(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(folder / "SYNOPHOTO_THUMB_S.jpg")
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.jpg")
    found = walk(tmp_path)
    assert [path.name for path in found.files] == ["photo.jpg"]
    assert found.hidden == (folder,)
    told = walking.passed_over(found.hidden, tmp_path)
    assert told.startswith("Passed over as hidden or of the system (1): ")
    assert image_files.find(tmp_path).passed_over == told


def test_a_large_image_is_read_and_shrunk_by_parts(monkeypatch):
    from datasets import resizing

    image = np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)
    whole = resizing.resize_image(image, 16)
    monkeypatch.setattr(resizing, "_WHOLE", 1000)
    np.testing.assert_array_equal(resizing.resize_image(image, 16), whole)
    monkeypatch.setattr(images, "_STRIP", 100)
    alpha = Image.fromarray(np.dstack([image, image[..., :1]]))
    strips = images._rgb(alpha)
    white = Image.new("RGBA", alpha.size, "white")
    expected = Image.alpha_composite(white, alpha).convert("RGB")
    np.testing.assert_array_equal(strips, np.asarray(expected))
