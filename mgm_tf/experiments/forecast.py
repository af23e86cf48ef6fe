"""What experiments would take: how many runs, and roughly what they cost.

Rough: operations as counted for the three tasks at 128 pixels and full width (see
`costs`), scaled by pixels and channels. A row's true costs are in its report.
"""

import io
import pathlib
from collections.abc import Iterable

from mgm_tf.config.lengths import StageLength
from mgm_tf.config.settings import Config
from mgm_tf.experiments import runner
from mgm_tf.experiments.jobs import Choice, Job, Plan, plan

# Training examples of the paper's protocols, and of Rooms; of a folder, a guess.
EXAMPLES = {
    "nyuv2": 1049,
    "tiny_taskonomy": 286_740,
    "cityscapes_zurich": 88,
    "rooms": 2000,
    "folder": 1000,
}

# GFLOP for an image, of `python -m mgm_tf.train --dry_run` at 128 px and full width.
MULTI_TASK = 14.6
PLAYERS = 158.0  # a move of D and one of G
ON_REAL, ON_WEAK = 16.0, 20.0  # an auxiliary loss, with its part of making the images
WIDTHS = {"narrow": 1.0, "standard": 2.5}  # the latter with ResNet-34
AUXILIARY = {"none": 0}  # of what is none there is none
POLICIES = {"adashare": 2 * MULTI_TASK}

# --weak: how often the players move in stage 2 and, for each of their updates, in
# stage 3; whether there are weak images.
WEAK = {
    "synthetic": (1, 1, 1),
    "frozen": (1, 0, 1),
    "oracle": (1, 0, 1),
    "combined": (0, 0, 1),
    "real": (0, 0, 1),
    "none": (0, 0, 0),
}
PETA = 1e6  # GFLOP

# What a graphics card sustains on such networks; of a CPU core, a twentieth of it.
GPU_TERA = 10.0


def petaflop(job: Job) -> float:
    """The rough cost of a run in 10^15 operations."""
    settings = job.settings
    network, data = settings.network, settings.data
    pixels = (data.image_size / 128) ** 2
    large = WIDTHS[network.encoder_widths]
    total = sum(_images(settings, stage) * cost for stage, cost in _stages(settings))
    return total * pixels * network.width**2 * large / PETA


def _stages(settings: Config) -> Iterable[tuple[str, float]]:
    """(stage, GFLOP for an image)."""
    method = settings.method
    losses = (method.refinement, method.self_supervision)
    auxiliary = sum(AUXILIARY.get(name, 1) for name in losses)
    generative, joint, weak = WEAK[method.weak]
    yield "multi_task", MULTI_TASK
    yield "generative", PLAYERS * generative
    yield "policy", POLICIES.get(settings.network.sharing, 0.0)
    yield (
        "joint",
        MULTI_TASK
        + ON_REAL * auxiliary
        + PLAYERS * joint * method.generator_updates
        + ON_WEAK * auxiliary * method.synthesis_ratio * weak,
    )


def _images(settings: Config, stage: str) -> float:
    examples = EXAMPLES[settings.data.dataset] * settings.data.labelled_percent / 100
    batch_size = getattr(settings.schedule, f"{stage}_batch_size")
    size = max(min(batch_size, examples), 1)
    length = StageLength.parse(getattr(settings.schedule, f"{stage}_length"))
    return length.steps(round(examples), round(size)) * size


def overview(choice: Choice, workdir: pathlib.Path) -> str:
    """A table of tables: rows, runs, what is finished, rough cost."""
    text = io.StringIO()
    print(f"Scale {choice.scale}, {choice.seeds} seeds a row.\n", file=text)
    heads = f"{'runs':>6}{'done':>6}{'PFLOP':>10}{'GPU h':>8}"
    print(f"{'table':<7}{heads}  title and rows", file=text)
    every: dict[str, Job] = {}
    for table in choice.tables:
        one = Choice(**{**vars(choice), "tables": (table,)})
        title = f"{table.title}"
        try:
            jobs = plan(one, workdir).jobs
        except ValueError as error:
            print(f"{table.name:<7}{'-':>30}  {title}: {error}", file=text)
            continue
        every |= {job.name: job for job in jobs}
        print(f"{table.name:<7}{_numbers(jobs)}  {title}", file=text)
        for block in table.blocks:
            rows = ", ".join(row.name for row in block.rows)
            print(f"{'':<39}{block.name}: {rows}", file=text)
    print(f"{'all':<7}{_numbers(every.values())}  each run once", file=text)
    print(
        f"\nPFLOP: roughly, 10^15 operations; GPU h: hours at {GPU_TERA:g} TFLOP/s.",
        file=text,
    )
    return text.getvalue()


def _numbers(jobs: Iterable[Job]) -> str:
    jobs = list(jobs)
    done = sum(runner.is_finished(job.workdir) for job in jobs)
    cost = sum(map(petaflop, jobs))
    hours = cost * 1e3 / GPU_TERA / 3600
    return f"{len(jobs):>6}{done:>6}{cost:>10.3g}{hours:>8.2g}"


def forecast(made: Plan, at_once: int) -> str:
    """What is about to be run, in a sentence."""
    states = [runner.state_of(job.workdir) for job in made.jobs]
    cost = sum(
        petaflop(job)
        for job, state in zip(made.jobs, states, strict=True)
        if state != runner.FINISHED
    )
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in dict.fromkeys(states)
    )
    return (
        f"{len(states)} runs ({counts}), {at_once} at a time; "
        f"about {cost:.3g} PFLOP are left."
    )
