"""TF_CONFIG: what it says, what is refused, and how clusters' files make it."""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

from mgm_tf.config import cluster
from mgm_tf.config.cluster import Cluster

FOLDER = pathlib.Path(__file__).parents[2] / "configs" / "cluster"
TWO = ["a:2222", "b:2222"]


def read(value: object) -> Cluster | None:
    text = value if isinstance(value, str) else json.dumps(value)
    return cluster.from_environment({"TF_CONFIG": text})


def config(jobs: object, kind: object = "worker", index: object = 0) -> dict:
    return {"cluster": jobs, "task": {"type": kind, "index": index}}


def test_workers_are_numbered_and_the_chief_is_the_first():
    assert read(config({"worker": TWO}, index=1)) == Cluster(("a:2222", "b:2222"), 1)
    with_chief = {"worker": ["b:1", "[::1]:1"], "chief": ["a:1"]}
    addresses = ("a:1", "b:1", "[::1]:1")
    assert read(config(with_chief, "chief")) == Cluster(addresses, 0)
    assert read(config(with_chief, index=1)) == Cluster(addresses, 2)
    assert read(cluster.EXAMPLE) == Cluster(("host0:2222", "host1:2222"), 0)


def test_a_single_worker_needs_no_others():
    assert cluster.from_environment({}) is None
    assert read("") is None and read({}) is None
    assert read(config({"worker": ["a:2222"]})) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{'cluster'", "expected JSON; found \"{'cluster'\""),
        ([1], "expected an object of JSON; found [1]"),
        ({"task": {}}, "expected `cluster` with the addresses of each `worker`"),
        (config({"worker": []}), "expected `cluster` with the addresses"),
        (config({"worker": TWO, "ps": ["c:1"]}), "alone (all machines train alike)"),
        (config({"worker": "a:2222"}), "a list of addresses for 'worker'"),
        (config({"worker": ["a:1", "b"]}), "HOST:PORT for each 'worker'; found 'b'"),
        (config({"worker": ["a:1", ":1"]}), "HOST:PORT for each 'worker'; found ':1'"),
        (config({"worker": ["a:1", "b:99999"]}), "found 'b:99999'"),
        (config({"worker": ["a:1", 7]}), "HOST:PORT for each 'worker'; found 7"),
        (config({"worker": ["a:1", "a:1"]}), "for each worker; found a:1 twice"),
        (config({"worker": TWO, "chief": TWO}), "expected one address for `chief`"),
        ({"cluster": {"worker": TWO}}, "`task` with `type` and `index`; found None"),
        (
            config({"worker": TWO}, "chief"),
            "that the cluster has: worker; found 'chief'",
        ),
        (config({"worker": TWO}, index=2), "`index` from 0 to 1 of 'worker'; found 2"),
        (config({"worker": TWO}, index="1"), "`index` from 0 to 1 of 'worker'"),
        (config({"worker": TWO}, index=True), "`index` from 0 to 1 of 'worker'"),
    ],
)
def test_what_is_wrong_is_said(value, words):
    with pytest.raises(ValueError) as error:
        read(value)
    assert words in str(error.value)
    assert str(error.value).startswith("TF_CONFIG: expected ")
    assert "Unset it to train on this machine alone." in str(error.value)


def test_shell_files_are_sound():
    for path in (FOLDER / "tf_config.sh", FOLDER / "train.sbatch"):
        subprocess.run(["bash", "-n", str(path)], check=True)


def executable(path: pathlib.Path, text: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("code", "requeued"), [(0, ""), (2, ""), (75, "requeue 123")])
def test_slurm_gives_each_machine_its_task(tmp_path, code, requeued):
    # Programs in the place of Slurm's, and of the training.
    executable(
        tmp_path / "scontrol",
        '[ "$1" = show ] && printf "n1\\nn2\\nn3\\n" || '
        f'echo "$@" >> {tmp_path}/control',
    )
    executable(
        tmp_path / "srun",
        'shift; for i in 0 1 2; do SLURM_PROCID=$i "$@"; code=$?; done; exit $code',
    )
    (tmp_path / "configs").symlink_to(FOLDER.parent)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    record = f'echo "$TF_CONFIG" >> {tmp_path}/tasks; echo "$@" >> {tmp_path}/flags'
    executable(tmp_path / ".venv/bin/python", f"{record}; exit {code}")
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "123",
        "SLURM_JOB_NODELIST": "n[1-3]",
    }
    ended = subprocess.run(
        ["bash", str(FOLDER / "train.sbatch"), "--flagfile=a b.flags"],
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert ended.returncode == code
    addresses = ("n1:20123", "n2:20123", "n3:20123")
    tasks = (tmp_path / "tasks").read_text().splitlines()
    assert [read(task) for task in tasks] == [Cluster(addresses, i) for i in range(3)]
    flags = (tmp_path / "flags").read_text().splitlines()
    assert flags == ["-m mgm_tf.train --flagfile=a b.flags"] * 3
    control = tmp_path / "control"
    assert (control.read_text().strip() if control.exists() else "") == requeued


def test_kubernetes_gives_each_pod_its_task(tmp_path):
    service, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    (workers,) = (each["value"] for each in container["env"])
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(workers)
    # The names of pods, JOB-INDEX.SUBDOMAIN, are those of the service.
    names = {service["metadata"]["name"], service["spec"]["selector"]["job-name"]}
    assert names == {pod["subdomain"]} == {job["metadata"]["name"]}
    assert service["spec"]["clusterIP"] == "None"
    # What goes on by the same command is no failure.
    fail, go_on, _ = spec["podFailurePolicy"]["rules"]
    assert (fail["action"], fail["onExitCodes"]["values"]) == ("FailJob", [2])
    assert (go_on["action"], go_on["onExitCodes"]["values"]) == ("Ignore", [75])
    executable(tmp_path / "python", f'echo "$TF_CONFIG" > {tmp_path}/task')
    (port,) = (each["containerPort"] for each in container["ports"])
    addresses = tuple(f"mgm-{n}.mgm:{port}" for n in range(int(workers)))
    for index in range(int(workers)):
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "JOB_COMPLETION_INDEX": str(index),
            "WORKERS": workers,
        }
        command = container["command"]
        subprocess.run(command, cwd=FOLDER.parents[1], env=environment, check=True)
        task = (tmp_path / "task").read_text()
        assert read(task) == Cluster(addresses, index)
