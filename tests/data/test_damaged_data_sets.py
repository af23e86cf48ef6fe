"""What libraries say of their damaged files, made a sentence with a remedy."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data import builders
from mgm_tf.data.splits import Split
from mgm_tf.errors import DamagedExample

TEXTS = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "a list": lambda text: "[]",
    "an empty object": lambda text: "{}",
    "a number": lambda text: "3",
    "words": lambda text: "not found\n",
    "zeros": lambda text: "\0" * len(text),
    "utf-16": lambda text: text.encode("utf-16").decode("latin-1"),
}
RECORDS = ("dataset_info.json", "features.json", "metadata.json")


@pytest.fixture
def folder(data_dir, tmp_path) -> pathlib.Path:
    """A copy of the built data set; the folder of its files."""
    shutil.copytree(data_dir / "fake", tmp_path / "fake")
    return tmp_path / "fake" / "64" / "1.0.0"


def open_and_read(folder: pathlib.Path) -> None:
    """Does what a training does before its first step."""
    builder = builders.open_builder("rooms", "", 64, str(folder.parents[2]))
    builders.check_built(builder)
    split = Split(builder, "train", ("segmentation", "depth"), "disk")
    batch = split.batch(tf.range(12, dtype=tf.int64))
    return batch, split.names(np.arange(12))


def test_a_whole_one_can_be_read(folder):
    batch, names = open_and_read(folder)
    assert batch["image"].shape == (12, 64, 64, 3) and len(set(names)) == 12


@pytest.mark.parametrize("damage", TEXTS)
@pytest.mark.parametrize("name", RECORDS)
def test_records_of_a_built_data_set(folder, name, damage):
    path = folder / name
    path.write_text(TEXTS[damage](path.read_text()), encoding="latin-1")
    with pytest.raises(ValueError) as refusal:
        open_and_read(folder)
    message = str(refusal.value)
    assert str(folder) in message, message
    assert f"Remove {folder} and build it again with `python -m mgm_tf.data" in message


@pytest.mark.parametrize("name", RECORDS[1:])
def test_a_record_that_is_gone(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match="Remove .* and build it again"):
        open_and_read(folder)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"scale": "a"', r"tasks.depth.scale: expected a finite number, found 'a'"),
        ('"scale": 1e400', r"tasks.depth.scale: expected a finite number, found 1e400"),
        ('"scale": 0', "depth: expected one channel or more and a scale other than 0"),
        ('"scale": 1, "colour": 2', "tasks.depth: unknown key 'colour'"),
    ],
)
def test_a_field_of_another_type_is_named(folder, value, message):
    path = folder / "metadata.json"
    text = path.read_text()
    assert '"scale": 0.001' in text
    # The first of them is that of depth.
    path.write_text(text.replace('"scale": 0.001', value, 1))
    with pytest.raises(ValueError, match=f"metadata.json: {message}"):
        open_and_read(folder)


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros", "noise", "gone"])
def test_the_examples_themselves(folder, damage):
    (path,) = folder.glob("*train*")
    data = path.read_bytes()
    half = len(data) // 2
    noise = np.random.default_rng(0).bytes(len(data))
    damaged = {
        "empty": b"",
        "cut": data[:half],
        "zeros": bytes(len(data)),
        "noise": data[:half] + noise[half:],
    }
    path.unlink()
    if damage in damaged:
        path.write_bytes(damaged[damage])
    error = (DamagedExample, ValueError, FileNotFoundError)
    with pytest.raises(error, match="(?i)remove .* build it again"):
        open_and_read(folder)
