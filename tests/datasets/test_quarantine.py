"""What a build leaves out is listed, and too much of it stops the build."""

import json

import pytest

from datasets import quarantine
from datasets.quarantine import Quarantine, TooManyDamaged


def filled(path, number, max_damaged):
    damaged = Quarantine(path, max_damaged)
    for index in reversed(range(number)):
        damaged.add(f"frame_{index:02d}", f"/data/{index:02d}.png", "truncated")
    return damaged


def test_a_few_may_be_left_out(tmp_path):
    damaged = filled(tmp_path / "new" / "q.json", 3, 0.001)
    damaged.check(3000)
    assert not damaged.path.exists()
    damaged.write()
    rows = [
        {"name": f"frame_0{i}", "file": f"/data/0{i}.png", "reason": "truncated"}
        for i in range(3)
    ]
    assert json.loads(damaged.path.read_text()) == {"damaged": rows, "seen": 3000}
    assert quarantine.read(damaged.path) == rows
    assert [path.name for path in damaged.path.parent.iterdir()] == ["q.json"]


@pytest.mark.parametrize(
    ("number", "max_damaged", "seen", "stops"),
    [
        (1, 0.0, 10**6, True),
        (0, 0.0, 10, False),
        (1, 0.001, 999, True),
        (1, 0.001, 1000, False),
        # 0.29 * 100 is 28.999999999999996 in floating point.
        (29, 0.29, 100, False),
        (30, 0.29, 100, True),
        (5, 1.0, 5, False),
    ],
)
def test_the_limit_is_a_fraction_of_what_was_seen(
    tmp_path, number, max_damaged, seen, stops
):
    damaged = filled(tmp_path / "q.json", number, max_damaged)
    if stops:
        with pytest.raises(TooManyDamaged):
            damaged.check(seen)
    else:
        damaged.check(seen)
    assert damaged.path.exists() == stops


def test_the_error_lists_twenty_and_tells_where_all_are(tmp_path):
    damaged = filled(tmp_path / "q.json", 22, 0.01)
    with pytest.raises(TooManyDamaged) as error:
        damaged.check(500)
    lines = str(error.value).splitlines()
    assert lines[0] == (
        "22 of 500 frames are damaged or lack a file; --max_damaged=0.01 allows 5. "
        f"All are listed in {tmp_path / 'q.json'}:"
    )
    assert lines[1] == "  frame_00: /data/00.png: truncated"
    assert lines[20] == "  frame_19: /data/19.png: truncated"
    assert lines[21] == "  and 2 more" and len(lines) == 22
    assert len(quarantine.read(damaged.path)) == 22


def test_a_file_is_named_once(tmp_path):
    damaged = Quarantine(tmp_path / "q.json", 0)
    damaged.add("a", "/x.png", "/x.png: torn")
    with pytest.raises(TooManyDamaged, match=r"\n  a: /x.png: torn$"):
        damaged.check(1)


def test_no_list_is_an_empty_one(tmp_path):
    assert quarantine.read(tmp_path / "q.json") == []


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "q.json").write_text(text)
    with pytest.raises(ValueError, match=r"q.json: .*Remove the data set and"):
        quarantine.read(tmp_path / "q.json")


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_the_fraction_is_checked(tmp_path, fraction):
    with pytest.raises(ValueError, match="from 0 to 1"):
        Quarantine(tmp_path / "q.json", fraction)
