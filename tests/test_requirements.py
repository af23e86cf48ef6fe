"""The lock: every required version is in it, with hashes and no place to fetch from."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()


def test_every_required_version_is_locked_with_hashes():
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+).*\\\n    --hash", LOCK, re.M))
    locked = {name.lower().replace("_", "-"): v for name, v in locked.items()}
    required = [
        line.strip().lower().replace("_", "-").split("==")
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
        if "==" in line and not line.startswith("#")
    ]
    assert len(required) > 20
    for name, version in required:
        assert locked[name] == version, f"{name}: `make lock` is to be run"


def test_nothing_says_where_packages_come_from():
    assert "://" not in LOCK
