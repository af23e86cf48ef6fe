"""The record of every start of a run."""

import subprocess

import pytest
import tensorflow as tf

from mgm_tf.train import provenance
from tests import fake_dataset


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return fake_dataset.build(tmp_path_factory.mktemp("data"))


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_commit_and_whether_it_is_modified(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "a.py").write_text("one = 1\n")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-m", "First")
    commit = git(tmp_path, "rev-parse", "HEAD").strip()
    assert provenance.code(tmp_path) == {"commit": commit, "modified": False}
    (tmp_path / "a.py").write_text("one = 2\n")
    assert provenance.code(tmp_path) == {"commit": commit, "modified": True}


def test_without_a_repository_the_commit_is_unknown(tmp_path):
    assert provenance.code(tmp_path) == {"commit": None, "modified": None}


def test_the_machine_has_its_versions():
    machine = provenance.machine()
    assert machine["tensorflow"] == tf.__version__
    assert machine["cpus"] >= 1 and machine["gpus"] == []


def test_the_data_have_sizes_and_a_fingerprint(builder, tmp_path):
    record = provenance.data(builder)
    assert record["name"] == "fake/64/1.0.0"
    assert record["examples"] == fake_dataset.COUNTS
    # The same data elsewhere are the same; other data are not.
    copy = fake_dataset.build(tmp_path / "copy")
    assert provenance.data(copy) == record
    few = provenance.data(fake_dataset.build(tmp_path / "few", "few_64"))
    assert few["fingerprint"] != record["fingerprint"]


def test_every_start_is_recorded(builder, tmp_path):
    assert provenance.read(tmp_path / "run") == []
    record = provenance.collect(builder)
    provenance.note(tmp_path / "run", record)
    provenance.note(tmp_path / "run", record | {"time": 1.0})
    starts = provenance.read(tmp_path / "run")
    assert starts == [record, record | {"time": 1.0}]
    assert set(record) == {"time", "code", "machine", "data"}


def test_other_data_than_at_the_beginning_are_refused(builder, tmp_path):
    provenance.note(tmp_path, provenance.collect(builder))
    few = fake_dataset.build(tmp_path / "few", "few_64")
    with pytest.raises(ValueError, match="began with fake/64/1.0.0 .*few_64"):
        provenance.note(tmp_path, provenance.collect(few))
    assert len(provenance.read(tmp_path)) == 1
