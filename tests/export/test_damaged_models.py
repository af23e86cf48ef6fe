"""Exported models whose files are damaged: the file, what is wrong, what to do."""

import json
import pathlib
import shutil

import pytest
import tensorflow as tf

from mgm_tf.export import versions
from tests.audit_data import INFO


class Doubled(tf.Module):
    """The smallest model that can be saved: it has one weight."""

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.uint8)])
    def serve(self, images):
        return {"depth": self.weight * tf.cast(images[..., 0], tf.float32)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("models") / "1"
    tf.saved_model.save(Doubled(), str(folder))
    record = {"format": versions.FORMAT, "data": INFO.metadata()}
    (folder / versions.RECORD).parent.mkdir()
    (folder / versions.RECORD).write_text(json.dumps(record))
    return folder


@pytest.fixture
def model(saved, tmp_path) -> pathlib.Path:
    return shutil.copytree(saved, tmp_path / "1")


def test_a_whole_one_is_loaded(model):
    assert versions.load(model).info.scene_names == INFO.scene_names


FILES = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros", "gone"])
@pytest.mark.parametrize("name", FILES)
def test_files_of_tensorflow(model, name, damage):
    path = model / name
    data = path.read_bytes()
    path.unlink()
    contents = {"empty": b"", "cut": data[: len(data) // 2], "zeros": bytes(len(data))}
    if damage in contents:
        path.write_bytes(contents[damage])
    with pytest.raises(ValueError, match=f"{model.parent}.*mgm_tf.export") as refusal:
        versions.load(model)
    assert "Traceback" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found an empty file"),
        ("{", "expected JSON"),
        ("[]", r"expected format 1, got \[\]"),
        ("{}", "expected format 1, got None"),
        ('{"format": "one"}', "expected format 1, got 'one'"),
        ('{"format": 1}', "data: the file: expected an object {…}, found None"),
        ('{"format": 1, "data": []}', r"data: the file: expected an object {…}, f"),
        ('{"format": 1, "data": {}}', "data: image_size is missing"),
        (
            '{"format": 1, "data": {"image_size": "64", "tasks": {}}}',
            "data: image_size: expected a whole number, found '64'",
        ),
        (
            '{"format": 1, "data": {"image_size": 64, "tasks": 5, "scene_names": []}}',
            "data: tasks: expected an object {…}, found 5",
        ),
        (
            '{"format": 1, "data": {"image_size": 4, "tasks": {}, "scene_names": "a"}}',
            "data: scene_names: expected a list",
        ),
        (
            '{"format": 1, "data": {"image_size": 64, "tasks": {}, "scene_names": [], '
            '"label_kind": "several"}}',
            "expected one of 'categorical', 'multi_hot'; found 'several'",
        ),
    ],
)
def test_the_record(model, text, message):
    (model / versions.RECORD).write_text(text)
    with pytest.raises(ValueError, match=f"mgm.json: .*{message}.*mgm_tf.export"):
        versions.load(model)
