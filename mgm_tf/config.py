"""Everything that can be set, once, and what cannot be.

The dataclasses generate the flags (`options`); `from_flags` is the mirror image. Other
modules take plain arguments; only floor 4 and above read a `Config`.
"""

# No `from __future__ import annotations` here: it would turn field types into strings.
import dataclasses
import re
from typing import Literal

from absl import flags

from mgm_tf import options
from mgm_tf.options import option

ALL_TASKS = ("all",)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which examples, and which of their labels."""

    dataset: Literal[
        "rooms", "nyuv2", "tiny_taskonomy", "cityscapes_zurich", "folder"
    ] = option("rooms", "Data set (`datasets/`).")
    protocol: str = option(
        "", "How the data set is split; its README lists the names, and the usual one."
    )
    image_size: int = option(128, "Height and width in pixels: 64, 128 or 256.")
    tasks: tuple[str, ...] = option(
        ("segmentation", "depth", "normals"),
        "Tasks to learn, separated by commas; `all`: those that the data have.",
    )
    target_coding: str = option(
        "", "What networks are taught, of the codings of the data set; its usual one."
    )
    labelled_percent: float = option(
        100.0, "Percent of the training examples whose label maps are used."
    )
    weak_percent: float = option(
        0.0,
        "Percent of the training examples that --weak=real takes besides, with their "
        "scene label only; 0: the data set's own weak images, else as many as are "
        "labelled.",
    )
    split_seed: int = option(0, "Of which training examples are labelled.")
    scene_labels: Literal["given", "cluster"] = option(
        "given", "cluster: pseudo classes, k-means on E's features after stage 1."
    )
    scene_clusters: int = option(8, "How many of them.")
    augmentation: Literal["none", "flip", "flip_crop"] = option(
        "none", "Geometric augmentation of labelled images; none in the paper."
    )
    data_dir: str = option("data", "Where built data sets are kept.", habit=True)
    manual_dir: str = option("", "Where the files lie that you fetched.", habit=True)
    check_data: Literal["refuse", "warn"] = option(
        "refuse", "What errors of the short audit before a training do.", habit=True
    )
    max_damaged: float = option(
        0.001, "Fraction of damaged frames that a build may leave out.", habit=True
    )
    cache: Literal["auto", "memory", "disk"] = option(
        "auto",
        "Keep decoded examples in memory; auto: if they take less than half of what is "
        "free.",
        habit=True,
    )


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The networks."""

    encoder: Literal["resnet18", "resnet34"] = option("resnet18", "Layers of E.")
    encoder_widths: Literal["narrow", "standard"] = option(
        "narrow", "narrow: 48-96-192-360 as the paper; standard: 64-128-256-512."
    )
    output_stride: int = option(16, "Pixels per step of E's features: 16 or 32.")
    decoder: Literal["taskgrouping", "taskonomy"] = option(
        "taskgrouping", "Decoder of each task."
    )
    gan: Literal["sagan", "dcgan"] = option("sagan", "Generator and discriminator.")
    width: float = option(1.0, "Factor on the channels of every network.")


@dataclasses.dataclass(frozen=True)
class MethodConfig:
    """The rows of Algorithm 1."""

    weak: Literal["synthetic", "real", "none"] = option(
        "synthetic",
        "Images with a scene label only; real is MGM_r (Table 2), none MGM/G.",
    )
    synthesis_labels: Literal["minibatch", "training", "marginals"] = option(
        "minibatch",
        "The labels of what is synthesized: those of the minibatch, of random training "
        "images, or drawn by the classes' frequencies.",
    )
    refinement: Literal["eml", "peoe", "lset", "none"] = option(
        "eml", "How the refinement network is trained (Table 9)."
    )
    self_supervision: Literal["simclr", "none"] = option(
        "simclr", "What E learns from images alone (Table 4)."
    )
    generator_updates: int = option(
        2, "Times (discriminator, generator) are updated in a joint step."
    )
    temperature: float = option(0.5, "Temperature of NT-Xent, eq. (6).")
    instance_noise: float = option(
        0.01, "Standard deviation of the noise on what the discriminator sees."
    )
    moving_statistics: Literal["home", "trained", "everywhere"] = option(
        "home",
        "When a network's moving averages advance: in its home update, in every update "
        "that trains it, in every pass.",
    )


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """The three stages of appendix B and their optimizers."""

    multi_task_length: str = option("100epochs", "Stage 1, `100epochs` or `500steps`.")
    generative_length: str = option("500epochs", "Stage 2: G and the embedding.")
    joint_length: str = option("300epochs", "Stage 3: everything.")
    multi_task_batch_size: int = option(32, "Examples in a step of stage 1.")
    generative_batch_size: int = option(128, "Examples in a step of stage 2.")
    joint_batch_size: int = option(32, "Examples in a step of stage 3.")
    learning_rate: float = option(1e-3, "Of E, the decoders, R and E_self.")
    generator_learning_rate: float = option(1e-4, "Of G.")
    embedding_learning_rate: float = option(1e-3, "Of the embedding of E(x).")
    discriminator_learning_rate: float = option(4e-4, "Of D.")
    gan_beta_1: float = option(0.0, "Adam's beta 1 of G, D and the embedding.")
    weight_decay: float = option(1e-4, "L2 penalty on E, decoders, R and E_self.")
    optimizers: Literal["per_network", "per_update"] = option(
        "per_network", "One Adam for each network, or for each network of each update."
    )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """How the run goes and what it shows."""

    seed: int = option(0, "Of the weights, the order of examples and all noise.")
    replicas: int = option(
        0, "0: all GPUs seen, else one device; n on a CPU: n logical devices."
    )
    log_every: int = option(50, "Steps between lines of scalars.", habit=True)
    evaluate_every: int = option(500, "Steps between validations.", habit=True)
    picture_every: int = option(500, "Steps between pictures.", habit=True)
    checkpoint_every: int = option(500, "Steps between checkpoints.", habit=True)
    evaluation_batch_size: int = option(32, "Examples at once.", habit=True)
    steps_per_execution: int = option(1, "Steps in one call of the graph.", habit=True)
    jit_compile: bool = option(False, "Compile the step by XLA.", habit=True)


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    method: MethodConfig = MethodConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: RunConfig = RunConfig()


def define_flags(values: flags.FlagValues = flags.FLAGS, group=Config) -> None:
    """Defines one flag for each setting of `group`."""
    options.define_flags(group, values)


def from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """The checked `Config` of parsed flags.

    Raises:
      ValueError: see `check`.
    """
    config = options.from_flags(Config, values)
    check(config)
    return config


@dataclasses.dataclass(frozen=True)
class Length:
    """How long a stage lasts: an amount of `epochs` or `steps`."""

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Length":
        """Reads `100epochs`, `0.5epochs` or `2000steps`.

        Raises:
          ValueError: it is neither.
        """
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(epochs|steps)", text.strip())
        if match is None:
            raise ValueError(
                f"A length is written like 100epochs or 2000steps; received {text!r}."
            )
        return cls(float(match[1]), match[2])

    def steps(self, examples: int, batch_size: int) -> int:
        """The number of steps over `examples`; not less than one unless 0 is asked."""
        exact = {"steps": self.amount, "epochs": self.amount * examples / batch_size}
        return max(round(exact[self.unit]), int(self.amount > 0))


def _rules(config: Config):
    """Yields (what is wrong, whether it is) for all settings."""
    chosen = (config.data.scene_labels, config.method.synthesis_labels)
    yield (
        f"--weak_percent={config.data.weak_percent:g} is of --weak=real; --weak is "
        f"{config.method.weak}",
        config.data.weak_percent > 0 and config.method.weak != "real",
    )
    yield (
        "--scene_labels=cluster: the frequencies of clusters are not known beforehand; "
        "--synthesis_labels=training draws by them as well as marginals",
        chosen == ("cluster", "marginals"),
    )
    yield from _data_rules(config.data)
    yield from _network_rules(config.network)
    yield from _method_rules(config.method)
    yield from _schedule_rules(config.schedule, config.run.replicas)
    yield from _run_rules(config.run)


def _data_rules(data: DataConfig):
    yield "--tasks: name at least one task", not data.tasks
    yield (
        f"--tasks={','.join(data.tasks)}: `all` stands alone",
        "all" in data.tasks and len(data.tasks) > 1,
    )
    yield (
        f"--tasks={','.join(data.tasks)}: a task is named twice",
        len(set(data.tasks)) < len(data.tasks),
    )
    yield (
        f"--image_size={data.image_size}: 64, 128 or 256 is possible",
        data.image_size not in (64, 128, 256),
    )
    yield (
        f"--labelled_percent={data.labelled_percent:g}: above 0 and up to 100",
        not 0 < data.labelled_percent <= 100,
    )
    yield (
        f"--weak_percent={data.weak_percent:g}: from 0 to 100",
        not 0 <= data.weak_percent <= 100,
    )
    yield f"--split_seed={data.split_seed}: 0 or more", data.split_seed < 0
    yield f"--scene_clusters={data.scene_clusters}: 2 or more", data.scene_clusters < 2
    yield (
        f"--max_damaged={data.max_damaged:g}: from 0 to 1",
        not 0 <= data.max_damaged <= 1,
    )


def _network_rules(network: NetworkConfig):
    yield (
        f"--output_stride={network.output_stride}: 16 or 32 is possible",
        network.output_stride not in (16, 32),
    )
    yield (
        "--decoder=taskonomy has four stages and needs --output_stride=16",
        (network.decoder, network.output_stride) == ("taskonomy", 32),
    )
    yield (
        f"--width={network.width}: a factor above 0 and up to 4 is possible",
        not 0 < network.width <= 4,
    )


def _method_rules(method: MethodConfig):
    yield f"--temperature={method.temperature}: above 0", not method.temperature > 0
    yield (
        f"--instance_noise={method.instance_noise}: 0 or more",
        not method.instance_noise >= 0,
    )
    yield (
        f"--generator_updates={method.generator_updates}: at least 1",
        method.generator_updates < 1,
    )


def _schedule_rules(schedule: ScheduleConfig, replicas: int):
    for name, value in dataclasses.asdict(schedule).items():
        if name.endswith("batch_size"):
            yield f"--{name}={value}: a batch has at least 2 examples", value < 2
            uneven = value % max(replicas, 1) != 0
            yield f"--{name}={value} cannot be split over --replicas={replicas}", uneven
        if name.endswith("learning_rate"):
            yield f"--{name}={value}: above 0", not value > 0
        if name.endswith("length"):
            yield from _length_rules(name, value)
    yield (
        f"--weight_decay={schedule.weight_decay}: 0 or more",
        not schedule.weight_decay >= 0,
    )
    yield (
        f"--gan_beta_1={schedule.gan_beta_1}: in [0, 1)",
        not 0 <= schedule.gan_beta_1 < 1,
    )


def _length_rules(name: str, text: str):
    try:
        Length.parse(text)
    except ValueError as error:
        yield f"--{name}: {error}", True


def _run_rules(run: RunConfig):
    for name in (
        "log_every",
        "evaluate_every",
        "picture_every",
        "checkpoint_every",
        "evaluation_batch_size",
        "steps_per_execution",
    ):
        yield f"--{name} must be at least 1", getattr(run, name) < 1
    yield f"--seed={run.seed}: in [0, 2**32)", not 0 <= run.seed < 2**32
    yield f"--replicas={run.replicas}: a number of 0 or more", run.replicas < 0
    for text in _alone(run):
        yield f"{text} with --replicas={run.replicas}", run.replicas > 1


def _alone(run: RunConfig):
    """Yields what several replicas cannot do (fails inside them on TensorFlow 2.21)."""
    if run.steps_per_execution > 1:
        yield f"--steps_per_execution={run.steps_per_execution} does not work"
    if run.jit_compile:
        yield "--jit_compile does not work"


def check_alone(run: RunConfig, found: str) -> None:
    """Refuses what only one device can do, where several were `found`.

    Raises:
      ValueError: see `check`.
    """
    wrong = [f"{text} on {found}; --replicas=1 takes one" for text in _alone(run)]
    if wrong:
        raise ValueError("\n".join(wrong))


def check(config: Config) -> None:
    """Refuses impossible and contradictory settings, all of them at once.

    Raises:
      ValueError: with one line for each setting that cannot be.
    """
    wrong = [text for text, is_wrong in _rules(config) if is_wrong]
    if wrong:
        raise ValueError("These settings cannot be:\n  " + "\n  ".join(wrong))
