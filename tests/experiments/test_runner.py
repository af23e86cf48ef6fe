"""Jobs in processes: finished ones are skipped, needed ones come first."""

import json
import pathlib
import subprocess
import sys

import pytest

from mgm_tf.config.settings import Config, DataConfig
from mgm_tf.evaluate import records
from mgm_tf.experiments.jobs import Job
from mgm_tf.experiments.runner import (
    BEGUN,
    FINISHED,
    OTHER_METRICS,
    OUTPUT,
    Runner,
    is_finished,
    record_request,
    requests,
    state_of,
)

# A stand-in for a training: it notes which runs were finished when it began, and
# leaves the files that a training leaves.
SCRIPT = """
import json, pathlib, sys
workdir = pathlib.Path(sys.argv[1])
(workdir / "config.json").write_text("{}")
results = workdir.parent.glob("*/eval/test.best_of_joint.json")
finished = sorted(path.parent.parent.name for path in results)
(workdir / "saw.json").write_text(json.dumps(finished))
print("working on", workdir.name)
if sys.argv[2] == "fails":
    sys.exit("no such luck")
(workdir / "eval").mkdir(exist_ok=True)
(workdir / "eval" / "test.best_of_joint.json").write_text('{"metrics_version": 2}')
"""


class FakeJob(Job):
    """A job whose command is the script."""

    @property
    def command(self):
        return (sys.executable, "-c", SCRIPT, *self.arguments)


def job(folder, name, needs=(), outcome="ends", dataset="rooms"):
    settings = Config(data=DataConfig(dataset=dataset))
    workdir = folder / name
    return FakeJob(name, workdir, (str(workdir), outcome), tuple(needs), settings)


class ScriptProcess:
    """A process of the script, with the interface of `multiprocessing`."""

    def __init__(self, job):
        with (job.workdir / OUTPUT).open("wb") as output:
            self._process = subprocess.Popen(
                job.command, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def exitcode(self):
        return self._process.poll()


def run(*jobs, at_once=2):
    return Runner(jobs, at_once, ScriptProcess).run()


def saw(folder, name):
    return json.loads((folder / name / "saw.json").read_text())


def test_a_job_begins_when_those_it_needs_are_finished(tmp_path):
    a, b = job(tmp_path, "a"), job(tmp_path, "b")
    c = job(tmp_path, "c", needs=("a", "b"))
    assert run(a, b, c) == []
    assert saw(tmp_path, "c") == ["a", "b"]
    assert all(is_finished(each.workdir) for each in (a, b, c))
    assert "working on a" in (tmp_path / "a" / OUTPUT).read_text()


def test_a_finished_job_is_skipped(tmp_path):
    a = job(tmp_path, "a")
    run(a)
    (tmp_path / "a" / "saw.json").unlink()
    assert run(a, job(tmp_path, "b", needs=("a",))) == []
    assert not (tmp_path / "a" / "saw.json").exists()
    assert saw(tmp_path, "b") == ["a"]


def test_a_failure_is_returned_and_jobs_that_need_it_do_not_begin(tmp_path):
    a = job(tmp_path, "a", outcome="fails")
    b, c = job(tmp_path, "b", needs=("a",)), job(tmp_path, "c")
    failures = run(a, b, c)
    assert [failure.job.name for failure in failures] == ["a", "b"]
    assert "ended with 1" in failures[0].why and "no such luck" in failures[0].why
    assert failures[1].why == "It needs a."
    assert not b.workdir.exists() and is_finished(c.workdir)


def test_one_run_builds_a_data_set_and_others_wait(tmp_path):
    other = job(tmp_path, "d", dataset="nyuv2")
    jobs = [*(job(tmp_path, name) for name in "abc"), other]
    runner = Runner(jobs, 3, ScriptProcess)
    a, b, _, _ = runner._waiting
    runner._running[object()] = a
    assert not runner._may_start(b) and runner._may_start(other)
    a.workdir.mkdir()
    (a.workdir / BEGUN).write_text("{}")
    runner._built.add(("rooms", "", 128))
    assert runner._may_start(b)


def test_the_state_of_a_run_is_read_from_its_folder(tmp_path):
    assert state_of(tmp_path) == "not begun"
    (tmp_path / BEGUN).write_text("{}")
    assert state_of(tmp_path) == "begun"
    result = records.compared(tmp_path)
    result.parent.mkdir()
    result.write_text('{"metrics_version": 2}')
    assert state_of(tmp_path) == FINISHED and is_finished(tmp_path)
    for record in ("{}", '{"metrics_version": 3}'):
        result.write_text(record)
        assert state_of(tmp_path) == OTHER_METRICS and not is_finished(tmp_path)


def test_a_job_evaluated_by_other_rules_is_run_again(tmp_path):
    a = job(tmp_path, "a")
    result = records.compared(a.workdir)
    result.parent.mkdir(parents=True)
    result.write_text("{}")
    assert run(a, job(tmp_path, "b", needs=("a",))) == []
    assert is_finished(a.workdir) and saw(tmp_path, "b") == ["a"]


def test_the_requests_for_tables_are_kept_once(tmp_path):
    folder = tmp_path / "new"
    assert requests(folder) == []
    for request in ({"tables": ["2"]}, {"tables": ["3"]}, {"tables": ["2"]}):
        record_request(folder, request)
    assert requests(folder) == [{"tables": ["2"]}, {"tables": ["3"]}]


def test_a_signal_stops_the_runs_and_starts_no_other(tmp_path):
    runner = Runner([job(tmp_path, "a"), job(tmp_path, "b")], 1, ScriptProcess)
    runner._stop(None, None)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert list(pathlib.Path(tmp_path).iterdir()) == []
