"""Everything that can be set, once, and what cannot be.

The dataclasses generate the flags (`options`); `from_flags` is the mirror image. Other
modules take plain arguments; only floor 4 and above read a `Config`.
"""

# No `from __future__ import annotations` here: it would turn field types into strings.
import dataclasses
from typing import Literal

from absl import flags

from mgm_tf.config import options
from mgm_tf.config.checks import check
from mgm_tf.config.options import option

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
    scene_labels: Literal["given", "objects", "cluster"] = option(
        "given",
        "objects: which classes of the segmentation are in the image, several labels "
        "an image; cluster: pseudo classes, k-means on E's features after stage 1.",
    )
    scene_clusters: int = option(8, "How many of them.")
    augmentation: Literal["none", "flip", "flip_crop"] = option(
        "none", "Geometric augmentation of labelled images; none in the paper."
    )
    data_dir: str = option("data", "Where built data sets are kept.", may_change=True)
    manual_dir: str = option(
        "", "Where the files lie that you fetched.", may_change=True
    )
    check_data: Literal["refuse", "warn"] = option(
        "refuse",
        "What errors of the short audit before a training do.",
        may_change=True,
    )
    max_damaged: float = option(
        0.001, "Fraction of damaged frames that a build may leave out.", may_change=True
    )
    cache: Literal["auto", "memory", "disk"] = option(
        "auto",
        "Keep decoded examples in memory; auto: if they take less than half of what is "
        "free.",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The networks."""

    encoder: Literal["resnet10", "resnet18", "resnet34"] = option(
        "resnet18", "Layers of E."
    )
    encoder_widths: Literal["narrow", "standard"] = option(
        "narrow", "narrow: 48-96-192-360 as the paper; standard: 64-128-256-512."
    )
    output_stride: int = option(16, "Pixels per step of E's features: 16 or 32.")
    decoder: Literal["taskgrouping", "taskonomy"] = option(
        "taskgrouping", "Decoder of each task."
    )
    sharing: Literal["hard", "cross_stitch", "adashare", "task_grouping"] = option(
        "hard", "What tasks share: one encoder, or as a baseline of Table 6 has it."
    )
    task_groups: tuple[str, ...] = option(
        ("segmentation+normals", "depth+normals"),
        "Of --sharing=task_grouping: the tasks of each network. A task is read from "
        "the last that has it.",
    )
    gan: Literal["sagan", "dcgan"] = option("sagan", "Generator and discriminator.")
    width: float = option(1.0, "Factor on the channels of every network.")


@dataclasses.dataclass(frozen=True)
class MethodConfig:
    """The rows of Algorithm 1."""

    weak: Literal["synthetic", "frozen", "combined", "oracle", "real", "none"] = option(
        "synthetic",
        "Images beside the labelled ones: of G as it learns; of a G trained before, "
        "from noise (MGM/j); of the G of other runs (MGM-Combine); with an oracle's "
        "label maps (ST_G); real ones with a scene label only (MGM_r); none (MGM/G).",
    )
    synthesis_ratio: float = option(
        1.0, "Synthesized images for each labelled one in a step."
    )
    synthesis_labels: Literal["minibatch", "training", "marginals"] = option(
        "minibatch",
        "The labels of what is synthesized: those of the minibatch, of random training "
        "images, or drawn by the classes' frequencies.",
    )
    refinement: Literal["eml", "peoe", "lset", "none"] = option(
        "eml", "How the refinement network is trained (Table 9)."
    )
    em: Literal["gradient", "latent"] = option(
        "gradient",
        "How E learns from the scene of weak images: by the gradient of Algorithm 1, "
        "or by fitting predictions found as in eqs. (4) and (5).",
    )
    em_steps: int = option(5, "Gradient steps on the predictions of --em=latent.")
    em_rate: float = option(0.1, "Their length; a pixel moves by it times its slope.")
    self_supervision: Literal["simclr", "reconstruction", "none"] = option(
        "simclr", "What E learns from images alone (Table 4)."
    )
    generator_updates: int = option(
        2, "Times (discriminator, generator) are updated in a joint step."
    )
    generator_average: float = option(
        0.0, "Decay of a running average of G that synthesizes in its place; 0: none."
    )
    discriminator_augmentation: Literal["none", "diffaugment"] = option(
        "none", "What D sees, real or not, is augmented by it."
    )
    task_weighting: Literal["equal", "uncertainty", "dwa"] = option(
        "equal", "Weights of the tasks' losses."
    )
    gradient_surgery: Literal["none", "pcgrad"] = option(
        "none", "What is done where the tasks' gradients of E conflict."
    )
    policy_temperature: float = option(5.0, "AdaShare: of the first policies drawn.")
    policy_temperature_decay: float = option(
        0.965, "AdaShare: factor on it for each pass over the examples."
    )
    policy_sparsity: float = option(0.001, "AdaShare: weight of the sparsity loss.")
    policy_sharing: float = option(0.05, "AdaShare: weight of the sharing loss.")
    policy_curriculum: float = option(
        0.15, "AdaShare: part of the policy stage until all blocks are under policy."
    )
    policy_draw: int = option(
        0, "AdaShare: 0: the most probable policy is retrained; n: the n-th drawn one."
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
class SourceConfig:
    """Other runs that this one takes weights from, and what it leaves as it is."""

    start_from: tuple[str, ...] = option(
        (),
        "Folders of runs whose E and decoders this one starts with; of cross-stitch, "
        "one for each task.",
        folder=True,
    )
    freeze: tuple[str, ...] = option(
        (), "Networks that are not trained, such as `encoder` (Table 11)."
    )
    generators_from: tuple[str, ...] = option(
        (), "Of --weak=combined: folders of the runs whose G synthesize.", folder=True
    )
    oracle: str = option(
        "",
        "Of --weak=oracle: folder of the run that labels what is synthesized.",
        folder=True,
    )


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """The three stages of appendix B, AdaShare's policies, and their optimizers."""

    multi_task_length: str = option("100epochs", "Stage 1, `100epochs` or `500steps`.")
    generative_length: str = option("500epochs", "Stage 2: G and the embedding.")
    policy_length: str = option("100epochs", "AdaShare's policies, before stage 3.")
    joint_length: str = option("300epochs", "Stage 3: everything.")
    multi_task_batch_size: int = option(32, "Examples in a step of stage 1.")
    generative_batch_size: int = option(128, "Examples in a step of stage 2.")
    policy_batch_size: int = option(32, "Examples in a step of the policies' stage.")
    joint_batch_size: int = option(32, "Examples in a step of stage 3.")
    learning_rate: float = option(1e-3, "Of E, the decoders, R and E_self.")
    generator_learning_rate: float = option(1e-4, "Of G.")
    embedding_learning_rate: float = option(1e-3, "Of the embedding of E(x).")
    discriminator_learning_rate: float = option(4e-4, "Of D.")
    policy_learning_rate: float = option(1e-2, "Of AdaShare's policy.")
    stitch_learning_rate: float = option(1e-3, "Of the units of cross-stitch.")
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
    log_every: int = option(50, "Steps between lines of scalars.", may_change=True)
    evaluate_every: int = option(500, "Steps between validations.", may_change=True)
    picture_every: int = option(500, "Steps between pictures.", may_change=True)
    checkpoint_every: int = option(500, "Steps between checkpoints.", may_change=True)
    evaluation_batch_size: int = option(32, "Examples at once.", may_change=True)
    steps_per_execution: int = option(
        1, "Steps in one call of the graph.", may_change=True
    )
    jit_compile: bool = option(False, "Compile the step by XLA.", may_change=True)
    run_eagerly: bool = option(
        False,
        "Take steps without a graph: quicker to begin, slower to run.",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    method: MethodConfig = MethodConfig()
    source: SourceConfig = SourceConfig()
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
