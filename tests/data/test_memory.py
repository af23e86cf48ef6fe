"""The memory that is free, of the machine and of the groups that a process is in."""

import pytest

from mgm_tf.data import memory


def files(root, texts):
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


MEMINFO = "MemTotal: 900 kB\nMemFree: 1 kB\nMemAvailable:     500 kB\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, None),
        ({"proc/meminfo": MEMINFO}, 500 * 1024),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "0::/a/b\n",
                "groups/a/b/memory.max": "max\n",
                "groups/a/b/memory.current": "70000\n",
                "groups/a/memory.max": "100000\n",
                "groups/a/memory.current": "90000\n",
                "groups/a/memory.stat": "anon 5\ninactive_file 3000\n",
            },
            13_000,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "5:cpu:/x\n4:memory:/elsewhere\n",
                "groups/memory/memory.limit_in_bytes": "1000\n",
                "groups/memory/memory.usage_in_bytes": "1200\n",
            },
            0,
        ),
    ],
    ids=["unknown", "machine", "version 2", "version 1"],
)
def test_free_memory_is_the_least_of_all_limits(tmp_path, monkeypatch, texts, expected):
    files(tmp_path, texts)
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "groups")
    assert memory.available() == expected
