"""Paths among the flags: expanded and absolute, of every command."""

import importlib
import json
import os
import pathlib
import re

import pytest
from absl import flags

from mgm_tf.config import command_line, options, paths, saved
from mgm_tf.config.settings import Config
from tests.commands import flags_of
from tests.config.test_settings import parsed

COMMANDS = (
    *("train", "data", "evaluate", "export", "predict", "probe", "experiments"),
)
# Flags whose help speaks of folders or files without their being the name of one.
NO_PATHS = {"audit", "dataset", "generated", "overwrite", "scale", "rows", "table"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("runs/a", "{here}/runs/a"),
        ("./a/../b", "{here}/b"),
        ("~/out", "{home}/out"),
        ("~", "{home}"),
        ("/abs", "/abs"),
        ("a b/ü", "{here}/a b/ü"),
        ("nyuv2=~/files", "nyuv2={home}/files"),
        ("gs://bucket/data", "gs://bucket/data"),
        ("-", "-"),
        ("", ""),
    ],
)
def test_a_path_is_expanded_and_absolute(tmp_path, monkeypatch, given, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    wanted = expected.format(here=tmp_path, home="/home/me")
    assert paths.absolute(given) == wanted
    assert paths.absolute(paths.absolute(given)) == wanted


def test_a_folder_with_an_equals_sign_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    assert paths.absolute("lr=0.1") == str(tmp_path / "lr=0.1")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_that_names_a_folder_is_one_of_them(command):
    module = importlib.import_module(f"mgm_tf.{command}.__main__")
    with flags_of(module):
        own = flags.FLAGS.flags_by_module_dict()
        ours = [
            flag for name, each in own.items() if "absl" not in name for flag in each
        ]
        speaking = {
            flag.name
            for flag in ours
            if isinstance(flag.value, str | list | type(None))
            and re.match(r"(The|Other) (folder|image|file|run)", flag.help or "")
        }
    assert speaking - NO_PATHS <= paths.FLAGS


def test_those_of_settings_are_among_them():
    fields = options.leaves(Config)
    folders = {name for name, field in fields.items() if field.metadata["folder"]}
    assert folders | {"data_dir", "manual_dir"} <= paths.FLAGS


def test_the_values_of_flags_become_absolute(tmp_path, monkeypatch):
    from mgm_tf.predict import __main__ as predict

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with flags_of(predict):
        command_line.debug_flag()
        arguments = ["x", "--input=in", "--output=~/out", "--saved_model=/m", "word"]
        assert command_line._parsed(arguments) == ["x", "word"]
        values = flags.FLAGS
        assert values.input == str(tmp_path / "in")
        assert values.output == str(tmp_path / "home" / "out")
        assert values.saved_model == "/m"


def test_a_run_of_before_goes_on_though_its_folders_were_relative(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    old = parsed("--start_from=runs/a", "--freeze=encoder")
    new = parsed(f"--start_from={tmp_path}/runs/a", "--freeze=encoder")
    assert saved.differences(old, new) == []
    other = parsed("--start_from=runs/b", "--freeze=encoder")
    assert len(saved.differences(old, other)) == 1


WRONG = {
    "[]": "expected an object",
    "{}": "missing",
    "3": "expected an object",
    "": "found an empty file",
    "{": "expected JSON",
    '{"data": 3}': "expected an object",
    "null": "expected an object",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_record_of_settings_that_is_none_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="config.json: .*"):
        saved.load(tmp_path)


@pytest.mark.parametrize(
    ("group", "name", "value", "message"),
    [
        ("run", "seed", "one", "seed: expected a whole number, found 'one'"),
        ("run", "seed", 1.5, "seed: expected a whole number, found 1.5"),
        ("run", "jit_compile", 1, "jit_compile: expected true or false, found 1"),
        ("data", "tasks", "depth", "tasks: expected a list"),
        ("data", "tasks", ["depth", 3], r"tasks\[1\]: expected a text, found 3"),
        ("data", "dataset", "nyu", "dataset: expected one of 'rooms', 'nyuv2'.*nyuv2"),
        (
            "schedule",
            "learning_rate",
            "fast",
            "learning_rate: expected a finite number",
        ),
        (
            "schedule",
            "learning_rate",
            float("inf"),
            "learning_rate: expected a finite number, found inf",
        ),
        ("schedule", "joint_length", None, "joint_length: expected a text, found None"),
    ],
)
def test_values_of_other_types_are_named(tmp_path, group, name, value, message):
    config = parsed("--image_size=64")
    saved.save(config, tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    record[group][name] = value
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"config.json: {message}"):
        saved.load(tmp_path)


def test_what_is_written_is_read_again(tmp_path):
    config = parsed("--image_size=64", "--labelled_percent=25", "--tasks=depth")
    saved.save(config, tmp_path)
    assert saved.load(pathlib.Path(os.path.relpath(tmp_path))) == config
