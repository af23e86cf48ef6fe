"""The files of exported versions: checked whole, swept, of one export at a time."""

import pytest

from mgm_tf.export import version_files
from mgm_tf.files import lock


@pytest.fixture
def version(tmp_path):
    """A version of three files, sealed."""
    folder = tmp_path / "model" / "1"
    for name in ("saved_model.pb", "variables/data", "assets.extra/mgm.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"contents of " + name.encode())
    version_files.seal(folder)
    return folder


def test_a_version_is_whole_as_it_was_sealed(version):
    assert version_files.fault(version) is None


def flip(path):
    contents = bytearray(path.read_bytes())
    contents[3] ^= 1
    path.write_bytes(contents)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("variables/data", flip, "variables/data is not as it was exported"),
        ("saved_model.pb", flip, "saved_model.pb is not as it was exported"),
        ("variables/data", lambda path: path.unlink(), "variables/data is missing"),
        ("more", lambda path: path.touch(), "more is not as it was exported"),
        ("assets.extra/sums.json", lambda path: path.unlink(), "sums.json is missing"),
        ("assets.extra/sums.json", lambda path: path.write_text("[]"), "found list"),
    ],
)
def test_what_is_not_as_it_was_is_named(version, name, damage, words):
    damage(version / name)
    assert words in version_files.fault(version)


def test_an_export_waits_for_another_and_sweeps_what_killed_ones_left(
    version, monkeypatch
):
    directory = version.parent
    (directory / ".incomplete-x" / "version").mkdir(parents=True)
    other = lock.held(directory)
    other.__enter__()
    waited = []

    def sleep(_seconds):
        waited.append(True)
        other.__exit__(None, None, None)

    monkeypatch.setattr(lock.time, "sleep", sleep)

    @version_files.one_at_a_time
    def export(*arguments):
        assert [path.name for path in sorted(directory.iterdir())] == [".lock", "1"]
        return version

    assert export(1, 2, 3, 4, directory) == version
    assert waited == [True]
