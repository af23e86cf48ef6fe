"""Flag files as people save them, found from wherever they are named."""

import re

import pytest

from mgm_tf.config import checks, flag_files, paths, settings
from tests.config.test_settings import parsed

ENCODINGS = {
    "utf-8": "",
    "utf-8-sig": "",
    "utf-16": "mine.flags: expected UTF-8, found UTF-16; save it as UTF-8",
    "utf-16-le": "mine.flags: expected a text, found zero bytes",
    "utf-32": "mine.flags: expected UTF-8, found UTF-32",
    "latin-1": "mine.flags: expected UTF-8, found the byte 0xfc in line 2",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_are_read_or_named(tmp_path, encoding):
    path = tmp_path / "mine.flags"
    path.write_bytes("--image_size=64\n--manual_dir=für\n".encode(encoding))
    if ENCODINGS[encoding]:
        with pytest.raises(ValueError, match=re.escape(ENCODINGS[encoding])):
            flag_files.expanded([f"--flagfile={path}"])
    else:
        lines = flag_files.expanded([f"--flagfile={path}"])
        assert lines == ["--image_size=64", "--manual_dir=für"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_comments(tmp_path, end):
    lines = ["# why", "", "  --seed=1  ", "// more", "--notest", "--tasks=depth"]
    (tmp_path / "a.flags").write_bytes(end.join(lines).encode())
    expected = ["--seed=1", "--notest", "--tasks=depth"]
    assert flag_files.expanded([f"--flagfile={tmp_path}/a.flags"]) == expected


def test_files_name_others_and_later_ones_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.flags").write_text("--flagfile=b.flags\n--width=0.5\n")
    (tmp_path / "deep" / "b.flags").write_text("--seed=3\n--width=0.25\n")
    arguments = [
        "program",
        "--flagfile",
        "deep/a.flags",
        "--seed=4",
        "--",
        "--flagfile",
    ]
    assert flag_files.expanded(arguments) == [
        *("program", "--seed=3", "--width=0.25", "--width=0.5", "--seed=4"),
        *("--", "--flagfile"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--flagfile=loop.flags", "loop.flags: this flag file names itself"),
        ("--flagfile=gone.flags", "--flagfile=gone.flags: there is no such file, look"),
        ("--flagfile", "--flagfile: expected the name of a file"),
        (
            "image_size=64",
            "expected a flag a line, such as --image_size=64, found 'ima",
        ),
        ("[core]\na = 3", r"found '\[core\]'"),
    ],
)
def test_what_cannot_be_is_told_with_the_file(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.flags").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        flag_files.expanded(["--flagfile=loop.flags"])


def test_those_of_the_program_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = flag_files.expanded(
        ["--flagfile=configs/nyuv2.flags", "--flagfile=configs/variants/mgm_r.flags"]
    )
    assert "--dataset=nyuv2" in arguments and "--weak=real" in arguments
    with pytest.raises(FileNotFoundError) as refusal:
        flag_files.expanded(["--flagfile=configs/nyu.flags"])
    assert str(tmp_path) in str(refusal.value)
    assert str(paths.PROGRAM) in str(refusal.value)


@pytest.mark.parametrize("name", ["inf", "-inf", "nan", "1e400", "Infinity"])
@pytest.mark.parametrize("flag", ["learning_rate", "labelled_percent", "width"])
def test_numbers_are_finite(flag, name):
    message = f"flag --{flag}={name}: expected a finite number, found {name}"
    with pytest.raises(Exception, match=message):
        parsed(f"--{flag}={name}")


def test_the_settings_are_those_of_the_lines(tmp_path):
    (tmp_path / "a.flags").write_text("\ufeff--image_size=64\n--tasks=depth\n")
    config = parsed(*flag_files.expanded([f"--flagfile={tmp_path / 'a.flags'}"]))
    assert (config.data.image_size, config.data.tasks) == (64, ("depth",))
    assert isinstance(config, settings.Config)
    checks.check(config)
