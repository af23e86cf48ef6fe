"""What other projects leave in the environment does not change this program."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import pytest

from mgm_tf.config import environment

ROOT = pathlib.Path(__file__).parents[2]
INLINE = "module://matplotlib_inline.backend_inline"


@pytest.mark.parametrize(
    ("name", "given", "becomes", "told"),
    [
        ("KERAS_BACKEND", "jax", "tensorflow", "KERAS_BACKEND=jax"),
        ("KERAS_BACKEND", "torch", "tensorflow", "KERAS_BACKEND=torch"),
        ("KERAS_BACKEND", "tensorflow", "tensorflow", ""),
        ("KERAS_BACKEND", "", "tensorflow", ""),
        ("MPLBACKEND", INLINE, "Agg", f"MPLBACKEND={INLINE}"),
        ("MPLBACKEND", "TkAgg", "Agg", "MPLBACKEND=TkAgg"),
        ("MPLBACKEND", "Agg", "Agg", ""),
        ("KERAS_MAX_EPOCHS", "1", None, "KERAS_MAX_EPOCHS=1"),
        ("KERAS_MAX_STEPS_PER_EPOCH", "2", None, "KERAS_MAX_STEPS_PER_EPOCH=2"),
        ("TF_USE_LEGACY_KERAS", "1", None, "TF_USE_LEGACY_KERAS=1"),
    ],
)
def test_a_variable_is_set_and_an_explicit_one_told(
    tmp_path, name, given, becomes, told
):
    variables = {name: given, "KERAS_HOME": str(tmp_path)}
    sentences = environment.prepare(variables, is_command=True)
    assert variables.get(name) == becomes
    assert len(sentences) == bool(told)
    assert all(sentence.startswith(told) for sentence in sentences)


def test_nothing_is_said_where_nothing_was_set(tmp_path):
    variables = {"KERAS_HOME": str(tmp_path)}
    assert environment.prepare(variables, is_command=True) == []
    assert set(variables) == {
        *("KERAS_BACKEND", "KERAS_HOME", "MPLBACKEND", "TF_ENABLE_ONEDNN_OPTS")
    }
    # And nothing more the second time, nor in the processes that are started.
    assert environment.prepare(variables, is_command=True) == []


@pytest.mark.parametrize(("given", "becomes"), [(None, "1"), ("0", "0"), ("1", "1")])
def test_onednn_is_on_unless_somebody_says_otherwise(tmp_path, given, becomes):
    variables = {"KERAS_HOME": str(tmp_path)}
    variables |= {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    assert environment.prepare(variables) == []
    assert variables["TF_ENABLE_ONEDNN_OPTS"] == becomes


def test_the_drawings_of_a_notebook_stay_its_own(tmp_path):
    variables = {"MPLBACKEND": INLINE, "KERAS_HOME": str(tmp_path)}
    assert environment.prepare(variables) == []
    assert variables["MPLBACKEND"] == INLINE


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ({"image_data_format": "channels_first"}, "image_data_format=channels_first"),
        ({"floatx": "float16", "epsilon": 1e-3}, "floatx=float16, epsilon=0.001"),
        ({"backend": "jax"}, "backend=jax"),
        ({"floatx": "float32", "backend": "tensorflow"}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_users_file_of_keras_is_not_read(tmp_path, theirs, told):
    (tmp_path / "keras.json").write_text(json.dumps(theirs))
    variables = {"KERAS_HOME": str(tmp_path)}
    sentences = environment.prepare(variables)
    assert [told in sentence for sentence in sentences] == [True] * bool(told)
    ours = json.loads(
        (pathlib.Path(variables["KERAS_HOME"]) / "keras.json").read_text()
    )
    assert ours["image_data_format"] == "channels_last"


def test_keras_in_this_process_is_as_it_must_be():
    assert keras.config.backend() == "tensorflow"
    assert keras.config.floatx() == "float32"
    assert keras.config.image_data_format() == "channels_last"


def test_a_command_works_in_all_of_it_at_once(tmp_path):
    """Another project's Keras and notebook, ASCII, another folder, `| head -n 1`."""
    (tmp_path / ".keras").mkdir()
    theirs = {"image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(theirs))
    variables = os.environ | {
        "HOME": str(tmp_path),
        "MPLBACKEND": INLINE + "_gone",
        "KERAS_BACKEND": "no_such_backend",
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": str(ROOT),
    }
    variables.pop("KERAS_HOME", None)
    command = f"{sys.executable} -m mgm_tf.experiments list --table=all"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr and "Error" not in done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode in (0, 141)
    told = [line for line in done.stderr.splitlines() if "is not used" in line]
    assert len(told) == 3, done.stderr
