"""JSON that people or programs write: every field is of its type and in its range."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Literal

import pytest

from datasets import quarantine
from datasets.files import records
from datasets.folder import source
from datasets.folder.settings import read_settings
from datasets.tiny_taskonomy import store
from tests.datasets import folder_files
from tests.datasets.folder_files import build


@dataclasses.dataclass(frozen=True)
class Inner:
    """A part of a record."""

    size: int
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Outer:
    """A record with a field of every kind."""

    rate: float
    kind: Literal["one", "two"] = "one"
    is_on: bool = False
    sizes: tuple[int, ...] = ()
    pair: tuple[str, float] | None = None
    inner: Inner | None = None
    parts: Mapping[str, Inner] = dataclasses.field(default_factory=dict)


SOUND = {
    "rate": 2,
    "kind": "two",
    "is_on": True,
    "sizes": [1, 2],
    "pair": ["a", 0.5],
    "inner": {"size": 3},
    "parts": {"x": {"size": 4, "name": "y"}},
}


def test_a_record_becomes_an_instance():
    assert records.build(Outer, SOUND, "f.json") == Outer(
        2.0, "two", True, (1, 2), ("a", 0.5), Inner(3), {"x": Inner(4, "y")}
    )
    assert records.build(Outer, {"rate": 1, "inner": None}, "f.json") == Outer(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"rate": "fast"', "rate: expected a finite number, found 'fast'"),
        ('"rate": true', "rate: expected a finite number, found True"),
        ('"rate": null', "rate: expected a finite number, found None"),
        ('"rate": [1]', "rate: expected a finite number, found [1]"),
        ('"rate": NaN', "rate: expected a finite number, found nan"),
        ('"rate": -Infinity', "rate: expected a finite number, found -inf"),
        ('"rate": 1e400', "rate: expected a finite number, found 1e400"),
        (
            f'"rate": 1{"0" * 400}',
            f"rate: expected a finite number, found 1{'0' * 79}…",
        ),
        (f'"rate": 1{"0" * 9999}', "rate: expected a finite number, found 1000"),
        (
            '"kind": "on"',
            "kind: expected one of 'one', 'two'; found 'on'; did you mean o",
        ),
        ('"kind": ["one"]', "kind: expected one of 'one', 'two'; found ['one']"),
        ('"is_on": 1', "is_on: expected true or false, found 1"),
        ('"is_on": "true"', "is_on: expected true or false, found 'true'"),
        ('"sizes": 5', "sizes: expected a list […], found 5"),
        ('"sizes": [1, 2.5]', "sizes[1]: expected a whole number, found 2.5"),
        ('"sizes": [false]', "sizes[0]: expected a whole number, found False"),
        ('"sizes": {"a": 1}', "sizes: expected a list […], found {'a': 1}"),
        (
            f'"sizes": [{"9" * 30}]',
            f"sizes[0]: expected a whole number, found {'9' * 30}",
        ),
        ('"pair": ["a"]', "pair: expected a list of 2, found ['a']"),
        ('"pair": ["a", "b"]', "pair[1]: expected a finite number, found 'b'"),
        ('"inner": 3', "inner: expected an object {…}, found 3"),
        ('"inner": {}', "inner.size is missing"),
        (
            '"inner": {"size": 1, "nmae": ""}',
            "inner: unknown key 'nmae'; allowed are siz",
        ),
        ('"parts": []', "parts: expected an object {…}, found []"),
        (
            '"parts": {"x": {"size": ""}}',
            "parts.x.size: expected a whole number, found ",
        ),
        ('"rats": 1', "unknown key 'rats'"),
        (
            '"inner": {"size": 1, "name": "\\ud800"}',
            "inner.name: expected a text, found",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path, change, message):
    path = tmp_path / "f.json"
    path.write_text("{" + ('"rate": 1, ' * ("rate" not in change)) + change + "}")
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        records.build(Outer, records.read(path), path, remedy="Write it anew.")
    assert str(refusal.value).startswith(f"{path}: ")
    assert str(refusal.value).endswith(". Write it anew.")
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected JSON, found an empty file"),
        (" \n", "expected JSON, found an empty file"),
        ("{", "expected JSON: Expecting property name"),
        ("[" * 100_000, "expected JSON, found brackets without end"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("{'a': 1}", "expected JSON: Expecting property name"),
        ("<html>", "expected JSON"),
    ],
)
def test_what_is_no_json(tmp_path, text, message):
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {message}")):
        records.read(path)


def test_lines(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text('{"a": 1}\n{"b": 2}\n')
    assert records.read_lines(path) == [{"a": 1}, {"b": 2}]
    path.write_text('{"a": 1}\n[]\n')
    with pytest.raises(ValueError, match=r"f.jsonl, line 2: it: expected an object"):
        records.read_lines(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"normals": {"axes": 5}}', "normals.axes: expected where the three channels"),
        ('{"normals": {"axes": null}}', "normals.axes: expected where the three"),
        (
            '{"normals": {"axes": [["right"], "up", "toward"]}}',
            "normals.axes: expected",
        ),
        (
            '{"normals": {"axes": {"right": 1}}}',
            "normals.axes: expected where the three",
        ),
        ('{"unlabelled": ["weak"]}', "unlabelled: expected one of 'refuse'"),
        ('{"unlabelled": {}}', "unlabelled: expected one of 'refuse'"),
        ('{"depth": {"unit": ["mm"]}}', "depth.unit: expected one of 'm', 'cm', 'mm'"),
        ('{"depth": {"unit": "mn"}}', "found 'mn'; did you mean m?"),
        ('{"depth": {"unit": "m", "scale": 1e400}}', "above 0, found 1e400"),
        (
            '{"depth": {"unit": "m", "scale": 1e300}}',
            "a number of at most 1e+12, found 1e",
        ),
        ('{"depth": {"unit": "m", "scale": NaN}}', "finite number above 0, found nan"),
        (
            '{"depth": {"farthest": -1}}',
            "depth.farthest: expected a finite number above",
        ),
        ('{"depth": {"missing": {"a": 0}}}', "depth.missing: expected a finite number"),
        (
            '{"depth": {"missing": [[0]]}}',
            "depth.missing: expected a finite number, found",
        ),
        ('{"depth": {"target_scale": "two"}}', "depth.target_scale: expected a finite"),
        (
            '{"depth": {"source": ["by", "hand"]}}',
            "depth.source: expected a text, found",
        ),
        ('{"depth": []}', "depth: expected an object {…}, found []"),
        (
            '{"segmentation": {"ignore": "sky"}}',
            "segmentation.ignore: expected a finite",
        ),
        (
            '{"scenes": "multi_hot"}',
            "scenes: expected an object {…}, found 'multi_hot'",
        ),
        ('{"notes": null}', "notes: expected a text, found None"),
        ('{"deph": {}}', "unknown key 'deph'; allowed are segmentation, depth"),
    ],
)
def test_dataset_json(tmp_path, text, message):
    path = tmp_path / "dataset.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        read_settings(path)
    assert str(refusal.value).startswith(f"{path}: ")


WRONG = ["", "[]", "{}", "3", '{"files": 3}', '{"buildings": "a"}', '{"damaged": [1]}']


@pytest.mark.parametrize("text", WRONG)
def test_records_beside_the_data(tmp_path, text):
    """Those of a folder, of what was left out, of what is decoded already."""
    where = store.Store(str(tmp_path))
    (tmp_path / "attic").mkdir()
    (tmp_path / "attic" / "index.json").write_text(text)
    (tmp_path / quarantine.FILE_NAME).write_text(text)
    for read, remedy in (
        (lambda: quarantine.read(tmp_path / quarantine.FILE_NAME), "build it again"),
        (lambda: where.read_index("attic"), "decoded again"),
    ):
        if text == "[]" and "decoded" in remedy:
            continue  # a building without frames
        with pytest.raises(ValueError, match=f"json: .*{remedy}"):
            read()


@pytest.mark.parametrize(
    "text", [*WRONG, '{"folder": "a", "files": {"x": {"size": 1}}}']
)
def test_what_a_folder_was_made_from(tmp_path, text):
    folder = folder_files.write(tmp_path / "photos")
    path = tmp_path / source.FILE_NAME
    path.write_text(text)
    with pytest.raises(ValueError, match=r"source.json: .*Remove .* build it again"):
        source.differences(path, folder)


def test_what_is_written_is_read(tmp_path):
    folder = folder_files.write(tmp_path / "photos")
    builder = build(folder)
    builder.check_source(folder)
    written = json.loads((tmp_path / "data/folder/64/1.0.0/source.json").read_text())
    assert len(written["files"]) == 32
