"""Times the joint step of this program and of a plain PyTorch one, in turn.

    python -m tests.benchmark.against_peer --width=1 --batch_size=4 --windows=5

`pip install torch` first; see `peer.py`. At full width each program takes 4 GiB.
"""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import tensorflow as tf
from absl import flags

from mgm_tf import networks
from mgm_tf.benchmark import steps, timing
from mgm_tf.config import checks, settings
from mgm_tf.train import costs
from mgm_tf.train.experiment import Experiment

SIZE = 128
JOINT = "joint"
PEER = "PyTorch"

# Takes a step; returns its seconds and those of all cores.
Act = Callable[[], tuple[float, float]]


class Ours(NamedTuple):
    """A joint step of this program.

    Attributes:
      act: takes it.
      experiment: its experiment.
      flops: its operations.
    """

    act: Act
    experiment: Experiment
    flops: int


def ours(width: float, batch_size: int, passes: str, data_dir: str) -> Ours:
    """Makes the joint step on Rooms."""
    values = flags.FlagValues()
    settings.define_flags(values)
    choice = {
        "dataset": "rooms",
        "protocol": "smoke",
        "data_dir": data_dir,
        "image_size": SIZE,
        "tasks": "segmentation,depth,normals",
        "width": width,
        "joint_batch_size": batch_size,
        "joint_length": "1steps",
        "passes": passes,
    }
    values(["peer", *(f"--{name}={value}" for name, value in choice.items())])
    experiment = Experiment(checks.from_flags(values))
    stage = next(stage for stage in experiment.stages if stage.name == JOINT)
    with tempfile.TemporaryDirectory() as workdir:
        batches = steps._batches(experiment, stage, pathlib.Path(workdir))
    model = experiment.model(stage, experiment.optimizers(stage))
    take = steps._act(experiment, model, batches)
    timing.first_call(take)

    def act() -> tuple[float, float]:
        begin, cpu = time.perf_counter(), time.process_time()
        take()
        return time.perf_counter() - begin, time.process_time() - cpu

    return Ours(act, experiment, costs.flops(model.step_graph))


class Peer:
    """The other program, in a process of its own, which waits while others compute.

    Attributes:
      parameters: the number of parameters of each network.
    """

    def __init__(self, *arguments: str):
        command = [sys.executable, "-m", "tests.benchmark.peer", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)
        self.parameters: Mapping[str, int] = self._answer()

    def _answer(self) -> dict | list:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The other program has ended; what it said is above.")
        return json.loads(line)

    def step(self) -> tuple[float, float]:
        """Takes a step, whose loss is a number."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds, cpu_seconds, loss = self._answer()
        if loss != loss:
            raise FloatingPointError("The loss of the other program is not a number.")
        return seconds, cpu_seconds

    def end(self) -> None:
        """Ends the process."""
        self._process.communicate()


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[Peer]:
    """Starts the other program for as long as the context lasts."""
    peer = Peer(*arguments)
    try:
        yield peer
    finally:
        peer.end()


def main() -> None:
    """Measures all in turn and prints milliseconds, their spread and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--passes", nargs="+", default=["shared"])
    parser.add_argument("--channels_last", action="store_true")
    parser.add_argument("--data_dir", default="data")
    chosen = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
    acts: dict[str, Act] = {}
    with contextlib.ExitStack() as stack:
        for passes in chosen.passes:
            name = f"{passes} passes"
            acts[name], experiment, flops = ours(
                chosen.width, chosen.batch_size, passes, chosen.data_dir
            )
            print(f"{name}: {flops / 1e9:,.0f} GFLOP a step", flush=True)
        given = {
            "tasks": json.dumps({t.name: t.output_channels for t in experiment.tasks}),
            "classes": experiment.data.scene_classes.size,
            "width": chosen.width,
            "batch_size": chosen.batch_size,
            "threads": chosen.threads,
        }
        arguments = [f"--{name}={value}" for name, value in given.items()]
        more = ["--channels_last"] if chosen.channels_last else []
        peer = stack.enter_context(started(*arguments, *more))
        if peer.parameters != networks.parameter_counts(experiment.networks):
            raise ValueError(f"The networks differ: {peer.parameters}")
        peer.step()
        acts[PEER] = peer.step
        times: dict[str, list] = {name: [] for name in acts}
        for _ in range(chosen.windows):
            for name, act in acts.items():
                times[name].append(act())
    report({n: timing.Timing(*zip(*t, strict=True)) for n, t in times.items()})


def report(timings: Mapping[str, timing.Timing]) -> None:
    """Prints a line for each program."""
    for name, measured in timings.items():
        speed, low, high = timing.ratios(timings[PEER], measured)
        print(
            f"{name:<24}{measured!s:>30} ms{1e3 * measured.cpu_median:>10,.0f} CPU ms  "
            f"{speed:.2f} ({low:.2f}-{high:.2f}) of the speed of {PEER}"
        )


if __name__ == "__main__":
    main()
