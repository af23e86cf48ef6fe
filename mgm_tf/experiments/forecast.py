"""Forecasts the cost of experiments: how many runs, and roughly how many operations.

Operations are as counted for the three tasks at 128 pixels and full width, scaled by
pixels and channels. The measured costs of a row are in its report.
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

from mgm_tf.config.options import StageLength
from mgm_tf.config.settings import Config
from mgm_tf.config.weak_sources import WEAK_SOURCES
from mgm_tf.experiments import runner
from mgm_tf.experiments.jobs import Choice, Job, plan
from mgm_tf.plotting import terminal

# The number of training examples, by the paper's protocols; of a folder, a guess.
EXAMPLES = {
    "nyuv2": 1049,
    "tiny_taskonomy": 286_740,
    "cityscapes_zurich": 88,
    "rooms": 2000,
    "folder": 1000,
}

# GFLOP for an image, counted by `python -m mgm_tf.train --dry_run` at 128 pixels and
# full width.
MULTI_TASK = 14.6
ADVERSARIAL = 158.0  # an update of D and one of G
ON_REAL, ON_WEAK = 16.0, 20.0  # an auxiliary loss, with its share of making the images
WIDTHS = {"narrow": 1.0, "standard": 2.5}  # the latter with ResNet-34
# The part of the operations of a joint step with a learning G that is left when its
# updates share passes: 1,361 of 1,613 GFLOP at batch 4, by the benchmark.
SHARED = {"shared": 1361 / 1613, "sequential": 1.0}
POLICIES = {"adashare": 2 * MULTI_TASK}
NO_LOSS = "none"  # the choice of no auxiliary loss

GFLOP_PER_PFLOP = 1e6

COLUMNS = (
    terminal.Column("table", 7),
    terminal.Column("runs", 6, right=True),
    terminal.Column("done", 6, right=True),
    terminal.Column("PFLOP", 10, right=True),
    terminal.Column("GPU h", 8, right=True),
    terminal.Column("title and rows"),
)

# TFLOP/s that a graphics card sustains on such networks; a CPU core, a twentieth of it.
GPU_TFLOPS = 10.0


def run_cost(job: Job) -> float:
    """Returns the rough cost of a run in PFLOP, 10^15 operations."""
    settings = job.settings
    network, data = settings.network, settings.data
    pixels = (data.image_size / 128) ** 2
    encoder = WIDTHS[network.encoder_widths]
    total = sum(_images(settings, stage) * cost for stage, cost in _stages(settings))
    return total * pixels * network.width**2 * encoder / GFLOP_PER_PFLOP


def _stages(settings: Config) -> Iterable[tuple[str, float]]:
    """Yields each stage with its GFLOP for an image."""
    method = settings.method
    losses = (method.refinement, method.self_supervision)
    auxiliary = len(losses) - losses.count(NO_LOSS)
    weak = WEAK_SOURCES[method.weak]
    yield "multi_task", MULTI_TASK
    yield "generative", ADVERSARIAL * weak.generative
    yield "policy", POLICIES.get(settings.network.sharing, 0.0)
    joint = (
        MULTI_TASK
        + ON_REAL * auxiliary
        + ADVERSARIAL * weak.joint * method.generator_updates
        + ON_WEAK * auxiliary * method.synthesis_ratio * weak.images
    )
    yield "joint", joint * (SHARED[method.passes] if weak.joint else 1.0)


def _images(settings: Config, stage: str) -> float:
    """Returns the number of labelled images that a stage reads in all its steps."""
    examples = EXAMPLES[settings.data.dataset] * settings.data.labelled_percent / 100
    batch_size = getattr(settings.schedule, f"{stage}_batch_size")
    size = max(min(batch_size, examples), 1)
    length = StageLength.parse(getattr(settings.schedule, f"{stage}_length"))
    return length.steps(round(examples), round(size)) * size


def overview(choice: Choice, workdir: pathlib.Path) -> str:
    """Returns a listing of the tables: rows, runs, finished runs, rough costs."""
    rows: list[Sequence[str]] = []
    all_jobs: dict[str, Job] = {}
    for table in choice.tables:
        try:
            jobs = plan(dataclasses.replace(choice, tables=(table,)), workdir).jobs
        except ValueError as error:
            rows.append((table.name, "", "", "", "-", f"{table.title}: {error}"))
            continue
        all_jobs |= {job.name: job for job in jobs}
        rows.append((table.name, *_numbers(jobs), table.title))
        for block in table.blocks:
            names = ", ".join(row.name for row in block.rows)
            rows.append(("", "", "", "", "", f"{block.name}: {names}"))
    rows.append(("all", *_numbers(all_jobs.values()), "each run once"))
    return (
        f"Scale {choice.scale}, {choice.seeds} seeds a row.\n\n"
        f"{terminal.table(COLUMNS, rows)}\n\n"
        f"PFLOP: roughly, 10^15 operations; GPU h: hours at {GPU_TFLOPS:g} TFLOP/s.\n"
    )


def _numbers(jobs: Iterable[Job]) -> tuple[str, str, str, str]:
    """Returns the numbers of runs, of finished ones, and the rough costs."""
    jobs = list(jobs)
    finished = sum(runner.is_finished(job.workdir) for job in jobs)
    cost = sum(map(run_cost, jobs))
    hours = cost * 1e3 / GPU_TFLOPS / 3600
    return str(len(jobs)), str(finished), f"{cost:.3g}", f"{hours:.2g}"


def summary(jobs: Sequence[Job], at_once: int) -> str:
    """Returns a sentence on the jobs that are about to be run, `at_once` at a time."""
    states = [runner.state_of(job.workdir) for job in jobs]
    cost = sum(
        run_cost(job)
        for job, state in zip(jobs, states, strict=True)
        if state not in (runner.FINISHED, runner.OTHER_METRICS)
    )
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in dict.fromkeys(states)
    )
    return (
        f"{len(states)} runs ({counts}), {at_once} at a time; "
        f"about {cost:.3g} PFLOP are left."
    )
